/// The words that the host itself knows. They come before those of mods, the reload first. Compared without case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandWords {
    /// Reload modules: `lifecyclecmds` of MatterBot.
    pub reload: Vec<String>,
    /// Tell how commands are used.
    pub help: Vec<String>,
    /// Tell which module is bound where.
    pub map: Vec<String>,
    /// Bind modules to a channel.
    pub bind: Vec<String>,
    /// Unbind modules from a channel.
    pub unbind: Vec<String>,
}

impl Default for CommandWords {
    fn default() -> Self {
        let both = |word: &str| vec![format!("@{word}"), format!("!{word}")];
        Self {
            reload: both("reload"),
            help: both("help"),
            map: both("map"),
            bind: both("bind"),
            unbind: both("unbind"),
        }
    }
}

/// What a word of the host asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnWord {
    Reload,
    Help,
    Map,
    Bind,
    Unbind,
}

impl CommandWords {
    pub(super) fn meaning(&self, word: &str) -> Option<OwnWord> {
        let is_one_of = |words: &[String]| words.iter().any(|own| is_same(own, word));
        [
            (OwnWord::Reload, &self.reload),
            (OwnWord::Help, &self.help),
            (OwnWord::Map, &self.map),
            (OwnWord::Bind, &self.bind),
            (OwnWord::Unbind, &self.unbind),
        ]
        .into_iter()
        .find_map(|(meaning, words)| is_one_of(words).then_some(meaning))
    }
}

/// Whether two words are the same to who types them.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    one.to_lowercase() == other.to_lowercase()
}
