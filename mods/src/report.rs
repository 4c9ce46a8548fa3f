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

    /// Adds what was done next: what came up then did not fail.
    pub fn then(&mut self, next: Self) {
        for id in next.added.iter().chain(&next.refreshed) {
            self.failed.remove(id);
        }
        self.refreshed.extend(next.refreshed);
        self.added.extend(next.added);
        self.removed.extend(next.removed);
        self.failed.extend(next.failed);
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

    /// Caught: a failure that is told of what came up after it.
    #[test]
    fn what_came_up_after_it_failed_did_not_fail() {
        let failed = |names: &[&str]| Report {
            failed: ids(names)
                .into_iter()
                .map(|id| (id, "no".to_owned()))
                .collect(),
            ..Report::default()
        };
        let mut report = failed(&["aa", "bb", "cc"]);
        report.then(Report {
            added: ids(&["aa"]),
            refreshed: ids(&["bb"]),
            removed: ids(&["dd"]),
            ..failed(&["ee"])
        });
        let expected = Report {
            added: ids(&["aa"]),
            refreshed: ids(&["bb"]),
            removed: ids(&["dd"]),
            ..failed(&["cc", "ee"])
        };
        assert_eq!(report, expected);
    }

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
