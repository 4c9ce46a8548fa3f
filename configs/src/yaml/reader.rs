//! Turns one document into a JSON value, keeping its path and its cost in sight.

use std::fmt;

use serde::de::{self, DeserializeSeed, EnumAccess, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::Syntax;
use crate::error::{ConfigError, ConfigErrorKind, name_of};
use crate::limits::{Budget, VALUE_UNITS};
use crate::path::ConfigPath;

/// Where the reading stands. After a failure, the path stays at the node that failed.
pub(super) struct Reader {
    syntax: Syntax,
    nesting: usize,
    path: ConfigPath,
    budget: Budget,
    refusal: Option<ConfigErrorKind>,
}

impl Reader {
    /// A reader of objects and lists that may be nested in one another so many times.
    pub(super) fn new(syntax: Syntax, nesting: usize) -> Self {
        Self {
            syntax,
            nesting,
            path: ConfigPath::default(),
            budget: Budget::new(),
            refusal: None,
        }
    }

    /// Why this reader refused the text; `None` if the YAML library did.
    pub(super) fn into_refusal(self) -> Option<ConfigError> {
        self.refusal.map(|kind| ConfigError::new(self.path, kind))
    }

    /// The error's text is not shown: it carries the position, the refusal carries the meaning.
    fn refuse<E: de::Error>(&mut self, kind: ConfigErrorKind) -> E {
        self.refusal = Some(kind);
        E::custom("refused")
    }

    fn spend<E: de::Error>(&mut self, units: usize) -> Result<(), E> {
        let spent = self.budget.spend(units);
        spent.map_err(|_| self.refuse(ConfigErrorKind::TooLarge))
    }

    fn enter<E: de::Error>(&mut self) -> Result<(), E> {
        self.spend(VALUE_UNITS)?;
        if self.path.len() >= self.nesting {
            return Err(self.refuse(ConfigErrorKind::TooDeep));
        }
        Ok(())
    }
}

/// Reads one value.
pub(super) struct Node<'r>(pub(super) &'r mut Reader);

impl Node<'_> {
    fn scalar<E: de::Error>(self, value: Value) -> Result<Value, E> {
        self.0.spend(VALUE_UNITS)?;
        Ok(value)
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        self.scalar(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        self.scalar(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        self.scalar(value.into())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        self.scalar(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        self.scalar(value.into())
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<Value, E> {
        let what = "an integer of more than 64 bits";
        Err(self.0.refuse(ConfigErrorKind::Number { what }))
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<Value, E> {
        self.visit_i128(0)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        if let Some(number) = Number::from_f64(value) {
            self.scalar(number.into())
        } else {
            let what = if value.is_nan() { "NaN" } else { "infinity" };
            Err(self.0.refuse(ConfigErrorKind::Number { what }))
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        self.0.spend(text.len())?;
        self.scalar(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let reader = self.0;
        reader.enter()?;
        let mut list = Vec::new();
        loop {
            reader.path.push_index(list.len());
            match items.next_element_seed(Node(reader))? {
                Some(item) => list.push(item),
                None => break,
            }
            reader.path.pop();
        }
        reader.path.pop();
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let reader = self.0;
        reader.enter()?;
        let mut map = Map::new();
        let mut merged = Vec::new();
        while let Some(key) = entries.next_key_seed(Key {
            reader,
            taken: &map,
        })? {
            reader.path.push_key(&key);
            let value = entries.next_value_seed(Node(reader))?;
            if key == "<<" && reader.syntax == Syntax::Yaml {
                merged.push(merge_sources(reader, value)?);
            } else {
                map.insert(key, value);
            }
            reader.path.pop();
        }
        // What is written out wins over what is merged, and earlier sources over later ones.
        for (key, value) in merged.into_iter().flatten().flatten() {
            map.entry(key).or_insert(value);
        }
        Ok(Value::Object(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Value, A::Error> {
        let (tag, _) = tagged.variant::<String>()?;
        Err(self.0.refuse(ConfigErrorKind::Tag(tag)))
    }
}

fn merge_sources<E: de::Error>(
    reader: &mut Reader,
    value: Value,
) -> Result<Vec<Map<String, Value>>, E> {
    let sources = match value {
        Value::Array(sources) => sources,
        source => vec![source],
    };
    sources
        .into_iter()
        .map(|source| match source {
            Value::Object(map) => Ok(map),
            other => Err(reader.refuse(ConfigErrorKind::Merge {
                found: name_of(&other),
            })),
        })
        .collect()
}

/// Reads one key, which must be text and not be taken.
struct Key<'r> {
    reader: &'r mut Reader,
    taken: &'r Map<String, Value>,
}

impl Key<'_> {
    fn not_text<E: de::Error>(self, found: &'static str) -> Result<String, E> {
        Err(self.reader.refuse(ConfigErrorKind::KeyNotText { found }))
    }
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<String, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<String, E> {
        self.reader.spend(key.len())?;
        if self.taken.contains_key(key) {
            self.reader.path.push_key(key);
            return Err(self.reader.refuse(ConfigErrorKind::DuplicateKey));
        }
        Ok(key.to_owned())
    }

    fn visit_unit<E: de::Error>(self) -> Result<String, E> {
        self.not_text("null")
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<String, E> {
        self.not_text("a boolean")
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<String, E> {
        self.not_text("a number")
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<String, E> {
        self.not_text("a number")
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<String, E> {
        self.not_text("a number")
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<String, E> {
        self.not_text("a number")
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<String, E> {
        self.not_text("a number")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<String, A::Error> {
        self.not_text("a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<String, A::Error> {
        self.not_text("an object")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<String, A::Error> {
        tagged.variant::<IgnoredAny>()?;
        self.not_text("tagged")
    }
}
