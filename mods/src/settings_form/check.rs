//! What is wrong with a configuration.

use super::{Field, FieldKind, SettingsForm};
use serde_json::{Map, Value};

pub(super) fn problems(form: &SettingsForm, config: &Map<String, Value>) -> Vec<String> {
    let mut problems = Vec::new();
    for field in form.fields() {
        match config.get(&field.key) {
            None | Some(Value::Null) if field.required => {
                problems.push(format!("{}: must be given", field.key));
            }
            None | Some(Value::Null) => {}
            Some(value) => {
                if let Some(wanted) = unfit(&field.kind, value) {
                    problems.push(format!("{}: must be {wanted}", field.key));
                }
            }
        }
    }
    for key in config.keys() {
        if !form.fields().any(|field| field.key == *key) {
            problems.push(unknown(form, key));
        }
    }
    problems
}

fn unknown(form: &SettingsForm, key: &str) -> String {
    let keys: Vec<&str> = form
        .fields()
        .map(|field: &Field| field.key.as_str())
        .collect();
    let shown: String = key.chars().take(64).collect();
    if keys.is_empty() {
        format!("{shown:?}: there is nothing to configure")
    } else {
        format!(
            "{shown:?}: there is no such key; there are {}",
            keys.join(", ")
        )
    }
}

/// What a value should be and is not.
fn unfit(kind: &FieldKind, value: &Value) -> Option<String> {
    let texts = |value: &Value, allowed: &dyn Fn(&str) -> bool| {
        let items = value.as_array();
        items.is_some_and(|items| items.iter().all(|item| item.as_str().is_some_and(allowed)))
    };
    let (fits, wanted) = match kind {
        FieldKind::Text | FieldKind::LongText | FieldKind::Password => {
            (value.is_string(), "a text".to_owned())
        }
        FieldKind::Boolean => (value.is_boolean(), "true or false".to_owned()),
        FieldKind::Object => (value.is_object(), "an object".to_owned()),
        FieldKind::List => (texts(value, &|_| true), "a list of texts".to_owned()),
        FieldKind::Integer { min, max } => (
            value
                .as_i64()
                .is_some_and(|number| (*min..=*max).contains(&number)),
            format!("a whole number from {min} to {max}"),
        ),
        FieldKind::Number { min, max } => (
            value
                .as_f64()
                .is_some_and(|number| (*min..=*max).contains(&number)),
            format!("a number from {min} to {max}"),
        ),
        FieldKind::Select(options) => (
            value
                .as_str()
                .is_some_and(|text| options.iter().any(|option| option == text)),
            format!("one of {}", options.join(", ")),
        ),
        FieldKind::MultiSelect(options) => (
            texts(value, &|text| options.iter().any(|option| option == text)),
            format!("a list of some of {}", options.join(", ")),
        ),
    };
    (!fits).then_some(wanted)
}
