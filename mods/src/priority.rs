use std::fmt;

/// When a mod starts among those that do not depend on each other, and when it is asked for an event: the smaller first.
///
/// The named ones are of the five layers; a number between them is a priority as well. Dependencies come before
/// priorities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Priority(pub u16);

impl Priority {
    /// What others stand on.
    pub const INFRASTRUCTURE: Self = Self(10);
    /// Who may do what.
    pub const SECURITY: Self = Self(20);
    /// What looks at events on their way.
    pub const MIDDLEWARE: Self = Self(30);
    /// What the product does; the default.
    pub const BUSINESS: Self = Self(40);
    /// What speaks with the outside.
    pub const INTEGRATION: Self = Self(50);
}

impl Default for Priority {
    fn default() -> Self {
        Self::BUSINESS
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
