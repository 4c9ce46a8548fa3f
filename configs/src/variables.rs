//! The variables that `${VAR}` stands for.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::Arc;

/// Holds the variables that `${VAR}` stands for; a program hands in its process environment once, at start.
///
/// Clones share the variables. `Debug` shows names only, since values are often secrets.
#[derive(Clone, Default)]
pub struct Variables(Arc<BTreeMap<String, String>>);

impl Variables {
    /// Reads one variable. A variable that is set to an empty text is set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(Arc::new(variables.into_iter().collect()))
    }
}

impl Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Variables")
            .field(&self.0.keys().collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_names_and_no_values() {
        let variables = Variables::from_iter([("API_KEY".to_owned(), "hunter2".to_owned())]);
        assert_eq!(format!("{variables:?}"), r#"Variables(["API_KEY"])"#);
        assert_eq!(variables.get("API_KEY"), Some("hunter2"));
        assert_eq!(variables.get("api_key"), None);
    }
}
