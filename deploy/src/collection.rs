use std::fmt::{self, Display};

/// A collection of the registry that a directory says something of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Collection {
    /// The bots of domain files.
    Bots,
    /// The mods of mod files.
    Mods,
}

impl Collection {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Bots, Self::Mods];

    /// Its name in the registry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bots => "bots",
            Self::Mods => "mods",
        }
    }

    /// What one of its registrations is called where there are those of others too: the id of a bot, `mods/ID` of a mod.
    pub fn name(self, id: &str) -> String {
        match self {
            Self::Bots => id.to_owned(),
            Self::Mods => format!("{self}/{id}"),
        }
    }
}

impl Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
