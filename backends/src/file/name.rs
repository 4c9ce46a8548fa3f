//! Ids as names of files, and back.
//!
//! A name that we give depends on the id alone and is the same file on every system: `a-z`, `0-9`, `-`, `_`, `.` and
//! inner spaces stand for themselves, everything else is percent-encoded. Names that people give are taken as they
//! are: `Größe.yaml` is the id `Größe`.

use hotbed_registry::{Id, Syntax};
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::sync::Arc;

/// The longest name of a file, in bytes, on the file systems in use.
const MAX_BYTES: usize = 255;
/// The longest extension that a name may get, with its dot.
const EXTENSION_BYTES: usize = 5;
/// Stands between the beginning of a long id and the digest of the whole; no encoded id holds it.
const HASHED: &str = "%~";
/// Digits of that digest.
const HASH_DIGITS: usize = 32;
/// What names a device on Windows, whatever its extension.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// The name of a file that holds a registration, or should: `greeter.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct FileName(Arc<str>);

/// What the name of a file says of the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// All of it.
    Id(Id),
    /// Only its beginning and digest: the file must say the rest.
    Hashed,
}

impl FileName {
    /// The name for an id.
    pub(super) fn of(id: &Id, syntax: Syntax) -> Self {
        let extension = match syntax {
            Syntax::Yaml => "yaml",
            Syntax::Json => "json",
        };
        Self(format!("{}.{extension}", stem(id)).into())
    }

    /// The names under which somebody may have put this id in place: ours, and the id as it stands.
    pub(super) fn candidates(id: &Id) -> impl Iterator<Item = Self> + use<> {
        let (ours, plain) = (stem(id), id.as_str().to_owned());
        let plain = (plain != ours && plain.len() + EXTENSION_BYTES <= MAX_BYTES).then_some(plain);
        let stems = [Some(ours), plain].into_iter().flatten();
        stems.flat_map(|stem| {
            ["yaml", "yml", "json"].map(|extension| Self(format!("{stem}.{extension}").into()))
        })
    }

    /// A name found in the directory, if it is one for registrations: hidden files and other extensions are not.
    pub(super) fn found(name: &OsStr) -> Option<Self> {
        let name = name.to_str().filter(|name| !name.starts_with('.'))?;
        let (_, extension) = name.rsplit_once('.')?;
        matches!(extension, "yaml" | "yml" | "json").then(|| Self(name.into()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn syntax(&self) -> Syntax {
        if self.0.ends_with(".json") {
            Syntax::Json
        } else {
            Syntax::Yaml
        }
    }

    /// The id that the name spells; on failure says what is wrong with it.
    pub(super) fn named(&self) -> Result<Named, String> {
        let stem = self.0.rsplit_once('.').map_or(&*self.0, |(stem, _)| stem);
        if let Some((_, digest)) = stem.split_once(HASHED) {
            let digits = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
            return if digest.len() == HASH_DIGITS && digest.chars().all(digits) {
                Ok(Named::Hashed)
            } else {
                Err(format!(
                    "its name holds `{HASHED}` without the digest that belongs behind it: rename it"
                ))
            };
        }
        let text = decoded(stem).ok_or(
            "its name holds a `%` without two hexadecimal digits, or what they spell is no UTF-8: rename it",
        )?;
        Id::new(&text)
            .map(Named::Id)
            .map_err(|error| format!("its name is no id: {error}"))
    }

    /// Whether this may be the name of a file of this id.
    pub(super) fn fits(&self, id: &Id) -> bool {
        match self.named() {
            Ok(Named::Id(named)) => named == *id,
            Ok(Named::Hashed) => self.0.rsplit_once('.').is_some_and(|(s, _)| s == stem(id)),
            Err(_) => false,
        }
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn stem(id: &Id) -> String {
    let text = id.as_str();
    let mut stem = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        let plain = match character {
            'a'..='z' | '0'..='9' | '_' | ' ' => true,
            // A leading dot hides a file, a leading hyphen makes an option of it.
            '.' | '-' => at > 0,
            _ => false,
        };
        if plain && !(at == 0 && names_a_device(text)) {
            stem.push(character);
        } else {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                write!(stem, "%{byte:02X}").expect("a string takes what is written to it");
            }
        }
    }
    if stem.len() + EXTENSION_BYTES > MAX_BYTES {
        hashed(text, stem)
    } else {
        stem
    }
}

fn hashed(text: &str, mut stem: String) -> String {
    let mut keep = MAX_BYTES - EXTENSION_BYTES - HASHED.len() - HASH_DIGITS;
    // Not in the middle of an encoded byte.
    while stem.as_bytes()[keep - 2..keep].contains(&b'%') {
        keep -= 1;
    }
    stem.truncate(keep);
    stem.push_str(HASHED);
    for byte in &Sha256::digest(text.as_bytes())[..HASH_DIGITS / 2] {
        write!(stem, "{byte:02x}").expect("a string takes what is written to it");
    }
    stem
}

fn names_a_device(text: &str) -> bool {
    let base = text.split_once('.').map_or(text, |(base, _)| base);
    let base = base.trim_end().to_ascii_lowercase();
    DEVICES
        .iter()
        .any(|device| match base.strip_prefix(device) {
            Some("") => !matches!(*device, "com" | "lpt"),
            Some(digit) => {
                matches!(*device, "com" | "lpt")
                    && digit.len() == 1
                    && digit.starts_with(|c: char| c.is_ascii_digit())
            }
            None => false,
        })
}

fn decoded(stem: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(stem.len());
    let mut rest = stem.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            let digits = str::from_utf8(digits).ok()?;
            // `from_str_radix` would take a sign too.
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn id(text: &str) -> Id {
        Id::new(text).unwrap()
    }

    fn name(text: &str) -> String {
        FileName::of(&id(text), Syntax::Yaml).as_str().to_owned()
    }

    fn found(text: &str) -> FileName {
        FileName::found(OsStr::new(text)).unwrap()
    }

    #[test]
    fn plain_ids_are_their_own_names() {
        for text in [
            "greeter", "a.b", "my bot", "a-b_c", "0", "a..", "console", "com", "com10",
        ] {
            assert_eq!(name(text), format!("{text}.yaml"));
        }
    }

    #[test]
    fn what_a_file_system_would_object_to_is_encoded() {
        for (text, expected) in [
            ("Bot", "%42ot.yaml"),
            ("größe", "gr%C3%B6%C3%9Fe.yaml"),
            ("a:b*c", "a%3Ab%2Ac.yaml"),
            ("...", "%2E...yaml"),
            ("-rf", "%2Drf.yaml"),
            ("con", "%63on.yaml"),
            ("nul.txt", "%6Eul.txt.yaml"),
            ("com1", "%63om1.yaml"),
        ] {
            assert_eq!(name(text), expected);
            assert_eq!(found(expected).named(), Ok(Named::Id(id(text))));
        }
    }

    #[test]
    fn names_stay_distinct_where_case_and_normalization_do_not_count() {
        let ids = [
            "bot", "Bot", "BOT", "é", "e\u{301}", "Å", "\u{212b}", "ß", "ss", "İ", "i",
        ];
        let names: HashSet<_> = ids.iter().map(|text| name(text).to_lowercase()).collect();
        assert_eq!(names.len(), ids.len());
        assert!(names.iter().all(|name| name.is_ascii()));
    }

    #[test]
    fn long_ids_get_a_digest_and_fit() {
        let long = |last: char| format!("{}{last}", "x".repeat(255));
        let robots = "🤖".repeat(64);
        let umlauts = format!("{}x", "ä".repeat(127));
        let names = [&long('1'), &long('2'), &robots, &umlauts].map(|text| (id(text), name(text)));
        for (id, name) in &names {
            assert!(name.len() <= MAX_BYTES, "{name}");
            assert_eq!(found(name).named(), Ok(Named::Hashed));
            assert!(found(name).fits(id));
            assert!(!found(name).fits(&Id::new("x").unwrap()));
        }
        assert_ne!(names[0].1, names[1].1);
    }

    #[test]
    fn names_by_hand_are_taken_as_they_are() {
        assert_eq!(found("Größe.yml").named(), Ok(Named::Id(id("Größe"))));
        assert_eq!(found("机器人.json").named(), Ok(Named::Id(id("机器人"))));
        assert_eq!(found("a.yaml.yaml").named(), Ok(Named::Id(id("a.yaml"))));
        for other in [
            ".a.yaml.swp",
            ".a.yaml",
            "a.yaml~",
            "README.md",
            "yaml",
            "a.YAML",
            "4913",
        ] {
            assert_eq!(FileName::found(OsStr::new(other)), None, "{other}");
        }
    }

    #[test]
    fn names_that_are_no_ids_are_refused_with_the_reason() {
        for (text, said) in [
            (
                "%2e%2E.yaml",
                "its name is no id: id \"..\" is a path segment",
            ),
            ("a%2Fb.yaml", "its name is no id: id \"a/b\" holds '/'"),
            ("a%00.yaml", "its name is no id: id \"a\\0\" holds '\\0'"),
            ("a%.yaml", "its name holds a `%` without two"),
            ("a%+1.yaml", "its name holds a `%` without two"),
            ("a%FF.yaml", "its name holds a `%` without two"),
            ("a%~12.yaml", "its name holds `%~` without the digest"),
            (" a.yaml", "its name is no id: id \" a\" begins or ends"),
        ] {
            let refused = found(text).named().unwrap_err();
            assert!(refused.starts_with(said), "{refused}");
        }
    }

    #[test]
    fn the_places_to_look_at_first_are_few() {
        let places = |text: &str| {
            let names = FileName::candidates(&id(text));
            names
                .map(|name| name.as_str().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(places("a"), ["a.yaml", "a.yml", "a.json"]);
        assert_eq!(places("B").len(), 6);
        assert_eq!(places(&"x".repeat(256)).len(), 3);
    }
}
