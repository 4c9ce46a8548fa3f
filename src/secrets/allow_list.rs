//! Which secrets a configuration may name itself.

use hotbed::configs::SecretRef;
use std::str::FromStr;

/// The secrets that a configuration may name itself, as in `env:SLACK_TOKEN,env:BOT_*,file:/run/secrets/bots/*`: a `*` at
/// the end stands for all that begin so. None by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AllowList(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    One(String),
    AllThatBegin(String),
}

impl AllowList {
    pub(crate) fn allows(&self, secret: &SecretRef) -> bool {
        let secret = secret.to_string();
        self.0.iter().any(|entry| match entry {
            Entry::One(allowed) => secret == *allowed,
            Entry::AllThatBegin(allowed) => secret.starts_with(allowed.as_str()),
        })
    }
}

impl FromStr for AllowList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Empty is not set: that is how a variable is taken back in many a deployment.
        let entries = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        entries.map(entry).collect::<Result<_, _>>().map(Self)
    }
}

fn entry(text: &str) -> Result<Entry, String> {
    let (begin, all) = match text.strip_suffix('*') {
        Some(begin) => (begin, true),
        None => (text, false),
    };
    let is_whole = !begin.contains('*') && (all || !begin.ends_with([':', '/']));
    if !is_whole || !(begin.starts_with("env:") || begin.starts_with("file:/")) {
        return Err(
            "write each secret like env:NAME or file:/run/secrets/NAME, or like env:BOT_* for all that begin so"
                .to_owned(),
        );
    }
    let begin = begin.to_owned();
    Ok(if all {
        Entry::AllThatBegin(begin)
    } else {
        Entry::One(begin)
    })
}
