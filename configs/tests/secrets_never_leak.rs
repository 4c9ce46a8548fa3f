//! Whatever a configuration looks like: no secret gets out of it, and what asks for nothing is not changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotbed_configs::{
    Environment, PortableConfig, ResolvedConfig, SecretRef, Variables, WrittenIn,
};
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What every secret is. It has in it what messages escape, and no part of it may be seen either.
const SECRET: &str = "CANARY\"\n\\ü";
const PART: &str = "CANARY";

fn environment() -> Environment {
    let yaml = "
resources:
  default:
    main: {key: {$secret: env:MAIN}, list: [{$secret: 'file:/run/x'}], model: '${V}'}
";
    let variables = Variables::from_iter([("V".to_owned(), "v".to_owned())]);
    let environment = Environment::parse("dev.yaml", yaml, &variables).expect("it is read");
    environment.with_secrets(Arc::new(|_: &SecretRef, _: WrittenIn| {
        Ok(Some(SECRET.to_owned()))
    }))
}

fn any_leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..9_i64).prop_map(Value::from),
        "[a-z]{0,4}".prop_map(Value::from),
    ]
}

fn any_asking() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"$secret": "env:KEY"})),
        Just(json!({"$secret": "file:/run/secrets/x"})),
        Just(json!({"$resource": "main"})),
        Just(json!({"$resource": "absent", "key": {"$secret": "env:INLINE"}})),
        Just(json!("${V}")),
        any_leaf(),
    ]
}

fn any_config(leaf: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "text", "number", "kind", "list", "map", "deep", "any", "parsed",
    ]);
    let value = leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..4).prop_map(Value::from_iter),
        ]
    });
    let key = prop::sample::select(vec![
        "text", "number", "kind", "list", "map", "deep", "any", "parsed",
    ]);
    prop::collection::btree_map(key, value, 0..5).prop_map(Value::from_iter)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "what is read is not looked at")]
enum Kind {
    Echo,
    Deep(Box<Shape>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is read is not looked at")]
struct Shape {
    text: Option<String>,
    number: Option<u8>,
    kind: Option<Kind>,
    list: Option<Vec<Parsed>>,
    map: Option<BTreeMap<String, u8>>,
    deep: Option<Box<Shape>>,
    any: Option<Value>,
    parsed: Option<Parsed>,
}

/// Tells everybody what it was given, in more than one form.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Parsed;

impl TryFrom<String> for Parsed {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() == 3 {
            return Ok(Self);
        }
        let shouted: String = text.chars().rev().collect();
        Err(format!("{text} {text:?} {shouted} is not parsed"))
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "what is read is not looked at")]
enum Untagged {
    Shape(Box<Shape>),
    Numbers(BTreeMap<String, u8>),
}

fn is_silent(said: &str) -> bool {
    let backwards: String = PART.chars().rev().collect();
    !said.contains(PART) && !said.contains(&backwards)
}

fn refusal<T: DeserializeOwned + std::fmt::Debug>(config: &ResolvedConfig) -> String {
    config
        .deserialize::<T>()
        .err()
        .map_or_else(String::new, |error| format!("{error} {error:?}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    // Caught: any way out for a secret: `redacted` that misses a place, `Debug` of values, the message of a type.
    #[test]
    fn no_secret_gets_out(config in any_config(any_asking())) {
        let config = PortableConfig::from_value(config).expect("it is an object");
        let environment = environment();
        let resolved = environment.resolve(&config).unwrap();
        let shown = environment.resolve_without_secrets(&config).unwrap();

        prop_assert!(is_silent(&resolved.redacted().to_string()));
        let debugged = format!("{resolved:?} {environment:?} {:?} {:?}", resolved.digest(), resolved.warnings());
        prop_assert!(is_silent(&debugged));
        prop_assert!(is_silent(&Value::Object(shown.as_map().clone()).to_string()));
        prop_assert_eq!(shown.redacted(), resolved.redacted());
        let types = [refusal::<Shape>(&resolved), refusal::<Untagged>(&resolved), refusal::<BTreeMap<String, u8>>(&resolved)];
        for said in types {
            prop_assert!(is_silent(&said), "{}", said);
        }
        let schema = json!({"additionalProperties": {"type": "integer"}});
        if let Err(errors) = resolved.typed(&schema) {
            let said = format!("{errors} {errors:?}");
            prop_assert!(is_silent(&said));
        }
    }

    // Caught: anything that resolving does to a configuration that does not ask for it.
    #[test]
    fn what_asks_for_nothing_is_not_changed(config in any_config(any_leaf())) {
        let portable = PortableConfig::from_value(config.clone()).unwrap();
        for resolved in [environment().resolve(&portable), environment().resolve_without_secrets(&portable)] {
            let resolved = resolved.unwrap();
            prop_assert_eq!(&Value::Object(resolved.as_map().clone()), &config);
            prop_assert_eq!(&resolved.redacted(), &config);
            prop_assert!(resolved.warnings().is_empty());
            let typed = resolved.typed(&json!({"additionalProperties": {"type": "integer"}})).unwrap();
            prop_assert_eq!(typed.as_map(), resolved.as_map());
        }
    }
}
