//! Gives the values that came whole from a variable the types that a schema wants.

use serde_json::{Map, Value};

use super::schema::Schema;
use super::spelling::{Types, read};
use crate::error::{ConfigErrorKind, Problems};
use crate::origins::{Origin, Origins};
use crate::path::{ConfigPath, Segment};

/// What can be spelled as the schema wants is; the rest stays as it is, and is told.
pub(super) fn typed(
    map: &Map<String, Value>,
    origins: &Origins,
    schema: &Value,
) -> (Map<String, Value>, Problems) {
    let mut schema = Schema::new(schema);
    let whole = Value::Object(map.clone());
    let mut typed = whole.clone();
    let mut problems = Problems::default();
    origins.for_each(&mut |path, origin| {
        let Origin::Variable(variable) = origin else {
            return;
        };
        let wanted = schema.allowed_at(&whole, path.segments());
        if wanted.has(Types::TEXT) || wanted & Types::SPELLED == Types::NONE {
            return;
        }
        let Some(place) = at(&mut typed, path) else {
            return;
        };
        let Value::String(text) = &*place else {
            return;
        };
        match read(text, variable, wanted & Types::SPELLED) {
            Ok(value) => *place = value,
            Err(why) => problems.push(path.clone(), ConfigErrorKind::Unfit(why)),
        }
    });
    match typed {
        Value::Object(map) => (map, problems),
        _ => (Map::new(), problems),
    }
}

fn at<'v>(value: &'v mut Value, path: &ConfigPath) -> Option<&'v mut Value> {
    path.segments()
        .iter()
        .try_fold(value, |value, segment| match segment {
            Segment::Key(key) => value.get_mut(key),
            Segment::Index(index) => value.get_mut(index),
        })
}

#[cfg(test)]
mod tests;
