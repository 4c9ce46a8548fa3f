use crate::id::ModId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What was done, or would be, to make what runs what is desired.
///
/// Displays as the line that chat operators know, and one more for each failure:
/// ``Module reload complete. refreshed=1 added=1 (a) removed=0 failed=1`` and ``- `b`: why``.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// In service anew, or with another priority or other scopes.
    pub refreshed: BTreeSet<ModId>,
    /// In service, and not before.
    pub added: BTreeSet<ModId>,
    /// Not in service any more.
    pub removed: BTreeSet<ModId>,
    /// Not as desired, and why.
    pub failed: BTreeMap<ModId, String>,
}

impl Report {
    /// Whether nothing was done and nothing is amiss.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |ids: &BTreeSet<ModId>| {
            let ids: Vec<&str> = ids.iter().map(ModId::as_str).collect();
            if ids.is_empty() {
                String::new()
            } else {
                format!(" ({})", ids.join(", "))
            }
        };
        write!(
            f,
            "Module reload complete. refreshed={} added={}{} removed={}{} failed={}",
            self.refreshed.len(),
            self.added.len(),
            names(&self.added),
            self.removed.len(),
            names(&self.removed),
            self.failed.len(),
        )?;
        for (id, error) in &self.failed {
            let words: Vec<&str> = error.split_whitespace().collect();
            write!(f, "\n- `{id}`: {}", words.join(" "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> BTreeSet<ModId> {
        names.iter().map(|name| ModId::new(name).unwrap()).collect()
    }

    #[test]
    fn the_report_reads_as_chat_operators_know_it() {
        let mixed = Report {
            added: ids(&["b", "a"]),
            refreshed: ids(&["c"]),
            removed: ids(&["d"]),
            failed: BTreeMap::from([(ModId::new("e").unwrap(), "first\n  second".to_owned())]),
        };
        assert_eq!(
            mixed.to_string(),
            "Module reload complete. refreshed=1 added=2 (a, b) removed=1 (d) failed=1\n- `e`: first second"
        );
        let clean = Report {
            refreshed: ids(&["x", "y"]),
            ..Report::default()
        };
        assert_eq!(
            clean.to_string(),
            "Module reload complete. refreshed=2 added=0 removed=0 failed=0"
        );
    }
}
