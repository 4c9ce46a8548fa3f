use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::environment::merge::merge_file;
use crate::{Environment, Variables};

/// Loads the first of these files; the others can be extended.
fn load<const N: usize>(files: [(&str, &str); N]) -> Result<Environment, ConfigErrors> {
    let text = |(name, text): (&str, &str)| EnvironmentText {
        file_name: format!("{name}.yaml"),
        text: text.to_owned(),
    };
    let named: BTreeMap<_, _> = files.iter().map(|file| (file.0, text(*file))).collect();
    let variables = Variables::from_iter([("V".to_owned(), "value".to_owned())]);
    Environment::load(text(files[0]), &variables, |name| match name {
        "locked" => Err("cannot read locked.yaml: permission denied".to_owned()),
        _ => Ok(named.get(name).cloned()),
    })
}

fn loaded<const N: usize>(files: [(&str, &str); N]) -> Environment {
    load(files).unwrap()
}

fn refused<const N: usize>(files: [(&str, &str); N]) -> String {
    load(files).unwrap_err().to_string()
}

fn resource(environment: &Environment, resource_type: &str, name: &str) -> Value {
    environment
        .resource(resource_type, name)
        .cloned()
        .map_or(Value::Null, Value::Object)
}

const BASE: &str = "
name: foundation
description: what all share
resources:
  databases:
    main: {host: base, port: 1, tags: [a, b], tls: {on: true, ca: x}}
    spare: {host: spare}
settings: {level: info, strict_resources: true}
";

// Caught: lists joined instead of replaced, null kept as a value, objects replaced instead of merged, the parent's name
// kept.
#[test]
fn a_file_is_put_over_the_one_it_extends() {
    let child = "
extends: base
resources:
  databases:
    main: {host: child, tags: [c], tls: {ca: null}, port: 2}
    spare: null
    third: {password: null}
  queues: {q: {size: 1}}
settings: {level: '${V}'}
";
    let environment = loaded([("staging", child), ("base", BASE)]);
    assert_eq!(environment.name(), "staging");
    assert_eq!(environment.description(), Some("what all share"));
    assert_eq!(
        resource(&environment, "databases", "main"),
        json!({"host": "child", "port": 2, "tags": ["c"], "tls": {"on": true}})
    );
    assert_eq!(
        environment.resource_names("databases").collect::<Vec<_>>(),
        ["main", "third"]
    );
    assert_eq!(
        resource(&environment, "databases", "third"),
        json!({"password": null}),
        "a null with nothing to take away is a value"
    );
    assert_eq!(resource(&environment, "queues", "q"), json!({"size": 1}));
    assert_eq!(
        Value::Object(environment.settings().clone()),
        json!({"level": "value", "strict_resources": true})
    );
}

#[test]
fn the_name_is_the_childs_own() {
    let name = |child| {
        loaded([("staging", child), ("base", BASE)])
            .name()
            .to_owned()
    };
    assert_eq!(name("extends: base"), "staging");
    assert_eq!(name("extends: base\nname: blue"), "blue");
}

// Caught: `is_null` no longer filtered at the top level.
#[test]
fn a_section_without_a_value_takes_nothing_away() {
    let child = "extends: base\nresources:\n  # main: soon\nsettings:\ndescription:\n";
    let environment = loaded([("staging", child), ("base", BASE)]);
    assert_eq!(environment.resource_names("databases").count(), 2);
    assert_eq!(environment.settings()["level"], "info");
    assert_eq!(environment.description(), Some("what all share"));
    assert_eq!(loaded([("alone", "extends:\nname: x")]).name(), "x");
}

#[test]
fn a_parent_may_extend_another() {
    let files = [
        ("a", "extends: b\nsettings: {one: a}"),
        ("b", "extends: c\nsettings: {one: b, two: b}"),
        ("c", "settings: {one: c, two: c, three: c}"),
    ];
    assert_eq!(
        Value::Object(loaded(files).settings().clone()),
        json!({"one": "a", "two": "b", "three": "c"})
    );
}

// Caught: filling in each file before merging (the first assertion), and the merged document once more (the second).
#[test]
fn variables_are_filled_in_once_and_only_where_they_are_still_asked_for() {
    let parent = "settings: {a: '${UNSET}', b: '$${V}', c: ['${UNSET}'], d: {e: '${UNSET}'}}";
    let child = "extends: base\nsettings: {a: '${V}', c: [], d: null}";
    let environment = loaded([("staging", child), ("base", parent)]);
    assert_eq!(
        Value::Object(environment.settings().clone()),
        json!({"a": "value", "b": "${V}", "c": []})
    );
}

// Caught: a flat type merged with named ones, where `main` would be a field of the resource.
#[test]
fn a_type_written_in_the_other_way_is_replaced() {
    let flat = "resources: {kb: {backend: file, path: x, options: {a: 1, b: 2}}}";
    let named = "resources: {kb: {main: {path: y}}}";
    let kb = |child: &str, parent, name| {
        let child = format!("extends: base\n{child}");
        let environment = loaded([("staging", &child), ("base", parent)]);
        resource(&environment, "kb", name)
    };
    assert_eq!(kb(named, flat, "main"), json!({"path": "y"}));
    assert_eq!(kb(named, flat, "default"), json!(null));
    let child = "resources: {kb: {backend: s3, options: {b: null}}}";
    assert_eq!(
        kb(child, flat, "default"),
        json!({"backend": "s3", "path": "x", "options": {"a": 1}})
    );
    assert_eq!(
        kb(child, named, "default"),
        json!({"backend": "s3", "options": {"b": null}})
    );
    assert_eq!(
        kb("resources: {kb: {path: z}}", flat, "kb"),
        json!({"backend": "file", "path": "z", "options": {"a": 1, "b": 2}})
    );
}

// Caught: all located in the child's text, or all in the parent's.
#[test]
fn each_problem_is_told_with_the_file_in_which_it_stands() {
    let child = "
extends: base
resources:
  databases:
    main: {host: '${CHILD}'}
descripton: x
";
    let parent = "
resources:
  databases:
    main: {host: '${UNSET}', port: '${PORT}'}
    other: 1
setings: {}
";
    assert_eq!(
        refused([("staging", child), ("base", parent)]),
        "\
staging.yaml:5:12: resources.databases.main.host: environment variable `CHILD` is not set; set it, or write a default: `${CHILD:default}`
staging.yaml:6:1: descripton: unknown key; known here: extends, name, description, resources, settings; did you mean `description`?
base.yaml:4:30: resources.databases.main.port: environment variable `PORT` is not set; set it, or write a default: `${PORT:default}`
base.yaml:5:5: resources.databases.other: expected an object, found a number
base.yaml:6:1: setings: unknown key; known here: extends, name, description, resources, settings; did you mean `settings`?"
    );
}

#[test]
fn what_cannot_be_extended_says_why() {
    for (files, said) in [
        (
            vec![("a", "\nextends: a")],
            "a.yaml:2:1: extends: environments extend one another in a circle: a -> a",
        ),
        (
            vec![
                ("a", "extends: b"),
                ("b", "extends: c"),
                ("c", "extends: b"),
            ],
            "c.yaml:1:1: extends: environments extend one another in a circle: b -> c -> b",
        ),
        (
            vec![("a", "extends: b"), ("b", "settings: {}\nextends: bass")],
            "b.yaml:2:1: extends: the environment `bass` is not there; add it, or remove `extends`",
        ),
        (
            vec![("a", "extends: locked")],
            "a.yaml:1:1: extends: the environment `locked` cannot be read: cannot read locked.yaml: permission denied",
        ),
        (
            vec![("a", "extends: ../b")],
            "a.yaml:1:1: extends: not the name of an environment: use letters, digits, `-` and `_`, written out",
        ),
        (
            vec![("a", "extends: ${V}")],
            "a.yaml:1:1: extends: not the name of an environment: use letters, digits, `-` and `_`, written out",
        ),
        (
            vec![("a", "extends: [b]")],
            "a.yaml:1:1: extends: expected a string, found a list",
        ),
        (
            vec![("a", "extends: ''")],
            "a.yaml:1:1: extends: must not be empty",
        ),
        (
            vec![("a", "extends: b"), ("b", "x: [")],
            "b.yaml:1:5: did not find expected node content, while parsing a flow node",
        ),
        (
            vec![("a", "extends: b"), ("b", "- x")],
            "b.yaml: expected an object, found a list",
        ),
    ] {
        let read: BTreeMap<_, _> = files.iter().copied().collect();
        let text = |name: &str| EnvironmentText {
            file_name: format!("{name}.yaml"),
            text: read.get(name).copied().unwrap_or_default().to_owned(),
        };
        let errors = Environment::load(text("a"), &Variables::default(), |name| match name {
            "locked" => Err("cannot read locked.yaml: permission denied".to_owned()),
            _ => Ok(read.contains_key(name).then(|| text(name))),
        });
        assert_eq!(errors.unwrap_err().to_string(), said, "{files:?}");
    }
}

#[test]
fn one_text_alone_extends_nothing() {
    let errors = Environment::parse("a.yaml", "extends: b", &Variables::default());
    assert_eq!(
        errors.unwrap_err().to_string(),
        "a.yaml:1:1: extends: the environment `b` cannot be read: the text that extends it is read without any other"
    );
}

// Caught: the bound one off in either direction.
#[test]
fn environments_extend_one_another_only_so_often() {
    let load = |parents: usize| {
        let text = |at: usize| EnvironmentText {
            file_name: format!("e{at}.yaml"),
            text: if at < parents {
                format!("extends: e{}\nsettings: {{s{at}: 1}}", at + 1)
            } else {
                "settings: {last: 1}".to_owned()
            },
        };
        Environment::load(text(0), &Variables::default(), |name| {
            Ok(name[1..].parse().ok().map(text))
        })
    };
    assert_eq!(load(10).unwrap().settings().len(), 11);
    assert_eq!(
        load(11).unwrap_err().to_string(),
        "e10.yaml:1:1: extends: more than 10 environments extend one another; merge some of them"
    );
}

#[test]
fn debug_of_a_text_shows_no_text() {
    let text = EnvironmentText {
        file_name: "a.yaml".to_owned(),
        text: "hunter2".to_owned(),
    };
    assert_eq!(
        format!("{text:?}"),
        r#"EnvironmentText { file_name: "a.yaml", .. }"#
    );
}

fn any_document() -> impl Strategy<Value = Map<String, Value>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
        prop::collection::vec(0..3, 0..3).prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        prop::collection::btree_map("[a-d]", inner, 0..4).prop_map(|map| map.into_iter().collect())
    });
    prop::collection::btree_map("[a-d]", value, 0..4).prop_map(|map| map.into_iter().collect())
}

/// What stands at each leaf below the top level, by path; `None` where a null takes away.
fn naive(parent: Option<&Value>, child: &Value) -> Option<Value> {
    match (parent, child) {
        (Some(_), Value::Null) => None,
        (Some(Value::Object(below)), Value::Object(above)) => {
            let keys = below.keys().chain(above.keys());
            let merged = keys.filter_map(|key| {
                let value = match above.get(key) {
                    Some(value) => naive(below.get(key), value),
                    None => below.get(key).cloned(),
                };
                Some((key.clone(), value?))
            });
            Some(Value::Object(merged.collect()))
        }
        _ => Some(child.clone()),
    }
}

proptest! {
    // Caught: any single arm of `merge_value` changed.
    #[test]
    fn merging_does_what_a_naive_model_does(parent in any_document(), child in any_document()) {
        let mut merged = json!({"settings": parent});
        let over = json!({"settings": child});
        merge_file(merged.as_object_mut().unwrap(), over.as_object().unwrap());
        let expected = naive(Some(&Value::Object(parent)), &Value::Object(child)).unwrap();
        prop_assert_eq!(&merged["settings"], &expected);
    }

    // Caught: a file merged over itself that loses or doubles something.
    #[test]
    fn a_file_without_nulls_over_itself_is_itself(document in any_document()) {
        prop_assume!(!json!(document).to_string().contains("null"));
        let mut merged = document.clone();
        merge_file(&mut merged, &document);
        prop_assert_eq!(merged, document);
    }
}
