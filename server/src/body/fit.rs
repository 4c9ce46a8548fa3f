//! What a configuration or metadata may hold.

use crate::fault::{Fault, Kind};
use hotbed_api::Place;
use serde_json::{Map, Value};

/// How deep a configuration or metadata may be nested: less than what JSON readers take by default, so that a list of
/// registrations can be read too.
const MAX_DEPTH: usize = 120;

/// Refuses an object that cannot be read everywhere: some readers know no depth.
pub(crate) fn check_object(name: &str, object: &Map<String, Value>) -> Result<(), Fault> {
    match misfit_in_object(object, 1) {
        None => Ok(()),
        Some(Misfit { path, what }) => {
            let path = format!("{name}{path}");
            let detail = format!("{path} {what}");
            Err(Fault::new(Kind::Invalid, detail).at_place(Place {
                path,
                ..Place::default()
            }))
        }
    }
}

/// What does not fit, and the way to it from where it is looked for.
struct Misfit {
    path: String,
    what: &'static str,
}

fn misfit_in_object(object: &Map<String, Value>, depth: usize) -> Option<Misfit> {
    object.iter().find_map(|(key, value)| {
        let Misfit { path, what } = misfit(value, depth)?;
        Some(Misfit {
            path: format!(".{key}{path}"),
            what,
        })
    })
}

fn misfit(value: &Value, depth: usize) -> Option<Misfit> {
    match value {
        Value::Array(_) | Value::Object(_) if depth >= MAX_DEPTH => Some(Misfit {
            path: String::new(),
            what: "is nested deeper than 120 levels: flatten it",
        }),
        Value::Object(object) => misfit_in_object(object, depth + 1),
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            let Misfit { path, what } = misfit(item, depth + 1)?;
            Some(Misfit {
                path: format!("[{index}]{path}"),
                what,
            })
        }),
        _ => None,
    }
}
