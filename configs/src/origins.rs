//! Which values of a configuration were not written in it.

use std::collections::BTreeMap;

use crate::path::{ConfigPath, Segment};
use crate::secret::SecretRef;

/// Tells for the values of one configuration, by their place, which of them were not written in it. Has the shape of
/// the configuration, as far as there is something to tell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    here: Option<Origin>,
    keys: BTreeMap<String, Origins>,
    items: BTreeMap<usize, Origins>,
}

/// Where one value came from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Origin {
    /// It is a secret, or stands for it.
    Secret(SecretRef),
    /// It is the value of this variable as a whole, or the default that stands beside it.
    Variable(String),
}

impl Origins {
    pub(crate) fn insert(&mut self, path: &ConfigPath, origin: Origin) {
        let mut place = self;
        for segment in path.segments() {
            place = match segment {
                Segment::Key(key) => place.keys.entry(key.clone()).or_default(),
                Segment::Index(index) => place.items.entry(*index).or_default(),
            };
        }
        place.here = Some(origin);
    }

    /// Where the value itself came from.
    pub(crate) fn here(&self) -> Option<&Origin> {
        self.here.as_ref()
    }

    /// What is told of the value of a key, and below it.
    pub(crate) fn key(&self, key: &str) -> Option<&Self> {
        self.keys.get(key)
    }

    /// What is told of an item of a list, and below it.
    pub(crate) fn item(&self, index: usize) -> Option<&Self> {
        self.items.get(&index)
    }

    /// The variable that the value itself came from.
    pub(crate) fn variable(&self) -> Option<&str> {
        match &self.here {
            Some(Origin::Variable(name)) => Some(name),
            _ => None,
        }
    }

    /// Shows every place of which something is told, and what.
    pub(crate) fn for_each<'o>(&'o self, visit: &mut dyn FnMut(&ConfigPath, &'o Origin)) {
        self.visit(&mut ConfigPath::default(), visit);
    }

    fn visit<'o>(&'o self, path: &mut ConfigPath, visit: &mut dyn FnMut(&ConfigPath, &'o Origin)) {
        if let Some(origin) = &self.here {
            visit(path, origin);
        }
        for (key, below) in &self.keys {
            path.push_key(key);
            below.visit(path, visit);
            path.pop();
        }
        for (index, below) in &self.items {
            path.push_index(*index);
            below.visit(path, visit);
            path.pop();
        }
    }

    pub(crate) fn hold_secrets(&self) -> bool {
        matches!(self.here, Some(Origin::Secret(_)))
            || self.keys.values().any(Self::hold_secrets)
            || self.items.values().any(Self::hold_secrets)
    }
}
