use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::rc::Rc;

use hotbed_configs::ResolvedConfig;
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::problem::{InvalidBotConfig, Problem};

/// More keys than this that are not ours are counted rather than named.
const NAMED_KEYS: usize = 20;

/// Longer keys and names are cut in messages.
const SHOWN_CHARS: usize = 60;

/// Collects what is wrong and what is doubtful.
#[derive(Default)]
pub(super) struct Findings {
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl Findings {
    pub(super) fn problem(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        self.problems.push(Problem {
            path: path.into(),
            reason: reason.into(),
        });
    }

    pub(super) fn warning(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    /// What was read, with warnings, unless there are problems. What could not be read is one.
    pub(super) fn conclude<T>(self, read: Option<T>) -> Result<(T, Vec<String>), InvalidBotConfig> {
        match read {
            Some(read) if self.problems.is_empty() => Ok((read, self.warnings)),
            _ => Err(InvalidBotConfig::new(self.problems)),
        }
    }
}

/// Reads one object key by key and knows in the end which keys nobody asked for.
///
/// A key that is absent and one whose value is refused both read as `None`; the second is a problem by then.
///
/// A value that is a secret is refused wherever it is not asked for as one: a bot tells all else to whoever talks to it.
pub(super) struct Fields<'a> {
    path: &'static str,
    map: &'a Map<String, Value>,
    /// Where the secrets of the whole configuration stand.
    secrets: Rc<BTreeSet<String>>,
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) fn root(config: &'a ResolvedConfig) -> Self {
        let secrets = config.secrets();
        let places = secrets.iter().map(|(path, _)| path.to_string());
        Self {
            path: "",
            map: config.as_map(),
            secrets: Rc::new(places.collect()),
            asked: Vec::new(),
        }
    }

    pub(super) fn object(
        &mut self,
        key: &'static str,
        findings: &mut Findings,
    ) -> Option<Fields<'a>> {
        let map = self.typed(key, "an object", Value::as_object, findings)?;
        Some(Self {
            path: key,
            map,
            secrets: Rc::clone(&self.secrets),
            asked: Vec::new(),
        })
    }

    pub(super) fn text(&mut self, key: &'static str, findings: &mut Findings) -> Option<&'a str> {
        self.typed(key, "a string", Value::as_str, findings)
    }

    /// A text that may be a secret: who asks keeps it to themselves.
    pub(super) fn secret(
        &mut self,
        key: &'static str,
        findings: &mut Findings,
    ) -> Option<SecretString> {
        let text = self.typed_even_if_secret(key, "a string", Value::as_str, findings)?;
        Some(SecretString::from(text))
    }

    pub(super) fn choice(
        &mut self,
        key: &'static str,
        allowed: &'static [&'static str],
        findings: &mut Findings,
    ) -> Option<&'static str> {
        let given = self.text(key, findings)?;
        let chosen = allowed.iter().copied().find(|name| *name == given);
        if chosen.is_none() {
            let reason = format!(
                "{:?} is not known here: use {}",
                cut(given),
                either(allowed)
            );
            findings.problem(self.path_of(key), reason);
        }
        chosen
    }

    pub(super) fn integer(
        &mut self,
        key: &'static str,
        allowed: RangeInclusive<u64>,
        findings: &mut Findings,
    ) -> Option<u64> {
        let number = self.typed(key, "a number", Value::as_number, findings)?;
        let fitting = number.as_u64().filter(|number| allowed.contains(number));
        if fitting.is_none() {
            let reason = format!(
                "must be a whole number from {} to {}",
                allowed.start(),
                allowed.end()
            );
            findings.problem(self.path_of(key), reason);
        }
        fitting
    }

    pub(super) fn decimal(
        &mut self,
        key: &'static str,
        allowed: RangeInclusive<f64>,
        findings: &mut Findings,
    ) -> Option<f64> {
        let number = self.typed(key, "a number", Value::as_number, findings)?;
        let fitting = number.as_f64().filter(|number| allowed.contains(number));
        if fitting.is_none() {
            let reason = format!(
                "must be a number from {} to {}",
                allowed.start(),
                allowed.end()
            );
            findings.problem(self.path_of(key), reason);
        }
        fitting
    }

    pub(super) fn is_absent(&self, key: &str) -> bool {
        self.map.get(key).is_none_or(Value::is_null)
    }

    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Refuses keys of providers, and warns of all else that nobody asked for.
    pub(super) fn finish(self, findings: &mut Findings) {
        let mut others: Vec<_> = self
            .map
            .iter()
            .filter(|(key, _)| !self.asked.contains(&key.as_str()))
            .collect();
        others.sort_unstable_by_key(|(key, _)| *key);
        let mut unnamed = 0_usize;
        for (at, (key, value)) in others.into_iter().enumerate() {
            if is_api_key(key) && !value.is_null() {
                findings.problem(
                    self.path_of(&cut(key)),
                    "a key does not belong here: name it in `llm.api_key`, as in {\"$secret\": \"env:NAME\"}",
                );
            } else if at < NAMED_KEYS {
                let path = self.path_of(&cut(key));
                let hint = self
                    .near_miss(key)
                    .map(|ours| format!(": did you mean `{ours}`?"))
                    .unwrap_or_default();
                findings.warning(format!(
                    "`{path}` is not understood here and is ignored{hint}"
                ));
            } else {
                unnamed += 1;
            }
        }
        if unnamed > 0 {
            findings.warning(format!(
                "{unnamed} more keys are not understood here and are ignored"
            ));
        }
    }

    fn near_miss(&self, key: &str) -> Option<&'static str> {
        let near = |ours: &&'static str| key.chars().count() <= SHOWN_CHARS && is_near(key, ours);
        self.asked.iter().copied().find(near)
    }

    fn typed<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        as_wanted: impl FnOnce(&'a Value) -> Option<T>,
        findings: &mut Findings,
    ) -> Option<T> {
        let path = self.path_of(key);
        if self.secrets.contains(&path) {
            self.asked.push(key);
            findings.problem(path, "a secret may stand in `llm.api_key` only");
            return None;
        }
        self.typed_even_if_secret(key, wanted, as_wanted, findings)
    }

    fn typed_even_if_secret<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        as_wanted: impl FnOnce(&'a Value) -> Option<T>,
        findings: &mut Findings,
    ) -> Option<T> {
        self.asked.push(key);
        let value = self.map.get(key).filter(|value| !value.is_null())?;
        let typed = as_wanted(value);
        if typed.is_none() {
            findings.problem(
                self.path_of(key),
                format!("must be {wanted}, not {}", kind(value)),
            );
        }
        typed
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn is_api_key(key: &str) -> bool {
    let letters: String = key
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(SHOWN_CHARS)
        .collect();
    letters.eq_ignore_ascii_case("apikey")
}

/// Names to choose from, as a person would list them.
pub(super) fn either(names: &[&str]) -> String {
    match names {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => names.concat(),
    }
}

/// Cuts and escapes what came from outside.
fn cut(text: &str) -> String {
    let shown: String = text
        .chars()
        .take(SHOWN_CHARS)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown + "…"
    } else {
        shown
    }
}

/// Whether two words are so alike that one may be a slip for the other: at most two letters changed, added or left
/// out, and most of the word right.
fn is_near(given: &str, ours: &str) -> bool {
    let ours: Vec<char> = ours.chars().collect();
    let mut row: Vec<usize> = (0..=ours.len()).collect();
    for (above, a) in given.to_lowercase().chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for (at, b) in ours.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[ours.len()] <= 2.min(ours.len() / 3)
}
