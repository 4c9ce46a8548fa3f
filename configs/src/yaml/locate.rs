//! Finds the line and column of a path.
//!
//! The YAML library tells positions only with its errors. So the text is read once more and refused on purpose at the
//! node that is looked for.

use std::fmt;

use serde::de::{self, DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::error::Location;
use crate::path::{ConfigPath, Segment};

/// Finds where a path stands in a document of the text: its key, its list item, or else the nearest object or list
/// around it (a key that is merged in or missing has no place of its own).
pub(super) fn find(text: &str, document: usize, path: &ConfigPath) -> Option<Location> {
    let document = serde_yaml::Deserializer::from_str(text).nth(document)?;
    let stopped = Seek(path.segments()).deserialize(document).err()?;
    super::location_of(&stopped)
}

/// Finds where a path stands in a JSON text, or just behind it.
pub(super) fn find_in_json(text: &str, path: &ConfigPath) -> Option<Location> {
    let mut text = serde_json::Deserializer::from_str(text);
    let stopped = Seek(path.segments()).deserialize(&mut text).err()?;
    super::location_in_json(&stopped)
}

/// Goes down the path; always ends in an error, whose position is the answer.
struct Seek<'p>(&'p [Segment]);

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

// What is not visited here is refused by the trait's own methods, which is what is wanted.
impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if let [Segment::Index(wanted), rest @ ..] = self.0 {
            for _ in 0..*wanted {
                items.next_element::<IgnoredAny>()?;
            }
            items.next_element_seed(Seek(rest))?;
        }
        Err(A::Error::custom("here"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        if let [Segment::Key(wanted), rest @ ..] = self.0 {
            let last = rest.is_empty();
            while let Some(found) = entries.next_key_seed(SeekKey { wanted, last })? {
                match found {
                    KeyFound::Wanted => entries.next_value_seed(Seek(rest))?,
                    KeyFound::Other => {
                        entries.next_value::<IgnoredAny>()?;
                    }
                }
            }
        }
        Err(A::Error::custom("here"))
    }
}

enum KeyFound {
    Wanted,
    Other,
}

struct SeekKey<'p> {
    wanted: &'p str,
    last: bool,
}

impl<'de> DeserializeSeed<'de> for SeekKey<'_> {
    type Value = KeyFound;

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<KeyFound, D::Error> {
        from.deserialize_any(self)
    }
}

impl Visitor<'_> for SeekKey<'_> {
    type Value = KeyFound;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<KeyFound, E> {
        match (key == self.wanted, self.last) {
            (true, true) => Err(E::custom("here")),
            (true, false) => Ok(KeyFound::Wanted),
            (false, _) => Ok(KeyFound::Other),
        }
    }
}
