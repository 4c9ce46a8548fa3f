use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::{Environment, PortableConfig, ResolvedConfig, Variables};

fn variables() -> Variables {
    [
        ("FALSE", "false"),
        ("TRUE", "true"),
        ("PORT", "5432"),
        ("NEGATIVE", "-1"),
        ("HALF", "0.5"),
        ("WHOLE", "5.0"),
        ("BIG", "18446744073709551615"),
        ("EMPTY", ""),
        ("WORD", "hunter2"),
        ("NULL", "null"),
        ("SPACED", " 5"),
        ("PYTHON", "False"),
        ("ZEROS", "007"),
        ("LIST", "[1]"),
        ("QUOTED", "\"true\""),
        ("NAN", "NaN"),
        ("BIGGER", "1e999"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

fn resolved(config: Value) -> ResolvedConfig {
    let yaml = "
resources:
  databases:
    main: {ssl: '${FALSE}', port: '${PORT}', deep: [{on: '${TRUE}'}], written: 'true', type: 'true'}
    more: {inner: {$resource: main, type: databases}, '${X:tls}': '${FALSE}'}
  knowledge: {backend: file, ssl: '${TRUE}'}
";
    let environment = Environment::parse("dev.yaml", yaml, &variables()).unwrap();
    environment
        .resolve(&PortableConfig::from_value(config).unwrap())
        .unwrap()
}

fn typed(config: Value, schema: &Value) -> Result<Value, String> {
    let typed = resolved(config)
        .typed(schema)
        .map_err(|errors| errors.to_string())?;
    Ok(Value::Object(typed.as_map().clone()))
}

/// What a value becomes where this schema stands.
fn one(written: &str, schema: Value) -> Result<Value, String> {
    let schema = Value::from_iter([("properties", Value::from_iter([("a", schema)]))]);
    typed(json!({ "a": written }), &schema).map(|map| map["a"].clone())
}

// Caught: any type spelled where another is wanted; texts retyped where a text will do.
#[test]
fn a_whole_variable_becomes_what_the_schema_wants() {
    for (written, schema, becomes) in [
        ("${FALSE}", json!({"type": "boolean"}), json!(false)),
        ("${TRUE}", json!({"type": ["boolean", "null"]}), json!(true)),
        ("${X:true}", json!({"type": "boolean"}), json!(true)),
        ("${PORT}", json!({"type": "integer"}), json!(5432)),
        ("${NEGATIVE}", json!({"type": "integer"}), json!(-1)),
        ("${BIG}", json!({"type": "integer"}), json!(u64::MAX)),
        ("${PORT}", json!({"type": "number"}), json!(5432)),
        ("${HALF}", json!({"type": "number"}), json!(0.5)),
        (
            "${PORT:?needed}",
            json!({"type": ["null", "integer"]}),
            json!(5432),
        ),
        (
            "${PORT}",
            json!({"anyOf": [{"type": "integer"}, {"type": "null"}]}),
            json!(5432),
        ),
        (
            "${FALSE}",
            json!({"oneOf": [{"type": "integer"}, {"type": "boolean"}]}),
            json!(false),
        ),
        (
            "${PORT}",
            json!({"allOf": [{"type": ["string", "integer"]}, {"type": "integer"}]}),
            json!(5432),
        ),
        ("${PORT}", json!({"enum": [1, 5432]}), json!(5432)),
        ("${TRUE}", json!({"const": true}), json!(true)),
        // Where a text will do, it stays one.
        ("${PORT}", json!({"type": "string"}), json!("5432")),
        (
            "${PORT}",
            json!({"type": ["string", "integer"]}),
            json!("5432"),
        ),
        (
            "${PORT}",
            json!({"anyOf": [{"type": "integer"}, {"type": "string"}]}),
            json!("5432"),
        ),
        ("${PORT}", json!({}), json!("5432")),
        ("${PORT}", json!(true), json!("5432")),
        ("${PORT}", json!({"type": "object"}), json!("5432")),
        ("${PORT}", json!({"enum": ["a", 1]}), json!("5432")),
        (
            "${PORT}",
            json!({"$ref": "https://example.com"}),
            json!("5432"),
        ),
        // What was written as a text stays one.
        ("5432", json!({"type": "integer"}), json!("5432")),
        ("true", json!({"type": "boolean"}), json!("true")),
        ("${PORT}0", json!({"type": "integer"}), json!("54320")),
        ("${EMPTY}5", json!({"type": "integer"}), json!("5")),
        ("${EMPTY}${PORT}", json!({"type": "integer"}), json!("5432")),
    ] {
        assert_eq!(
            one(written, schema.clone()),
            Ok(becomes),
            "{written} {schema}"
        );
    }
}

#[test]
fn what_cannot_be_spelled_names_the_variable_and_not_its_value() {
    for (variable, wanted, said) in [
        ("WORD", json!("boolean"), "true or false"),
        ("PYTHON", json!("boolean"), "true or false"),
        ("PORT", json!("boolean"), "true or false"),
        ("QUOTED", json!("boolean"), "true or false"),
        ("EMPTY", json!("boolean"), "true or false"),
        ("TRUE", json!("integer"), "an integer"),
        ("HALF", json!("integer"), "an integer"),
        ("WHOLE", json!("integer"), "an integer"),
        ("SPACED", json!("integer"), "an integer"),
        ("ZEROS", json!("integer"), "an integer"),
        ("LIST", json!("integer"), "an integer"),
        ("NULL", json!(["integer", "null"]), "an integer"),
        ("NAN", json!("number"), "a number"),
        ("BIGGER", json!("number"), "a number"),
        (
            "WORD",
            json!(["number", "boolean"]),
            "true, false or a number",
        ),
        (
            "HALF",
            json!(["integer", "boolean"]),
            "true, false or an integer",
        ),
    ] {
        assert_eq!(
            one(&format!("${{{variable}}}"), json!({"type": wanted})),
            Err(format!(
                "a: environment variable `{variable}`, or its default, must be {said} here"
            )),
        );
    }
    assert_eq!(
        typed(
            json!({"b": "${WORD}", "a": ["${WORD}"]}),
            &json!({"properties": {"a": {"items": {"type": "number"}}, "b": {"type": "boolean"}}}),
        ),
        Err(
            "a[0]: environment variable `WORD`, or its default, must be a number here\n\
             b: environment variable `WORD`, or its default, must be true or false here"
                .to_owned()
        ),
        "all problems are reported together"
    );
}

#[test]
fn every_part_of_a_schema_that_leads_to_a_value_is_followed() {
    let integer = json!({"type": "integer"});
    for schema in [
        json!({"properties": {"a": {"items": {"additionalProperties": integer}}}}),
        json!({"properties": {"a": {"prefixItems": [{"properties": {"b": integer}}]}}}),
        json!({"properties": {"a": {"prefixItems": [{"properties": {"b": integer}}], "items": false}}}),
        json!({"additionalProperties": {"items": {"properties": {"b": integer}}}}),
        json!({
            "$ref": "#/$defs/root",
            "$defs": {
                "root": {"properties": {"a": {"items": {"$ref": "#/$defs/item"}}}},
                "item": {"allOf": [{"$ref": "#/$defs/b"}]},
                "b": {"anyOf": [{"type": "null"}, {"properties": {"b": integer}, "type": "object"}]},
            },
        }),
    ] {
        // An alternative that says nothing of the place allows all, so it is left out here.
        let says_nothing = schema.to_string().contains("anyOf");
        let expected = if says_nothing {
            json!("5432")
        } else {
            json!(5432)
        };
        let typed = typed(json!({"a": [{"b": "${PORT}"}]}), &schema);
        assert_eq!(typed, Ok(json!({"a": [{"b": expected}]})), "{schema}");
    }
}

// Caught: taking all branches of an alternative together.
#[test]
fn the_branch_that_is_meant_says_the_type() {
    let schema = json!({
        "properties": {"llm": {"oneOf": [
            {"properties": {"kind": {"const": "echo"}, "port": {"type": "string"}}},
            {"$ref": "#/$defs/other"},
            {"properties": {"kind": {"enum": ["more"]}, "port": {"type": "boolean"}}},
        ]}},
        "$defs": {"other": {"properties": {"kind": {"const": "other"}, "port": {"type": "integer"}}}},
    });
    for (kind, port) in [("echo", json!("5432")), ("other", json!(5432))] {
        let config = json!({"llm": {"kind": kind, "port": "${PORT}"}});
        assert_eq!(typed(config, &schema).unwrap()["llm"]["port"], port);
    }
    let config = json!({"llm": {"kind": "more", "port": "${PORT}"}});
    assert!(
        typed(config, &schema)
            .unwrap_err()
            .contains("must be true or false here")
    );
}

// Caught: marks lost or misplaced while a resource is bound (each place of the walk), and marks of the parts of a
// reference taken for marks of the resource's fields (`type`).
#[test]
fn marks_survive_the_binding_of_resources() {
    let schema = json!({"$ref": "#/$defs/any", "$defs": {"any": {
        "properties": {
            "ssl": {"type": "boolean"}, "on": {"type": "boolean"}, "tls": {"type": "boolean"},
            "written": {"type": "boolean"}, "type": {"type": "boolean"}, "port": {"type": "integer"},
            "key": {"type": "boolean"},
        },
        "additionalProperties": {"$ref": "#/$defs/any"},
        "items": {"$ref": "#/$defs/any"},
    }}});
    let main = json!({
        "ssl": false, "port": 5432, "deep": [{"on": true}], "written": "true", "type": "true",
    });
    let reference = json!({
        "$resource": "main", "type": "${T:databases}", "key": "${FALSE}", "$required": "${TRUE}",
    });
    let mut bound = main.clone();
    bound["key"] = json!(false);
    assert_eq!(
        typed(json!({"list": [1, reference]}), &schema),
        Ok(json!({"list": [1, bound]}))
    );
    assert_eq!(
        typed(
            json!({"${X:db}": {"$resource": "more", "type": "databases"}}),
            &schema
        ),
        Ok(json!({"db": {"inner": main, "tls": false}}))
    );
    let knowledge = json!({"$resource": "default", "type": "knowledge"});
    assert_eq!(
        typed(json!({ "kb": knowledge }), &schema).unwrap()["kb"]["ssl"],
        true
    );
}

#[test]
fn schemas_that_circle_or_explode_end() {
    let circle = json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}});
    assert_eq!(
        typed(json!({"a": "${PORT}"}), &circle),
        Ok(json!({"a": "5432"}))
    );
    let twice = |level: usize| json!({"anyOf": [{"$ref": format!("#/$defs/l{level}")}, {"$ref": format!("#/$defs/l{level}")}]});
    let mut levels: Map<String, Value> = (0..64)
        .map(|level| (format!("l{level}"), twice(level + 1)))
        .collect();
    levels.insert("l64".to_owned(), json!({"type": "boolean"}));
    let exploding = json!({"properties": {"a": {"$ref": "#/$defs/l0"}}, "$defs": levels});
    assert!(typed(json!({"a": "${TRUE}"}), &exploding).is_ok());
}

#[derive(Debug, PartialEq, Deserialize)]
struct Db {
    ssl: bool,
    port: u16,
    #[serde(default)]
    ratio: Option<f64>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    list: Vec<i8>,
    #[serde(default)]
    numbered: BTreeMap<u32, Wrapped>,
    #[serde(default)]
    kind: Option<Kind>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Wrapped(bool);

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Plain,
    Newtype(u8),
    Pair(u8, bool),
    Struct { on: bool },
}

// Caught: each method of `Node` that hands on the plain value instead.
#[test]
fn a_type_reads_whole_variables_as_it_wants_them() {
    let read = |config: Value| resolved(config).deserialize::<Db>().unwrap();
    let db = read(json!({
        "ssl": "${FALSE}", "port": "${PORT}", "ratio": "${HALF}", "text": "${PORT}", "list": [1, "${NEGATIVE}"],
        "numbered": {"7": "${TRUE}"}, "kind": {"pair": ["${X:1}", "${TRUE}"]},
    }));
    assert_eq!(
        db,
        Db {
            ssl: false,
            port: 5432,
            ratio: Some(0.5),
            text: Some("5432".to_owned()),
            list: vec![1, -1],
            numbered: BTreeMap::from([(7, Wrapped(true))]),
            kind: Some(Kind::Pair(1, true)),
        }
    );
    for (kind, expected) in [
        (json!("plain"), Kind::Plain),
        (json!("${X:plain}"), Kind::Plain),
        (json!({"newtype": "${X:9}"}), Kind::Newtype(9)),
        (
            json!({"struct": {"on": "${TRUE}"}}),
            Kind::Struct { on: true },
        ),
        (json!({"plain": null}), Kind::Plain),
    ] {
        let db = read(json!({"ssl": true, "port": 1, "kind": kind}));
        assert_eq!(db.kind, Some(expected));
    }
}

#[test]
fn a_type_refuses_texts_that_were_written_and_values_that_do_not_fit() {
    let refused = |config: Value| {
        resolved(config)
            .deserialize::<Db>()
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused(json!({"ssl": "false", "port": 1})),
        "ssl: invalid type: a string, expected a boolean"
    );
    assert_eq!(
        refused(json!({"ssl": true, "port": "${WORD}"})),
        "port: environment variable `WORD`, or its default, must be an integer here"
    );
    assert_eq!(
        refused(json!({"ssl": true, "port": "${BIG}"})),
        "port: invalid value: integer `18446744073709551615`, expected u16"
    );
    assert_eq!(
        refused(json!({"ssl": true, "port": 1, "kind": {"pair": [1, true, 2]}})),
        "kind.pair: invalid length 3, expected 2 elements in sequence"
    );
    assert_eq!(
        refused(json!({"ssl": true, "port": 1, "numbered": {"x": true}})),
        "numbered.x: invalid type: string \"x\", expected u32"
    );
}

proptest! {
    // Caught: a value read in any other way than `serde_json` reads it, where there is no variable.
    #[test]
    fn without_variables_a_type_reads_what_serde_json_reads(
        config in prop_oneof![
            Just(json!({"ssl": true, "port": 1})), Just(json!({"ssl": true, "port": 70000})),
            Just(json!({"ssl": 1})), Just(json!({"ssl": true, "port": 1, "numbered": {"1": true, "2": 3}})),
            Just(json!({"ssl": true, "port": 1, "kind": {"newtype": 1}})),
            Just(json!({"ssl": true, "port": 1, "kind": {"newtype": 1, "plain": 2}})),
            Just(json!({"ssl": true, "port": 1, "kind": {}})), Just(json!({"ssl": true, "port": 1, "kind": 1})),
            Just(json!({"ssl": true, "port": 1, "kind": {"plain": 1}})),
            Just(json!({"ssl": true, "port": 1, "list": [1, 200]})),
        ],
    ) {
        let ours = resolved(config.clone()).deserialize::<Db>();
        let theirs = serde_json::from_value::<Db>(config);
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, theirs),
            (Err(ours), Err(theirs)) => {
                let (ours, theirs) = (ours.to_string(), theirs.to_string());
                prop_assert!(ours.ends_with(&theirs), "{} {}", ours, theirs);
            }
            (ours, theirs) => prop_assert!(false, "{:?} {:?}", ours, theirs),
        }
    }
}
