use crate::id::{InvalidModId, ModId};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The longest path in bytes.
const MAX_BYTES: usize = 512;
/// Endings that make a file of a path without a slash. Without them `wiki.wasm` would be a dotted path of two names.
const FILE_ENDINGS: [&str; 2] = ["wasm", "js"];

/// Says where a mod comes from: `openagents.mods.core.wiki`, `mods/wiki.wasm`, `https://example.org/wiki.wasm`.
///
/// 1 to 512 bytes of printable text without spaces. Two paths are the same if their bytes are.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModPath(Arc<str>);

/// What kind of a path it is, which decides the [loader](crate::ModLoader).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scheme(Cow<'static, str>);

/// A text that cannot be a [`ModPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{shown:?} is not the path of a mod: {reason}")]
pub struct InvalidModPath {
    shown: String,
    reason: String,
}

impl Scheme {
    /// Dotted paths, which name what is compiled in.
    pub const BUILT_IN: Self = Self(Cow::Borrowed("built-in"));
    /// Files that end with `.wasm`.
    pub const WASM: Self = Self(Cow::Borrowed("wasm"));

    /// The scheme as text: `built-in`, the ending of a file, or what stands before `://`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ModPath {
    /// Parses a path. That something is there is for its loader to say.
    pub fn new(text: &str) -> Result<Self, InvalidModPath> {
        let path = Self(text.into());
        match path.fault() {
            None => Ok(path),
            Some(reason) => Err(InvalidModPath {
                shown: text.chars().take(64).collect(),
                reason,
            }),
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Which loader is asked.
    pub fn scheme(&self) -> Scheme {
        if let Some((scheme, _)) = self.0.split_once("://") {
            return Scheme(Cow::Owned(scheme.to_ascii_lowercase()));
        }
        match self.ending() {
            Some(ending) => Scheme(Cow::Owned(ending.to_ascii_lowercase())),
            None if self.is_file() => Scheme(Cow::Borrowed("directory")),
            None => Scheme::BUILT_IN,
        }
    }

    /// The id that the path gives its mod: its last segment, for files without the ending.
    pub fn to_id(&self) -> Result<ModId, InvalidModId> {
        let last = self.last();
        let name = if self.is_file() {
            last.split('.').next().unwrap_or(last)
        } else {
            last.rsplit('.').next().unwrap_or(last)
        };
        ModId::new(name)
    }

    fn last(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    fn is_file(&self) -> bool {
        self.0.contains('/') || self.ending().is_some()
    }

    /// The ending of a file, of which a dotted path has none.
    fn ending(&self) -> Option<&str> {
        let (_, ending) = self.last().rsplit_once('.')?;
        let known = FILE_ENDINGS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(ending));
        (known || self.0.contains('/')).then_some(ending)
    }

    fn fault(&self) -> Option<String> {
        let text = &*self.0;
        if text.is_empty() {
            return Some("it is empty".into());
        }
        if text.len() > MAX_BYTES {
            return Some(format!("it is longer than {MAX_BYTES} bytes"));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Some("use printable text without spaces".into());
        }
        if !self.is_file() && text.split('.').any(|name| !is_name(name)) {
            return Some(
                "each part between dots must be a name, as in `openagents.mods.core.wiki`".into(),
            );
        }
        self.to_id()
            .err()
            .map(|error| format!("its last segment names the mod, and {error}"))
    }
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !text.is_empty() && text.bytes().all(plain)
}

impl AsRef<str> for ModPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ModPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModPath({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Caught: an ending taken from the whole path (`mods.v2/wiki` becomes a file that ends with `v2/wiki`); `wiki.wasm`
    /// taken for a dotted path.
    #[test]
    fn a_path_gives_its_mod_an_id_and_its_loader_a_scheme() {
        for (path, scheme, id) in [
            (
                "openagents.mods.core.shared_cache",
                "built-in",
                "shared_cache",
            ),
            ("wiki", "built-in", "wiki"),
            ("wiki.wasm", "wasm", "wiki"),
            ("mods/wiki.WASM", "wasm", "wiki"),
            ("/opt/mods/wiki.v2.wasm", "wasm", "wiki"),
            ("./local", "directory", "local"),
            ("mods.v2/wiki", "directory", "wiki"),
            ("tool.js", "js", "tool"),
            ("oci://example.org/mods/wiki.wasm", "oci", "wiki"),
        ] {
            let path = ModPath::new(path).unwrap();
            assert_eq!(path.scheme().as_str(), scheme, "{path}");
            assert_eq!(path.to_id().unwrap().as_str(), id, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused_with_a_reason() {
        let long = "a".repeat(513);
        for bad in [
            "",
            " ",
            "a b",
            "a..b",
            ".a",
            "a.",
            "a.b!",
            "mods/",
            "..",
            "a/..",
            "x/_a.wasm",
            "a\u{0}",
            &long,
        ] {
            let error = ModPath::new(bad).unwrap_err().to_string();
            assert!(error.contains("is not the path of a mod: "), "{error}");
        }
    }
}
