//! Which types a JSON Schema allows at a place.

use serde_json::{Map, Value};

use super::spelling::Types;
use crate::path::Segment;

/// How many schemas are looked at for one configuration. Schemas may refer to one another in circles, and a hostile one
/// grows with every level; beyond this, any type is taken to be allowed.
const STEPS: usize = 100_000;

/// How many schemas may refer to one another. Longer chains are circles.
const DEPTH: usize = 256;

pub(super) struct Schema<'s> {
    root: &'s Value,
    steps: usize,
}

impl<'s> Schema<'s> {
    pub(super) fn new(root: &'s Value) -> Self {
        Self { root, steps: STEPS }
    }

    /// The types that are allowed at a path below a value.
    pub(super) fn allowed_at(&mut self, value: &Value, path: &[Segment]) -> Types {
        self.allowed(self.root, Some(value), path, DEPTH)
    }

    fn allowed(
        &mut self,
        schema: &'s Value,
        value: Option<&Value>,
        path: &[Segment],
        depth: usize,
    ) -> Types {
        let Value::Object(schema) = schema else {
            return if *schema == Value::Bool(false) {
                Types::NONE
            } else {
                Types::ANY
            };
        };
        self.steps = self.steps.saturating_sub(1);
        if self.steps == 0 || depth == 0 {
            return Types::ANY;
        }
        let depth = depth - 1;
        let mut allowed = match path {
            [] => types_of(schema),
            [first, rest @ ..] => {
                let below = value.and_then(|value| match first {
                    Segment::Key(key) => value.get(key),
                    Segment::Index(index) => value.get(index),
                });
                match below_segment(schema, first) {
                    Some(schema) => self.allowed(schema, below, rest, depth),
                    None => Types::ANY,
                }
            }
        };
        if let Some(target) = schema.get("$ref").and_then(|to| self.target(to)) {
            allowed = allowed & self.allowed(target, value, path, depth);
        }
        for part in list(schema, "allOf") {
            allowed = allowed & self.allowed(part, value, path, depth);
        }
        for key in ["anyOf", "oneOf"] {
            if schema.contains_key(key) {
                let mut of_any = Types::NONE;
                for branch in list(schema, key) {
                    if self.may_be_meant(branch, value, depth) {
                        of_any = of_any | self.allowed(branch, value, path, depth);
                    }
                }
                allowed = allowed & of_any;
            }
        }
        allowed
    }

    /// A local reference: `#`, or `#/$defs/…`.
    fn target(&self, to: &Value) -> Option<&'s Value> {
        let pointer = to.as_str()?.strip_prefix('#')?;
        self.root.pointer(pointer)
    }

    /// Whether an alternative can be the one that an object is written for, going by its constant keys: the branches for
    /// the other kinds of a thing say nothing about this one.
    fn may_be_meant(&self, branch: &'s Value, value: Option<&Value>, depth: usize) -> bool {
        let Some(Value::Object(object)) = value else {
            return true;
        };
        let target = branch.get("$ref").and_then(|to| self.target(to));
        if let (Some(target), Some(depth)) = (target, depth.checked_sub(1))
            && !self.may_be_meant(target, value, depth)
        {
            return false;
        }
        let Some(Value::Object(named)) = branch.get("properties") else {
            return true;
        };
        named.iter().all(|(key, schema)| {
            let Some(value) = object.get(key) else {
                return true;
            };
            let is = schema.get("const").is_none_or(|constant| constant == value);
            let among = schema.get("enum").and_then(Value::as_array);
            is && among.is_none_or(|among| among.contains(value))
        })
    }
}

fn below_segment<'s>(schema: &'s Map<String, Value>, segment: &Segment) -> Option<&'s Value> {
    match segment {
        Segment::Key(key) => {
            let named = schema.get("properties").and_then(|named| named.get(key));
            named.or_else(|| schema.get("additionalProperties"))
        }
        Segment::Index(index) => {
            let first = schema.get("prefixItems").and_then(|items| items.get(index));
            first.or_else(|| schema.get("items"))
        }
    }
}

fn types_of(schema: &Map<String, Value>) -> Types {
    let named = match schema.get("type") {
        Some(Value::String(name)) => of_name(name),
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .map(of_name)
            .fold(Types::NONE, |all, one| all | one),
        _ => Types::ANY,
    };
    let constants = schema.get("const").into_iter().chain(list(schema, "enum"));
    let of_constants = constants.map(of_value).reduce(|all, one| all | one);
    named & of_constants.unwrap_or(Types::ANY)
}

fn list<'s>(
    schema: &'s Map<String, Value>,
    key: &str,
) -> impl Iterator<Item = &'s Value> + use<'s> {
    schema
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn of_name(name: &str) -> Types {
    match name {
        "boolean" => Types::BOOLEAN,
        "integer" => Types::INTEGER,
        "number" => Types::NUMBER,
        "string" => Types::TEXT,
        _ => Types::NONE,
    }
}

fn of_value(value: &Value) -> Types {
    match value {
        Value::Bool(_) => Types::BOOLEAN,
        Value::Number(number) if number.is_f64() => Types::NUMBER,
        Value::Number(_) => Types::INTEGER,
        Value::String(_) => Types::TEXT,
        _ => Types::NONE,
    }
}
