use std::fmt;

/// Counts the changes of one collection: strictly increasing, across delete and recreate, never reused.
///
/// Revision 0 is the empty collection before its first change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

impl Revision {
    /// Before the first change.
    pub const ZERO: Self = Self(0);

    /// The revision of the change that follows this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What must hold of a registration for a write to happen. Checked and written as one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    Any,
    /// It does not exist.
    Absent,
    /// It exists, at whatever revision.
    Present,
    /// It exists at exactly this revision.
    At(Revision),
}

impl Precondition {
    /// Whether it holds of what is stored now (`None`: nothing is).
    pub fn holds(self, actual: Option<Revision>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => actual.is_none(),
            Self::Present => actual.is_some(),
            Self::At(expected) => actual == Some(expected),
        }
    }
}

impl fmt::Display for Precondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("in any state"),
            Self::Absent => f.write_str("absent"),
            Self::Present => f.write_str("present"),
            Self::At(revision) => write!(f, "at revision {revision}"),
        }
    }
}
