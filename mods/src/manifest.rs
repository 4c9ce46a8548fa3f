use crate::id::ModId;
use crate::pattern::EventPattern;
use crate::priority::Priority;
use crate::scopes::Scopes;
use crate::settings_form::SettingsForm;
use std::collections::BTreeMap;

/// What a mod says of itself before any of its code has run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Manifest {
    /// The id that it wants in place of the last segment of its path.
    pub id: Option<ModId>,
    /// What people call it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is for.
    pub description: String,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// Under which licence it is.
    pub license: String,
    /// What it can do, in words of its own.
    pub capabilities: Vec<String>,
    /// The mods that must run before it starts, and for as long as it runs.
    pub dependencies: Vec<ModId>,
    /// Where it stands among others if the operator says nothing.
    pub priority: Priority,
    /// The events it is asked about.
    pub events: Vec<EventPattern>,
    /// The words of its commands, such as `@wiki` and `!wiki`.
    pub words: Vec<String>,
    /// How its commands are used. May be empty.
    pub help: CommandHelp,
    /// Where its commands may be used if the operator says nothing.
    pub scopes: Scopes,
    /// What its configuration may hold; without one, anything.
    pub form: Option<SettingsForm>,
}

/// How the commands of a mod are used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommandHelp {
    /// Of the word alone.
    pub usage: Option<Usage>,
    /// Of what may follow it.
    pub subcommands: BTreeMap<String, Usage>,
}

/// How one command is used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// What follows it.
    pub arguments: String,
    /// What it does.
    pub description: String,
}

impl Usage {
    /// What follows a command, and what it does.
    pub fn new(arguments: &str, description: &str) -> Self {
        Self {
            arguments: arguments.to_owned(),
            description: description.to_owned(),
        }
    }
}

/// Why a manifest cannot be worked with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("its manifest is wrong: {0}")]
pub struct InvalidManifest(String);

/// The longest word of a command in bytes, and the most words and patterns of one mod.
const MAX_WORD_BYTES: usize = 64;
const MAX_ENTRIES: usize = 256;

impl Manifest {
    /// Refuses what would be taken for something else: words with spaces in them, too many of anything, a mod that
    /// depends on itself (`id` is what it is loaded as).
    pub fn check(&self, id: &ModId) -> Result<(), InvalidManifest> {
        let wrong = |what: String| Err(InvalidManifest(what));
        if self.dependencies.contains(id) {
            return wrong("it depends on itself".into());
        }
        for (what, count) in [
            ("dependencies", self.dependencies.len()),
            ("patterns of events", self.events.len()),
            ("words", self.words.len()),
            ("subcommands", self.help.subcommands.len()),
        ] {
            if count > MAX_ENTRIES {
                return wrong(format!(
                    "it has {count} {what}, and {MAX_ENTRIES} are allowed"
                ));
            }
        }
        for word in &self.words {
            let plain = |c: char| !c.is_whitespace() && !c.is_control();
            if word.is_empty() || word.len() > MAX_WORD_BYTES || !word.chars().all(plain) {
                let shown: String = word.chars().take(MAX_WORD_BYTES).collect();
                return wrong(format!(
                    "{shown:?} is no word of 1 to {MAX_WORD_BYTES} bytes without spaces"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word is one word: a list that was written as a text came apart into letters in MatterBot.
    #[test]
    fn a_manifest_that_would_be_misread_is_refused() {
        let id = ModId::new("wiki").unwrap();
        let good = Manifest {
            words: vec!["@wiki".into(), "!wiki".into()],
            ..Manifest::default()
        };
        good.check(&id).unwrap();
        let of_words = |words: &[&str]| Manifest {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            ..Manifest::default()
        };
        let itself = Manifest {
            dependencies: vec![id.clone()],
            ..Manifest::default()
        };
        let many = vec!["@w"; MAX_ENTRIES + 1];
        for bad in [
            of_words(&[""]),
            of_words(&["@a b"]),
            of_words(&["@a\n"]),
            of_words(&many),
            itself,
        ] {
            let error = bad.check(&id).unwrap_err().to_string();
            assert!(error.starts_with("its manifest is wrong: "), "{error}");
        }
    }
}
