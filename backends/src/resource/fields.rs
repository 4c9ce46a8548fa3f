use super::InvalidResource;
use serde_json::{Map, Value};

/// How alike two words are of which one is probably meant to be the other.
const ALIKE: f64 = 0.8;

/// The keys of a resource, read one after another; what is wrong is collected.
pub(super) struct Fields<'r> {
    backend: &'static str,
    /// What it is a backend of.
    of: &'static str,
    map: &'r Map<String, Value>,
    problems: Vec<String>,
}

impl<'r> Fields<'r> {
    /// Refuses keys that are none of those known.
    pub(super) fn new(
        backend: &'static str,
        of: &'static str,
        map: &'r Map<String, Value>,
        known: &[&'static str],
    ) -> Self {
        let mut fields = Self {
            backend,
            of,
            map,
            problems: Vec::new(),
        };
        let mut known = known.to_vec();
        known.push("backend");
        known.sort_unstable();
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            let meant = nearest(key, &known);
            let known = known.join(", ");
            fields.refuse(&format!("unknown key {key:?}{meant}; known are {known}"));
        }
        fields
    }

    /// A text, if there is one. Numbers will do.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        match self.map.get(key)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            _ => {
                self.refuse(&format!("{key} is not a text"));
                None
            }
        }
    }

    /// A text that there must be; empty, and refused, if there is none.
    pub(super) fn required(&mut self, key: &str) -> String {
        let before = self.problems.len();
        self.text(key).unwrap_or_else(|| {
            if self.problems.len() == before {
                self.refuse(&format!("{key} is missing"));
            }
            String::new()
        })
    }

    /// True or false, if it is given; as a text too, for a variable is one.
    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        match self.map.get(key)? {
            Value::Null => None,
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if text.is_empty() => None,
            Value::String(text) if text == "true" => Some(true),
            Value::String(text) if text == "false" => Some(false),
            _ => {
                self.refuse(&format!("{key} is neither true nor false"));
                None
            }
        }
    }

    /// Whether it is given.
    pub(super) fn has(&self, key: &str) -> bool {
        self.map
            .get(key)
            .is_some_and(|it| !it.is_null() && it.as_str() != Some(""))
    }

    /// Adds something that is wrong.
    pub(super) fn refuse(&mut self, problem: &str) {
        self.problems
            .push(format!("{} {}: {problem}", self.backend, self.of));
    }

    pub(super) fn finish(self) -> Result<(), InvalidResource> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(InvalidResource {
                problems: self.problems,
            })
        }
    }
}

/// What was probably meant, for the middle of a message.
pub(super) fn nearest(word: &str, known: &[&str]) -> String {
    let word = word.to_lowercase();
    let alike = |other: &&str| strsim::jaro_winkler(&word, other);
    let best = known
        .iter()
        .max_by(|a, b| alike(a).total_cmp(&alike(b)))
        .filter(|best| alike(best) >= ALIKE);
    best.map_or_else(String::new, |best| format!(", did you mean {best:?}?"))
}
