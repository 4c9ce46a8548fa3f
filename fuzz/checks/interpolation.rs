//! `${VAR}` in texts, against the grammar written a second time, one character after the other.

use hotbed_configs::{ConfigErrorKind, Environment, PortableConfig, Variables};
use serde_json::json;

const VARIABLES: [(&str, &str); 6] = [
    ("V", "value"),
    ("E", ""),
    ("N", "${V}"),
    ("a b", "$"),
    ("{", "}"),
    ("$", "${"),
];

/// Fills in the text as the value, and in a list, of a configuration. Panics where it is not what the grammar says.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let variables: Variables = VARIABLES
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let environment = Environment::empty("fuzz").with_variables(variables);
    let config = json!({ "text": text, "list": [text, 1, { "text": text }] });
    let config = PortableConfig::from_value(config).expect("a text is a configuration");
    let (filled, missing) = expected(text);
    match environment.resolve(&config) {
        Ok(resolved) => {
            assert!(missing.is_empty(), "{missing:?} is missing and not told");
            let resolved = serde_json::Value::Object(resolved.as_map().clone());
            let expected = json!({ "text": filled, "list": [filled, 1, { "text": filled }] });
            assert_eq!(resolved, expected);
        }
        Err(refusal) => {
            for problem in &refusal {
                let ConfigErrorKind::MissingVariable { name, message } = problem.kind() else {
                    panic!("{problem}");
                };
                let told = (name.clone(), message.clone());
                assert!(missing.contains(&told), "{told:?} is told and not missing");
            }
            assert_eq!(
                refusal.iter().count() + refusal.unlisted(),
                3 * missing.len()
            );
        }
    }
}

/// The text filled in, and what is missing with its message.
fn expected(text: &str) -> (String, Vec<(String, Option<String>)>) {
    let mut filled = String::new();
    let mut missing = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("$${") {
            filled.push_str("${");
            rest = after;
        } else if let Some((whole, name, or)) = placeholder(rest) {
            let value = VARIABLES.iter().find(|(known, _)| *known == name);
            match (value, or.strip_prefix(':')) {
                (Some((_, value)), _) => filled.push_str(value),
                (None, Some(or)) if !or.starts_with('?') => {
                    filled.push_str(or.strip_prefix('-').unwrap_or(or));
                }
                (None, or) => {
                    let message = or.map(|or| or[1..].to_owned());
                    missing.push((name.to_owned(), message.filter(|said| !said.is_empty())));
                }
            }
            rest = &rest[whole.len()..];
        } else {
            filled.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    (filled, missing)
}

/// The placeholder with which a text begins, its name, and what of it follows the name.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let inside = text.strip_prefix("${")?;
    let inside = &inside[..inside.find('}')?];
    let name = &inside[..inside.find(':').unwrap_or(inside.len())];
    let whole = &text[..="${".len() + inside.len()];
    (!name.is_empty()).then(|| (whole, name, &inside[name.len()..]))
}
