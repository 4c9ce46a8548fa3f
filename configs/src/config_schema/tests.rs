use serde_json::json;
use std::sync::Arc;

use super::*;
use crate::{Environment, PortableConfig, SecretRef, Variables, WrittenIn};

const SCHEMA: &str = "
type: object
required: [name]
additionalProperties: false
properties:
  name: {type: string, pattern: '^[a-z]+$'}
  port: {type: integer, maximum: 65535}
  tls: {type: boolean}
  key: {type: string, minLength: 8, pattern: '^[A-Z0-9-]+$'}
  keys: {type: array, items: {type: string, minLength: 8, pattern: '^[A-Z0-9-]+$'}}
  either: {anyOf: [{type: string, minLength: 8, pattern: '^[A-Z0-9-]+$'}, {type: integer}]}
  group: {anyOf: [{type: object, properties: {key: {type: string, pattern: '^[A-Z0-9-]+$'}}}, {type: integer}]}
  count: {type: integer}
";

fn schema() -> ConfigSchema {
    ConfigSchema::parse("bots.yaml", SCHEMA).expect("a schema")
}

fn environment() -> Environment {
    let variables = [("PORT", "99"), ("HIGH", "70000"), ("NO", "false")];
    let variables: Variables = variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let secrets = |secret: &SecretRef, _: WrittenIn| {
        Ok(Some(match secret.to_string().as_str() {
            "env:LONG" => "CANARY-LONG".to_owned(),
            _ => "CANARY".to_owned(),
        }))
    };
    Environment::empty("test")
        .with_variables(variables)
        .with_secrets(Arc::new(secrets))
}

fn config(value: Value) -> PortableConfig {
    PortableConfig::from_value(value).expect("a configuration")
}

/// What is said of a configuration once its secrets are read, and before.
fn said(value: Value) -> (String, String) {
    let (environment, schema, config) = (environment(), schema(), config(value));
    let of = |resolved: Result<ResolvedConfig, ConfigErrors>| {
        let fitted = schema.fit(&resolved.expect("it resolves"));
        fitted.map_or_else(|refusal| refusal.to_string(), |_| String::new())
    };
    let read = of(environment.resolve(&config));
    assert!(!read.contains("CANARY"), "{read}");
    (read, of(environment.resolve_without_secrets(&config)))
}

#[test]
fn what_does_not_fit_is_told_with_its_place_and_without_its_value() {
    for (value, expected) in [
        (json!({"name": "a"}), ""),
        (json!({}), "\"name\" is a required property"),
        (
            json!({"name": "Bad"}),
            "name: this does not match \"^[a-z]+$\"",
        ),
        (
            json!({"name": "a", "port": 70000}),
            "port: this is greater than the maximum of 65535",
        ),
        (
            json!({"name": "a", "port": "70"}),
            "port: this is not of type \"integer\"",
        ),
        (
            json!({"name": "a", "nam": 1}),
            "Additional properties are not allowed ('nam' was unexpected)",
        ),
        (
            json!({"name": "a", "keys": ["12345678", "1"]}),
            "keys[1]: this is shorter than 8 characters",
        ),
    ] {
        let (read, unread) = said(value.clone());
        assert_eq!(read, expected, "{value}");
        assert_eq!(unread, expected, "{value}");
    }
}

#[test]
fn all_that_does_not_fit_is_told_together() {
    let (read, _) = said(json!({"port": "x", "tls": 1}));
    assert_eq!(read.lines().count(), 3, "{read}");
    let (read, _) = said(json!({"port": "${NO}", "tls": 1}));
    assert!(read.contains("`NO`") && read.lines().count() == 3, "{read}");
}

#[test]
fn variables_become_what_the_schema_wants() {
    let config = config(json!({"name": "a", "port": "${PORT}", "tls": "${NO}"}));
    let resolved = environment().resolve(&config).expect("it resolves");
    let fitted = schema().fit(&resolved).expect("it fits");
    let expected = json!({"name": "a", "port": 99, "tls": false});
    assert_eq!(Value::Object(fitted.as_map().clone()), expected);
    let (read, _) = said(json!({"name": "a", "port": "${HIGH}"}));
    assert_eq!(read, "port: this is greater than the maximum of 65535");
}

// Caught: judging the text that stands for an unread secret; judging a choice above it.
#[test]
fn of_a_secret_that_was_not_read_only_its_type_is_judged() {
    let secret = |name: &str| json!({ "$secret": format!("env:{name}") });
    let short = "this is shorter than 8 characters";
    for (value, read, unread) in [
        (
            json!({"name": "a", "key": secret("LONG")}),
            String::new(),
            "",
        ),
        (
            json!({"name": "a", "key": secret("SHORT")}),
            format!("key: {short}"),
            "",
        ),
        (
            json!({"name": "a", "keys": [secret("SHORT")]}),
            format!("keys[0]: {short}"),
            "",
        ),
        (
            json!({"name": "a", "either": secret("SHORT")}),
            "either: this is not valid under any of the schemas listed in the 'anyOf' keyword"
                .to_owned(),
            "",
        ),
        (
            json!({"name": "a", "group": {"key": secret("LONG")}}),
            String::new(),
            "",
        ),
        (
            json!({"name": "a", "count": secret("LONG")}),
            "count: this is not of type \"integer\"".to_owned(),
            "count: this is not of type \"integer\"",
        ),
    ] {
        assert_eq!(said(value.clone()), (read, unread.to_owned()), "{value}");
    }
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    for (text, expected) in [
        (
            "type: objekt",
            "bots.yaml:1:1: type: not a JSON Schema that can be used: ",
        ),
        (
            "properties:\n  a: {minimum: low}\n",
            "bots.yaml:2:7: properties.a.minimum: not a JSON Schema",
        ),
        ("[]", "bots.yaml: expected a JSON Schema, found a list"),
        ("", "bots.yaml: expected a JSON Schema, found null"),
        ("a: b\n---\na: c\n", "bots.yaml: holds 2 YAML documents"),
        ("{", "bots.yaml:"),
        (
            "{$ref: 'https://example.com/schema.json'}",
            "bots.yaml:1:1: not a JSON Schema that can be used: Resource 'https://example.com/schema.json' is not \
             present in a registry and retrieving it failed: nothing is fetched: put it under `$defs`",
        ),
        (
            "{pattern: '(?=a)'}",
            "bots.yaml:1:2: pattern: not a JSON Schema that can be used: ",
        ),
        (
            "{$schema: 'https://example.com/none'}",
            "bots.yaml:1:1: not a JSON Schema that can be used: ",
        ),
    ] {
        let refusal = ConfigSchema::parse("bots.yaml", text)
            .expect_err(text)
            .to_string();
        assert!(refusal.starts_with(expected), "{text}: {refusal}");
    }
}

#[test]
fn a_schema_may_refer_into_itself_and_be_a_boolean() {
    let circle = "{properties: {next: {$ref: '#'}}, additionalProperties: false}";
    let circle = ConfigSchema::parse("a.yaml", circle).expect("a schema");
    let fits = |schema: &ConfigSchema, value: Value| {
        schema
            .fit(&ResolvedConfig::verbatim(&config(value)))
            .is_ok()
    };
    assert!(fits(&circle, json!({"next": {"next": {}}})));
    assert!(!fits(&circle, json!({"next": {"other": {}}})));
    let nothing = ConfigSchema::parse("a.yaml", "false").expect("a schema");
    assert!(!fits(&nothing, json!({})));
    // Refers to nothing but itself.
    let endless = ConfigSchema::parse("a.yaml", "{$ref: '#'}").expect("a schema");
    assert!(fits(&endless, json!({"a": 1})));
}

#[test]
fn a_configuration_with_mistakes_everywhere_is_refused_all_the_same() {
    let schema = ConfigSchema::parse("a.yaml", "{properties: {l: {items: {type: integer}}}}");
    let items = vec![json!("x"); 20_000];
    let refusal = schema
        .expect("a schema")
        .fit(&ResolvedConfig::verbatim(&config(json!({ "l": items }))))
        .expect_err("it does not fit");
    assert_eq!(refusal.iter().count() + refusal.unlisted(), JUDGED);
}
