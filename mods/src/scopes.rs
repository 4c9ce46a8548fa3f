use std::collections::BTreeSet;

/// Where the commands of a mod may be used: names of channels, or everywhere.
///
/// Operators change them; they belong to the desired state and outlive a mod that is broken or gone for a while.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes(BTreeSet<String>);

impl Scopes {
    /// The scope that stands for every channel.
    pub const ANY: &'static str = "any";

    /// Nowhere, to be added to.
    pub fn none() -> Self {
        Self::default()
    }

    /// Everywhere.
    pub fn any() -> Self {
        Self::from_iter([Self::ANY])
    }

    /// Whether one of these channels is among them.
    pub fn cover<'a>(&self, channels: impl IntoIterator<Item = &'a str>) -> bool {
        let mut channels = channels.into_iter();
        self.0.contains(Self::ANY) || channels.any(|channel| self.0.contains(channel))
    }

    /// Adds a channel; false if it was there.
    pub fn add(&mut self, channel: &str) -> bool {
        self.0.insert(channel.to_owned())
    }

    /// Takes a channel away; false if it was not there.
    pub fn remove(&mut self, channel: &str) -> bool {
        self.0.remove(channel)
    }

    /// The names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Into<String>> FromIterator<T> for Scopes {
    fn from_iter<I: IntoIterator<Item = T>>(names: I) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_covers_all_and_a_name_covers_itself() {
        let ops = Scopes::from_iter(["ops"]);
        assert!(ops.cover(["dev", "ops"]) && !ops.cover(["dev"]) && !ops.cover([]));
        assert!(Scopes::any().cover(["dev"]) && Scopes::any().cover([]));
        assert!(!Scopes::none().cover(["dev"]));
    }
}
