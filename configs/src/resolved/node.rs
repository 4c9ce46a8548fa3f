//! A value together with what is known of where it came from, as something to read types from.
//!
//! It reads as the value does, but for a text that came whole from a variable: that is read as a boolean or a number
//! where the type wants one.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

use super::spelling::{Types, read};
use crate::origins::Origins;

#[derive(Clone, Copy)]
pub(super) struct Node<'c> {
    pub(super) value: &'c Value,
    pub(super) origins: Option<&'c Origins>,
}

impl<'c> Node<'c> {
    /// The value of the wanted types that a variable's text spells; `None` if the text is not a variable's.
    fn spelled(self, wanted: Types) -> Result<Option<Value>, Error> {
        let variable = self.origins.and_then(Origins::variable);
        match (self.value, variable) {
            (Value::String(text), Some(variable)) => read(text, variable, wanted)
                .map(Some)
                .map_err(Error::custom),
            _ => Ok(None),
        }
    }

    fn visit<V: Visitor<'c>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Array(items) => {
                let items = items.iter().enumerate().map(|(index, value)| Self {
                    value,
                    origins: self.origins.and_then(|origins| origins.item(index)),
                });
                let mut items = SeqDeserializer::new(items);
                let read = visitor.visit_seq(&mut items)?;
                items.end().map(|()| read)
            }
            Value::Object(map) => {
                let entries = map.iter().map(|(key, value)| {
                    let origins = self.origins.and_then(|origins| origins.key(key));
                    (Key(key), Self { value, origins })
                });
                let mut entries = MapDeserializer::new(entries);
                let read = visitor.visit_map(&mut entries)?;
                entries.end().map(|()| read)
            }
            scalar => scalar.deserialize_any(visitor),
        }
    }
}

macro_rules! spelled {
    ($($method:ident $wanted:ident)*) => {$(
        fn $method<V: Visitor<'c>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.spelled(Types::$wanted)? {
                Some(value) => value.$method(visitor),
                None => self.value.$method(visitor),
            }
        }
    )*};
}

macro_rules! as_the_value {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'c>>(self, visitor: V) -> Result<V::Value, Error> {
            self.value.$method(visitor)
        }
    )*};
}

impl<'c> Deserializer<'c> for Node<'c> {
    type Error = Error;

    spelled! {
        deserialize_bool BOOLEAN
        deserialize_i8 INTEGER deserialize_i16 INTEGER deserialize_i32 INTEGER deserialize_i64 INTEGER
        deserialize_i128 INTEGER
        deserialize_u8 INTEGER deserialize_u16 INTEGER deserialize_u32 INTEGER deserialize_u64 INTEGER
        deserialize_u128 INTEGER
        deserialize_f32 NUMBER deserialize_f64 NUMBER
    }

    as_the_value! {
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_unit deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_any<V: Visitor<'c>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor)
    }

    fn deserialize_option<V: Visitor<'c>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'c>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'c>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'c>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor)
    }

    fn deserialize_tuple<V: Visitor<'c>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'c>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.visit(visitor)
    }

    fn deserialize_map<V: Visitor<'c>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor)
    }

    fn deserialize_struct<V: Visitor<'c>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.visit(visitor)
    }

    fn deserialize_enum<V: Visitor<'c>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::Object(map) if map.len() == 1 => visitor.visit_enum(self),
            value => value.deserialize_enum(name, variants, visitor),
        }
    }
}

impl<'c> IntoDeserializer<'c, Error> for Node<'c> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// An object of one key: the name of a variant, and what is in it.
impl<'c> EnumAccess<'c> for Node<'c> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'c>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        let only = self.value.as_object().and_then(|map| map.iter().next());
        let (name, value) = only.ok_or_else(|| Error::custom("expected an object of one key"))?;
        let origins = self.origins.and_then(|origins| origins.key(name));
        Ok((seed.deserialize(Key(name))?, Self { value, origins }))
    }
}

impl<'c> VariantAccess<'c> for Node<'c> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        serde::Deserialize::deserialize(self)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'c>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'c>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor)
    }

    fn struct_variant<V: Visitor<'c>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.visit(visitor)
    }
}

/// A key, which is always text but may stand for a number where the type wants one.
struct Key<'de>(&'de str);

macro_rules! numbered {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0.parse() {
                Ok(number) => visitor.$visit(number),
                Err(_) => visitor.visit_borrowed_str(self.0),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Error;

    numbered! {
        deserialize_bool visit_bool
        deserialize_i8 visit_i8 deserialize_i16 visit_i16 deserialize_i32 visit_i32 deserialize_i64 visit_i64
        deserialize_i128 visit_i128
        deserialize_u8 visit_u8 deserialize_u16 visit_u16 deserialize_u32 visit_u32 deserialize_u64 visit_u64
        deserialize_u128 visit_u128
        deserialize_f32 visit_f32 deserialize_f64 visit_f64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let name_of_variant: serde::de::value::BorrowedStrDeserializer<'de, Error> =
            serde::de::value::BorrowedStrDeserializer::new(self.0);
        name_of_variant.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Key<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
