//! Walks over every text of a configuration.

use serde_json::{Map, Value};

use crate::path::ConfigPath;

/// One text of a configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Text<'c> {
    /// A key.
    Key(&'c str),
    /// A value, and the key it stands at, unless it is an item of a list.
    Value(&'c str, Option<&'c str>),
}

/// Shows all texts of an object, each with its path (that of a key is that of its value).
pub(crate) fn visit_texts<'c>(
    map: &'c Map<String, Value>,
    visit: &mut dyn FnMut(&ConfigPath, Text<'c>),
) {
    in_object(map, &mut ConfigPath::default(), visit);
}

fn in_object<'c>(
    map: &'c Map<String, Value>,
    path: &mut ConfigPath,
    visit: &mut dyn FnMut(&ConfigPath, Text<'c>),
) {
    for (key, value) in map {
        path.push_key(key);
        visit(path, Text::Key(key));
        in_value(value, Some(key), path, visit);
        path.pop();
    }
}

fn in_value<'c>(
    value: &'c Value,
    key: Option<&'c str>,
    path: &mut ConfigPath,
    visit: &mut dyn FnMut(&ConfigPath, Text<'c>),
) {
    match value {
        Value::String(text) => visit(path, Text::Value(text, key)),
        Value::Object(map) => in_object(map, path, visit),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push_index(index);
                in_value(item, None, path, visit);
                path.pop();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_key_and_every_text_is_shown_once() {
        let config = json!({"a": "x", "b": [1, "y", {"c": "z"}], "d": {"e": null}});
        let mut seen = Vec::new();
        visit_texts(config.as_object().unwrap(), &mut |path, text| {
            seen.push(format!("{path} {text:?}"));
        });
        assert_eq!(
            seen,
            [
                r#"a Key("a")"#,
                r#"a Value("x", Some("a"))"#,
                r#"b Key("b")"#,
                r#"b[1] Value("y", None)"#,
                r#"b[2].c Key("c")"#,
                r#"b[2].c Value("z", Some("c"))"#,
                r#"d Key("d")"#,
                r#"d.e Key("e")"#,
            ]
        );
    }
}
