//! What a configuration or metadata may hold.

use crate::fault::{Fault, Kind};
use hotbed_api::Place;
use serde_json::{Map, Value};

/// How deep a configuration or metadata may be nested: less than what JSON readers take by default, so that a list of
/// registrations can be read too.
const MAX_DEPTH: usize = 120;

/// Refuses an object that cannot be kept everywhere: some stores know no NUL in texts, some readers no depth.
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
        if key.contains('\0') {
            let path = format!(".{}", key.escape_debug());
            return Some(Misfit {
                path,
                what: "has a NUL character in its name: remove it",
            });
        }
        let Misfit { path, what } = misfit(value, depth)?;
        Some(Misfit {
            path: format!(".{key}{path}"),
            what,
        })
    })
}

fn misfit(value: &Value, depth: usize) -> Option<Misfit> {
    let here = |what| {
        Some(Misfit {
            path: String::new(),
            what,
        })
    };
    match value {
        Value::String(text) if text.contains('\0') => here("holds a NUL character: remove it"),
        Value::Array(_) | Value::Object(_) if depth >= MAX_DEPTH => {
            here("is nested deeper than 120 levels: flatten it")
        }
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
