//! Walks a configuration and fills in what it leaves open.

mod bind;
mod secret;

pub(crate) use secret::Secrets;

use serde_json::{Map, Value};

use crate::environment::Environment;
use crate::error::{ConfigErrorKind, Problems};
use crate::interpolate::{Missing, interpolate, only_variable};
use crate::limits::{Budget, MAX_NESTING, VALUE_UNITS};
use crate::origins::{Origin, Origins};
use crate::path::ConfigPath;
use crate::reference::is_reference;
use crate::secret::is_secret;
use crate::variables::Variables;
use crate::warning::ConfigWarning;

/// What to do with `$resource` references.
#[derive(Clone, Copy, Debug)]
pub(crate) enum References<'e> {
    /// Leave them: this is an environment's own text, bound when a configuration refers to it.
    Keep,
    /// Put the resource of this environment in their place.
    Bind(&'e Environment),
}

/// Whether variables were filled in before, and where. Doing it twice would let a variable's value name other
/// variables.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Text<'o> {
    Raw,
    Filled(Option<&'o Origins>),
}

impl<'o> Text<'o> {
    fn key(self, key: &str) -> Self {
        match self {
            Self::Raw => Self::Raw,
            Self::Filled(origins) => Self::Filled(origins.and_then(|origins| origins.key(key))),
        }
    }

    fn item(self, index: usize) -> Self {
        match self {
            Self::Raw => Self::Raw,
            Self::Filled(origins) => Self::Filled(origins.and_then(|origins| origins.item(index))),
        }
    }

    /// The variable that a text came from as a whole.
    fn variable<'t>(self, written: &'t str) -> Option<&'t str>
    where
        'o: 't,
    {
        match self {
            Self::Raw => only_variable(written),
            Self::Filled(origins) => origins.and_then(Origins::variable),
        }
    }
}

/// The walk: where it stands, what it may still spend, and what it has found.
pub(crate) struct Resolver<'a> {
    variables: &'a Variables,
    references: References<'a>,
    secrets: Secrets<'a>,
    /// Where the walk stands, by keys as they are written.
    path: ConfigPath,
    /// The same, by keys as they are filled in.
    place: ConfigPath,
    budget: Option<Budget>,
    /// The resources which the walk is inside of, outermost first.
    open: Vec<String>,
    pub(crate) origins: Origins,
    pub(crate) problems: Problems,
    pub(crate) warnings: Vec<ConfigWarning>,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(
        variables: &'a Variables,
        references: References<'a>,
        secrets: Secrets<'a>,
    ) -> Self {
        Self {
            variables,
            references,
            secrets,
            path: ConfigPath::default(),
            place: ConfigPath::default(),
            budget: Some(Budget::new()),
            open: Vec::new(),
            origins: Origins::default(),
            problems: Problems::default(),
            warnings: Vec::new(),
        }
    }

    /// Fills in an object. What comes back means nothing if problems were found.
    pub(crate) fn object(
        &mut self,
        object: &Map<String, Value>,
        text: Text<'_>,
    ) -> Map<String, Value> {
        if !self.enter() {
            return Map::new();
        }
        if is_secret(object) {
            self.problem(ConfigErrorKind::SecretWhole);
            return Map::new();
        }
        match self.references {
            References::Bind(environment) if is_reference(object) => {
                self.bind(environment, object, text)
            }
            _ => self.entries(object, text, &Map::new()),
        }
    }

    fn value(&mut self, value: &Value, text: Text<'_>) -> Value {
        match value {
            Value::Object(object) if is_secret(object) => self.secret(object, text),
            Value::Object(object) => Value::Object(self.object(object, text)),
            Value::Array(items) => Value::Array(self.items(items, text)),
            Value::String(written) => {
                self.spend(VALUE_UNITS + written.len());
                if let Some(variable) = text.variable(written) {
                    let origin = Origin::Variable(variable.to_owned());
                    self.origins.insert(&self.place, origin);
                }
                Value::String(self.text(written, text))
            }
            scalar => {
                self.spend(VALUE_UNITS);
                scalar.clone()
            }
        }
    }

    fn items(&mut self, items: &[Value], text: Text<'_>) -> Vec<Value> {
        if !self.enter() {
            return Vec::new();
        }
        let filled = items.iter().enumerate().map(|(index, item)| {
            self.path.push_index(index);
            self.place.push_index(index);
            let item = self.value(item, text.item(index));
            self.place.pop();
            self.path.pop();
            item
        });
        filled.collect()
    }

    /// Fills in the entries of an object but those whose key is in `overridden_by`.
    fn entries<'o>(
        &mut self,
        entries: impl IntoIterator<Item = (&'o String, &'o Value)>,
        text: Text<'_>,
        overridden_by: &Map<String, Value>,
    ) -> Map<String, Value> {
        let mut filled = Map::new();
        for (written, value) in entries {
            if self.budget.is_none() {
                break;
            }
            self.path.push_key(written);
            self.spend(written.len());
            let key = self.text(written, text);
            if key != *written && key.starts_with('$') && !key.starts_with("${") {
                self.problem(ConfigErrorKind::ReservedKey);
            } else if filled.contains_key(&key) {
                self.problem(ConfigErrorKind::KeyCollision);
            } else if !overridden_by.contains_key(&key) {
                self.place.push_key(&key);
                let value = self.value(value, text.key(&key));
                self.place.pop();
                filled.insert(key, value);
            }
            self.path.pop();
        }
        filled
    }

    fn text(&mut self, written: &str, text: Text<'_>) -> String {
        let (Text::Raw, Some(budget)) = (text, &mut self.budget) else {
            return written.to_owned();
        };
        let missing = |Missing { name, message }| {
            let kind = ConfigErrorKind::MissingVariable { name, message };
            self.problems.push(self.path.clone(), kind);
        };
        if let Ok(filled) = interpolate(written, self.variables, budget, missing) {
            filled.into_owned()
        } else {
            self.exhausted();
            String::new()
        }
    }

    /// Starts an object or a list; `false` if there is no room for it.
    fn enter(&mut self) -> bool {
        self.spend(VALUE_UNITS);
        if self.path.len() >= MAX_NESTING {
            self.problem(ConfigErrorKind::TooDeep);
            return false;
        }
        self.budget.is_some()
    }

    fn spend(&mut self, units: usize) {
        if let Some(budget) = &mut self.budget
            && budget.spend(units).is_err()
        {
            self.exhausted();
        }
    }

    /// Reports the excess once and ends the walk: from here on nothing is filled in.
    fn exhausted(&mut self) {
        self.budget = None;
        self.problem(ConfigErrorKind::TooLarge);
    }

    fn problem(&mut self, kind: ConfigErrorKind) {
        self.problems.push(self.path.clone(), kind);
    }
}

#[cfg(test)]
mod tests;
