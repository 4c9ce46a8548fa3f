//! Booleans and numbers as a variable spells them.

use std::ops::{BitAnd, BitOr};

use serde_json::Value;

use crate::shown::Shown;

/// A set of types that a value may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const NONE: Self = Self(0);
    pub(super) const BOOLEAN: Self = Self(1);
    pub(super) const INTEGER: Self = Self(2);
    /// Every integer is a number.
    pub(super) const NUMBER: Self = Self(2 | 4);
    pub(super) const TEXT: Self = Self(8);
    pub(super) const ANY: Self = Self(u8::MAX);
    /// What a variable's text can be read as.
    pub(super) const SPELLED: Self = Self(1 | 2 | 4);

    pub(super) fn has(self, types: Self) -> bool {
        self & types == types
    }

    /// What belongs here, for a message.
    fn expected(self) -> &'static str {
        match (
            self.has(Self::BOOLEAN),
            self.has(Self::NUMBER),
            self.has(Self::INTEGER),
        ) {
            (true, true, _) => "true, false or a number",
            (true, false, true) => "true, false or an integer",
            (true, false, false) => "true or false",
            (false, true, _) => "a number",
            (false, false, _) => "an integer",
        }
    }
}

impl BitAnd for Types {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Types {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Reads the text of a variable as one of the wanted types, spelled as in JSON; or tells what does not fit, by the name
/// of the variable and without the text.
pub(super) fn read(text: &str, variable: &str, wanted: Types) -> Result<Value, String> {
    let spelled = if text.trim() == text {
        serde_json::from_str(text).unwrap_or_default()
    } else {
        Value::Null
    };
    let fits = match &spelled {
        Value::Bool(_) => wanted.has(Types::BOOLEAN),
        Value::Number(number) if number.is_f64() => wanted.has(Types::NUMBER),
        Value::Number(_) => wanted.has(Types::INTEGER),
        _ => false,
    };
    if fits {
        Ok(spelled)
    } else {
        Err(format!(
            "environment variable `{}`, or its default, must be {} here",
            Shown(variable),
            wanted.expected()
        ))
    }
}
