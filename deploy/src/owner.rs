//! Who manages a registration.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde_json::{Map, Value};

/// The key of the metadata that says who manages a registration.
pub const MANAGED_BY: &str = "managed_by";

/// What stands before the name of an owner in [`MANAGED_BY`].
const PREFIX: &str = "hotbed-apply:";

/// Names whose directory a registration comes from, so that several directories can be applied to one registry and none
/// deletes what another one made: 1 to 64 of `a-z 0-9 . _ -`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner(String);

/// Why a text is not the name of an owner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must be 1 to 64 of a-z, 0-9, '.', '_' and '-'")]
pub struct InvalidOwner;

impl Owner {
    /// What is noted under [`MANAGED_BY`] in what this owner applies.
    pub fn label(&self) -> String {
        format!("{PREFIX}{}", self.0)
    }

    /// Whether metadata say that this is the owner, or another one, or none.
    pub(crate) fn standing(&self, metadata: &Map<String, Value>) -> Standing {
        match metadata.get(MANAGED_BY) {
            None => Standing::Unowned,
            Some(Value::String(label)) if *label == self.label() => Standing::Own,
            Some(Value::String(label)) => {
                Standing::Others(label.strip_prefix(PREFIX).unwrap_or(label).to_owned())
            }
            Some(other) => Standing::Others(other.to_string()),
        }
    }
}

impl FromStr for Owner {
    type Err = InvalidOwner;

    fn from_str(text: &str) -> Result<Self, InvalidOwner> {
        let is_fit =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        if (1..=64).contains(&text.len()) && text.chars().all(is_fit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidOwner)
        }
    }
}

impl Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose a registration is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The owner's who plans.
    Own,
    /// Nobody's: it was not written by `apply`.
    Unowned,
    /// That of the owner, or of whatever else, which is named.
    Others(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_owner_is_a_short_plain_name() {
        for name in ["default", "team-a", "a.b_c", &"a".repeat(64)] {
            assert_eq!(name.parse::<Owner>().unwrap().to_string(), name);
        }
        for name in ["", "A", "a b", "a:b", "ä", &"a".repeat(65)] {
            assert_eq!(name.parse::<Owner>(), Err(InvalidOwner), "{name:?}");
        }
    }

    /// Caught: to take whatever begins with the label, or another program's label, for this owner's.
    #[test]
    fn a_label_tells_this_owner_from_all_others() {
        let owner: Owner = "web".parse().unwrap();
        let standing = |metadata: Value| owner.standing(metadata.as_object().unwrap());
        assert_eq!(standing(json!({})), Standing::Unowned);
        assert_eq!(
            standing(json!({"managed_by": "hotbed-apply:web"})),
            Standing::Own
        );
        let others = |name: &str| Standing::Others(name.to_owned());
        assert_eq!(
            standing(json!({"managed_by": "hotbed-apply:web2"})),
            others("web2")
        );
        assert_eq!(standing(json!({"managed_by": "web"})), others("web"));
        assert_eq!(
            standing(json!({"managed_by": "terraform"})),
            others("terraform")
        );
        assert_eq!(standing(json!({"managed_by": null})), others("null"));
    }
}
