//! What is different between two JSON values, field by field.

use serde::Serialize;
use serde_json::Value;
use std::fmt::Write;

/// One field that is not the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Where it is, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What it was; absent if it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// What it became; absent if it is not there any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// Every difference, in the order of the fields.
pub fn differences(from: &Value, to: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", Some(from), Some(to), &mut found);
    found
}

fn compare(pointer: &str, from: Option<&Value>, to: Option<&Value>, found: &mut Vec<Difference>) {
    if from == to {
        return;
    }
    match (from, to) {
        (Some(Value::Object(from)), Some(Value::Object(to))) => {
            let gone = from.keys().filter(|key| !to.contains_key(*key));
            for key in gone.chain(to.keys()) {
                let step = key.replace('~', "~0").replace('/', "~1");
                let inner = format!("{pointer}/{step}");
                compare(&inner, from.get(key), to.get(key), found);
            }
        }
        (Some(Value::Array(from)), Some(Value::Array(to))) => {
            for n in 0..from.len().max(to.len()) {
                compare(&format!("{pointer}/{n}"), from.get(n), to.get(n), found);
            }
        }
        (from, to) => found.push(Difference {
            pointer: pointer.to_owned(),
            from: from.cloned(),
            to: to.cloned(),
        }),
    }
}

impl Difference {
    /// The keys that lead to the field, and the places in lists.
    pub(crate) fn keys(&self) -> impl DoubleEndedIterator<Item = String> {
        let steps = self
            .pointer
            .split('/')
            .skip(1)
            .collect::<Vec<_>>()
            .into_iter();
        steps.map(|step| step.replace("~1", "/").replace("~0", "~"))
    }

    /// The field's name for people: `config.llm.model`, and `["a.b"]` for a key that is no plain word.
    pub fn name(&self) -> String {
        let mut name = String::new();
        for key in self.keys() {
            let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$');
            if !key.is_empty() && key.chars().all(plain) {
                let dot = if name.is_empty() { "" } else { "." };
                write!(name, "{dot}{key}").expect("memory takes any text");
            } else {
                write!(name, "[{}]", Value::from(key)).expect("memory takes any text");
            }
        }
        name
    }

    /// What it was and what it became, line by line, each with its sign. Of long texts only the lines that differ,
    /// and those between them.
    pub fn lines(&self) -> Vec<(char, String)> {
        let (from, to) = (lines(self.from.as_ref()), lines(self.to.as_ref()));
        let both = from.len().min(to.len());
        let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let tail = from.iter().rev().zip(to.iter().rev());
        let same_at_end = tail.take_while(|(a, b)| a == b).count().min(both - same);
        let changed = |lines: &[String], sign| {
            let changed = &lines[same..lines.len() - same_at_end];
            changed
                .iter()
                .map(|line| (sign, line.clone()))
                .collect::<Vec<_>>()
        };
        [changed(&from, '-'), changed(&to, '+')].concat()
    }
}

/// A text of several lines as those, and anything else as JSON.
fn lines(value: Option<&Value>) -> Vec<String> {
    match value {
        None => Vec::new(),
        Some(Value::String(text)) if text.contains('\n') => {
            text.split('\n').map(str::to_owned).collect()
        }
        Some(other) => vec![other.to_string()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(from: &Value, to: &Value) -> Vec<String> {
        let lines = |it: Difference| {
            let name = it.name();
            it.lines()
                .into_iter()
                .map(move |(sign, line)| format!("{name} {sign}{line}"))
                .collect::<Vec<_>>()
        };
        differences(from, to).into_iter().flat_map(lines).collect()
    }

    #[test]
    fn what_is_the_same_is_not_told() {
        let value = json!({"a": [1, {"b": null}], "c": "x"});
        assert_eq!(told(&value, &value), [""; 0]);
    }

    #[test]
    fn fields_are_changed_added_and_removed() {
        let from = json!({"llm": {"model": "a", "top": 1}, "tools": [1, 2, 3], "n": 1});
        let to = json!({"llm": {"model": "b", "new": null}, "tools": [1, 5], "n": 1.0});
        let expected = [
            "llm.top -1",
            "llm.model -\"a\"",
            "llm.model +\"b\"",
            "llm.new +null",
            "tools.1 -2",
            "tools.1 +5",
            "tools.2 -3",
            "n -1",
            "n +1.0",
        ];
        let mut told = told(&from, &to);
        told.sort();
        let mut expected = expected.map(str::to_owned);
        expected.sort();
        assert_eq!(told, expected);
    }

    #[test]
    fn another_kind_of_value_is_told_whole() {
        let (from, to) = (json!({"a": {"b": 1}}), json!({"a": [1]}));
        assert_eq!(told(&from, &to), [r#"a -{"b":1}"#, "a +[1]"]);
    }

    #[test]
    fn of_a_long_text_only_what_changed_is_told() {
        let from = json!({"prompt": "one\ntwo\nthree\nfour"});
        let to = json!({"prompt": "one\n2\nthree\nfour"});
        assert_eq!(told(&from, &to), ["prompt -two", "prompt +2"]);
        let more = json!({"prompt": "one\ntwo\ntwo\nthree\nfour"});
        assert_eq!(told(&from, &more), ["prompt +two"]);
        let short = json!({"prompt": "one"});
        assert_eq!(told(&short, &to)[0], "prompt -\"one\"");
    }

    #[test]
    fn odd_keys_are_shown_as_such_and_pointed_to_exactly() {
        let found = differences(&json!({}), &json!({"a.b": {"c/d~": 1}}));
        assert_eq!(found[0].pointer, "/a.b");
        let found = differences(&json!({"a.b": {}}), &json!({"a.b": {"c/d~": 1, "": 2}}));
        let names: Vec<_> = found.iter().map(Difference::name).collect();
        assert!(
            names.contains(&r#"["a.b"]["c/d~"]"#.to_owned()),
            "{names:?}"
        );
        assert!(names.contains(&r#"["a.b"][""]"#.to_owned()), "{names:?}");
        let to = json!({"a.b": {"c/d~": 1, "": 2}});
        for difference in found {
            assert_eq!(to.pointer(&difference.pointer), difference.to.as_ref());
        }
    }
}
