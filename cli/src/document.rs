use serde_json::{Map, Number, Value};
use serde_yaml::Value as Yaml;

/// Reads a JSON object out of JSON or YAML. The error says what is wrong and, if it can, where.
pub(crate) fn read_object(text: &str) -> Result<Map<String, Value>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // JSON first: not all of it is YAML (tabs, for one), and its numbers are read more exactly.
    let value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(json_error) => match read_yaml(text) {
            Ok(value) => value,
            Err(_) if text.trim_start().starts_with('{') => return Err(json_error.to_string()),
            Err(yaml_error) => return Err(yaml_error),
        },
    };
    match value {
        Value::Object(object) => Ok(object),
        Value::Null => Err("it is empty, and must be an object".into()),
        other => Err(format!("it is {}, and must be an object", kind(&other))),
    }
}

/// Reads a JSON object from an argument.
pub(crate) fn parse_object(text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(format!(
            "it is {}, and must be an object as in {{\"key\": \"value\"}}",
            kind(&other)
        )),
        Err(error) => Err(format!("it is not JSON: {error}")),
    }
}

fn read_yaml(text: &str) -> Result<Value, String> {
    let yaml = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    to_json(yaml)
}

/// Only what JSON can say; serde's own conversion would turn `.nan` into null and `1: x` into `"1": x` in silence.
fn to_json(yaml: Yaml) -> Result<Value, String> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(it) => Value::Bool(it),
        Yaml::String(it) => Value::String(it),
        Yaml::Number(it) => match (it.as_u64(), it.as_i64(), it.as_f64()) {
            (Some(it), ..) => it.into(),
            (_, Some(it), _) => it.into(),
            (.., float) => Value::Number(
                float
                    .and_then(Number::from_f64)
                    .ok_or_else(|| format!("{it} is a number that JSON does not have"))?,
            ),
        },
        Yaml::Sequence(items) => {
            Value::Array(items.into_iter().map(to_json).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(entries) => {
            let entry = |(key, value)| match key {
                Yaml::String(key) => Ok((key, to_json(value)?)),
                other => {
                    let key = serde_yaml::to_string(&other).unwrap_or_default();
                    Err(format!(
                        "the key {:?} is not text: put it into quotes",
                        key.trim_end()
                    ))
                }
            };
            Value::Object(entries.into_iter().map(entry).collect::<Result<_, _>>()?)
        }
        Yaml::Tagged(it) => return Err(format!("the tag {} means nothing here", it.tag)),
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_and_yaml_say_the_same() {
        let expected =
            json!({"llm": {"provider": "echo", "temperature": 0.5}, "tags": [1, -1, true, null]});
        let yaml = "llm:\n  provider: echo\n  temperature: 0.5\ntags: [1, -1, true, ~]\n";
        assert_eq!(
            read_object(&expected.to_string()).map(Value::Object),
            Ok(expected.clone())
        );
        assert_eq!(read_object(yaml).map(Value::Object), Ok(expected.clone()));
        assert_eq!(
            read_object(
                "\u{feff}{llm: {provider: echo, temperature: 0.5}, tags: [1, -1, true, null]}"
            )
            .map(Value::Object),
            Ok(expected)
        );
    }

    #[test]
    fn what_is_no_object_is_refused_with_what_it_is() {
        assert_eq!(
            read_object(""),
            Err("it is empty, and must be an object".into())
        );
        assert_eq!(
            read_object("[1]"),
            Err("it is a list, and must be an object".into())
        );
        assert_eq!(
            read_object("just words"),
            Err("it is a text, and must be an object".into())
        );
        assert!(parse_object("7").unwrap_err().starts_with("it is a number"));
        assert!(
            parse_object("{")
                .unwrap_err()
                .starts_with("it is not JSON: EOF")
        );
    }

    #[test]
    fn what_json_cannot_say_is_refused_and_never_bent() {
        assert_eq!(
            read_object("a: .nan"),
            Err(".nan is a number that JSON does not have".into())
        );
        assert_eq!(
            read_object("1: x"),
            Err("the key \"1\" is not text: put it into quotes".into())
        );
        assert!(read_object("a: !thing x").unwrap_err().contains("!thing"));
        assert!(read_object("a: 1\na: 2").unwrap_err().contains("duplicate"));
    }

    #[test]
    fn an_error_says_where() {
        assert!(
            read_object("{\"a\": 1,\n \"b\" 2}")
                .unwrap_err()
                .contains("line 2 column 6")
        );
        assert!(read_object("a: [1\nb: 2").unwrap_err().contains("line 2"));
    }
}
