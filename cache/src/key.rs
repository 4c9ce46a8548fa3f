use hotbed_registry::Id;
use papaya::Equivalent;
use std::hash::{Hash, Hasher};
use std::str;

/// The longest id that a key holds itself, in bytes.
const INLINE: usize = 22;

/// An id as the index holds it: a short one itself, so that a hit compares it where it finds it. To look elsewhere in
/// memory costs as much as the rest of its way.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    Short { length: u8, bytes: [u8; INLINE] },
    Long(Id),
}

impl Key {
    pub(crate) fn of(id: &Id) -> Self {
        let text = id.as_str().as_bytes();
        let mut bytes = [0; INLINE];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(begin), Ok(length)) => {
                begin.copy_from_slice(text);
                Self::Short { length, bytes }
            }
            _ => Self::Long(id.clone()),
        }
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { length, bytes } => &bytes[..usize::from(*length)],
            Self::Long(id) => id.as_str().as_bytes(),
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Key {}

impl Hash for Key {
    /// As texts are hashed, by which keys are looked up.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let text = str::from_utf8(self.as_bytes()).expect("it is the text of an id");
        text.hash(state);
    }
}

impl Equivalent<Key> for str {
    #[inline]
    fn equivalent(&self, key: &Key) -> bool {
        self.as_bytes() == key.as_bytes()
    }
}

impl Equivalent<Key> for Id {
    fn equivalent(&self, key: &Key) -> bool {
        self.as_str().equivalent(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::{BuildHasher, RandomState};

    #[test]
    fn a_key_is_found_by_its_id_and_its_text_and_by_no_other() {
        let hashed = RandomState::new();
        let long = "ä".repeat(60);
        let texts = ["a", "ab", "b", &long[..22], &long[..24], &long];
        for text in texts {
            let id = Id::new(text).unwrap();
            let key = Key::of(&id);
            assert_eq!(matches!(key, Key::Long(_)), text.len() > INLINE);
            assert_eq!(hashed.hash_one(&key), hashed.hash_one(text));
            assert_eq!(hashed.hash_one(&key), hashed.hash_one(&id));
            for other in texts {
                assert_eq!(other.equivalent(&key), other == text);
                let other = Id::new(other).unwrap();
                assert_eq!(other.equivalent(&key), other == id);
                assert_eq!(Key::of(&other) == key, other == id);
            }
        }
    }
}
