//! Differences as they are shown to people.

use hotbed_configs::{PortableConfig, ResolvedConfig};
use serde_json::{Map, Value};

use crate::difference::Difference;

/// What stands for a text that replaced another one, where neither is shown.
const ANOTHER: &str = "[hidden: another one]";

/// The same difference without the texts that look like secrets.
pub fn shown_difference(difference: &Difference) -> Difference {
    let key = difference.keys().rfind(|key| key.parse::<usize>().is_err());
    let key = key.unwrap_or_default();
    let show = |value: &Option<Value>| value.as_ref().map(|value| shown_under(&key, value));
    let (from, mut to) = (show(&difference.from), show(&difference.to));
    // Two that look alike would not look like a difference.
    if to.is_some() && from == to {
        to = Some(ANOTHER.into());
    }
    Difference {
        pointer: difference.pointer.clone(),
        from,
        to,
    }
}

/// The value as it is shown under a key, which may say that it is a secret.
fn shown_under(key: &str, value: &Value) -> Value {
    let whole = Map::from_iter([(key.to_owned(), value.clone())]);
    // What is nested too deep to be a configuration cannot have been one.
    let config = PortableConfig::from_map(whole).map(|config| ResolvedConfig::verbatim(&config));
    config.map_or(Value::Null, |config| config.redacted()[key].clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Caught: to show one of the two, to let two secrets look the same, to take the place in a list for the key.
    #[test]
    fn a_difference_of_secrets_is_seen_without_the_secrets() {
        let of = |from: Value, to: Value| {
            let found = crate::differences(&from, &to);
            let lines = found.iter().map(shown_difference).flat_map(|it| it.lines());
            lines
                .map(|(sign, line)| format!("{sign}{line}"))
                .collect::<Vec<_>>()
        };
        let key = |key: &str| json!({"llm": {"api_key": format!("sk-proj-{key}0123456789abcdefghijklmnopqrstuv")}, "n": 1});
        let told = of(key("a"), key("b"));
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told.iter().all(|line| line.contains("[hidden: ")),
            "{told:?}"
        );
        let told = of(json!({}), key("a"));
        assert!(!told.concat().contains("0123456789"), "{told:?}");
        assert_eq!(of(json!({"n": 1}), json!({"n": 2})), ["-1", "+2"]);
    }
}
