use proptest::prelude::*;
use serde_json::json;

use crate::{ConfigErrors, Environment, PortableConfig, ResolvedConfig, Variables};
use serde_json::Value;

const RESOURCES: &str = "
resources:
  databases:
    main: {host: db, password: '${SECRET}', literal: '$${V}'}
    registry: {$resource: main, type: databases, table: registrations, host: other}
    capable: {url: x, capabilities: [read, write]}
    one: {next: [{$resource: two, type: databases}]}
    two: {next: {$resource: one, type: databases}}
  default:
    cache: {size: 1}
";

fn environment(settings: &str) -> Environment {
    let variables = [
        ("V", "value"),
        ("K", "key"),
        ("SECRET", "${V}"),
        ("NAME", "main"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let yaml = format!("{RESOURCES}{settings}");
    Environment::parse("dev.yaml", &yaml, &Variables::from_iter(variables)).unwrap()
}

fn resolve_with(settings: &str, config: Value) -> Result<ResolvedConfig, ConfigErrors> {
    environment(settings).resolve(&PortableConfig::from_value(config).unwrap())
}

fn resolved(config: Value) -> Value {
    let resolved = resolve_with("", config).unwrap();
    assert_eq!(resolved.environment(), Some("dev"));
    assert_eq!(resolved.warnings(), []);
    Value::Object(resolved.as_map().clone())
}

fn refused(config: Value) -> String {
    resolve_with("", config).unwrap_err().to_string()
}

#[test]
fn variables_are_filled_into_texts_and_keys() {
    assert_eq!(
        resolved(json!({
            "${K}": "${V}", "list": ["${V}", {"a": "$${V}"}], "number": 1, "none": null,
            "default": "${X:d}", "other": {"$schema": "kept"},
        })),
        json!({
            "key": "value", "list": ["value", {"a": "${V}"}], "number": 1, "none": null,
            "default": "d", "other": {"$schema": "kept"},
        })
    );
}

#[test]
fn a_reference_becomes_the_resource_with_inline_values_beside_it() {
    assert_eq!(
        resolved(json!({"db": {"$resource": "main", "type": "databases"}})),
        json!({"db": {"host": "db", "password": "${V}", "literal": "${V}"}}),
        "and what a variable brought into the resource is not filled in again"
    );
    assert_eq!(
        resolved(
            json!({"db": {"$resource": "main", "type": "databases", "host": "${UNSET}", "pool": "${V}"}})
        ),
        json!({"db": {"host": "db", "password": "${V}", "literal": "${V}", "pool": "value"}}),
        "the resource wins, and what it overrides need not even be set"
    );
    assert_eq!(
        resolved(
            json!({"dbs": [{"$resource": "cache"}, {"$resource": "${NAME}", "type": "databases"}]})
        ),
        json!({"dbs": [{"size": 1}, {"host": "db", "password": "${V}", "literal": "${V}"}]}),
        "the type is `default` if it is not given, and the name may come from a variable"
    );
    assert_eq!(
        resolved(json!({"$resource": "cache", "size": 2, "more": {"$resource": "cache"}})),
        json!({"size": 1, "more": {"size": 1}}),
        "the whole configuration may be a reference, and inline values may hold some"
    );
}

#[test]
fn a_resource_may_refer_to_another() {
    assert_eq!(
        resolved(json!({"db": {"$resource": "registry", "type": "databases"}})),
        json!({"db": {"host": "db", "password": "${V}", "literal": "${V}", "table": "registrations"}})
    );
}

#[test]
fn resources_in_a_circle_are_refused() {
    assert_eq!(
        refused(json!({"db": {"$resource": "one", "type": "databases"}})),
        "db.next[0].next: resources refer to one another in a circle: databases/one -> databases/two -> databases/one"
    );
}

#[test]
fn who_decides_whether_a_missing_resource_is_refused() {
    let strict = "settings: {strict_resources: true}";
    let strict_text = "settings: {strict_resources: '${STRICT:True}'}";
    let lenient = "settings: {strict_resources: false}";
    for (settings, policy, is_refused) in [
        ("", json!({}), false),
        (lenient, json!({}), false),
        (strict, json!({}), true),
        (strict_text, json!({}), true),
        ("", json!({"$requires": []}), false),
        ("", json!({"$requires": ["read"]}), true),
        (lenient, json!({"$requires": ["read"]}), true),
        ("", json!({"$required": true}), true),
        ("", json!({"$required": "true"}), true),
        (lenient, json!({"$required": true}), true),
        (strict, json!({"$required": false}), false),
        (strict, json!({"$required": "${X:false}"}), false),
        (
            strict,
            json!({"$required": false, "$requires": ["read"]}),
            false,
        ),
    ] {
        let mut reference = json!({"$resource": "absent", "type": "databases", "host": "inline"});
        reference
            .as_object_mut()
            .unwrap()
            .extend(policy.as_object().unwrap().clone());
        match resolve_with(settings, json!({"db": reference})) {
            Err(errors) if is_refused => assert_eq!(
                errors.to_string(),
                "db: resource `databases/absent` is not in environment `dev` (its `databases`: capable, main, one, \
                 registry, two); add it there, or make the reference optional with `$required: false`"
            ),
            Ok(resolved) if !is_refused => {
                assert_eq!(resolved.get("db"), Some(&json!({"host": "inline"})));
                let warnings: Vec<_> = resolved
                    .warnings()
                    .iter()
                    .map(ToString::to_string)
                    .collect();
                assert_eq!(
                    warnings,
                    [
                        "db: resource `databases/absent` is not in environment `dev` (its `databases`: capable, main, \
                      one, registry, two); only the inline values are used"
                    ]
                );
            }
            other => panic!("{settings} {policy}: {other:?}"),
        }
    }
}

#[test]
fn a_missing_type_says_that_there_is_none_of_it() {
    assert_eq!(
        refused(json!({"$resource": "x", "type": "queues", "$required": true})),
        "resource `queues/x` is not in environment `dev` (it has no `queues`); add it there, or make the reference \
         optional with `$required: false`"
    );
}

#[test]
fn capabilities_are_checked_where_a_resource_lists_them() {
    let asking = |name: &str, capability: &str| json!({"db": {"$resource": name, "type": "databases", "$requires": [capability]}});
    assert_eq!(resolved(asking("capable", "read"))["db"]["url"], "x");
    assert_eq!(resolved(asking("main", "read"))["db"]["host"], "db");
    assert_eq!(
        refused(asking("capable", "listen")),
        "db: resource `databases/capable` does not have the required capability `listen`"
    );
}

#[test]
fn all_problems_are_reported_together() {
    assert_eq!(
        refused(json!({
            "a": ["${A}", "${B:?because}"],
            "b": {"$resource": 1},
            "c": {"$resource": ""},
            "d": {"$required": true},
            "e": {"$requires": ["x"]},
            "f": {"$resource": "main", "$optional": true},
            "g": {"$resource": "main", "$required": "yes"},
            "h": {"$resource": "main", "$required": null},
            "i": {"$resource": "main", "$requires": "read"},
            "j": {"$resource": "main", "$requires": [1]},
            "k": {"$resource": "main", "type": ["databases"]},
            "l": {"$resource": "${C}", "$required": true},
            "m": {"${K}": 1, "key": 2},
            "n": {"$resource": "main", "$requird": true},
        })),
        "\
a[0]: environment variable `A` is not set; set it, or write a default: `${A:default}`
a[1]: environment variable `B` is not set: because
b.$resource: expected a string, found a number
c.$resource: must not be empty
d.$resource: required, but not given; add it
e.$resource: required, but not given; add it
f.$optional: unknown key; known here: $resource, type, $required, $requires
g.$required: expected true or false, found another text
h.$required: expected true or false, found null
i.$requires: expected a list of strings, found a string
j.$requires: expected a list of strings, found a number
k.type: expected a string, found a list
l.$resource: environment variable `C` is not set; set it, or write a default: `${C:default}`
m.key: two keys of this object become the same once variables are filled in
n.$requird: unknown key; known here: $resource, type, $required, $requires; did you mean `$required`?"
    );
}

#[test]
fn a_variable_cannot_make_a_reference() {
    let variables = [("R", "$resource"), ("V", r#"{"$resource": "main"}"#)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = Environment::empty("dev").with_variables(Variables::from_iter(variables));
    let resolve = |config| environment.resolve(&PortableConfig::from_value(config).unwrap());
    assert_eq!(
        resolve(json!({"a": {"${R}": "main"}}))
            .unwrap_err()
            .to_string(),
        r#"a."${R}": a variable makes this key begin with `$`; such keys can only be written out"#
    );
    let kept = resolve(json!({"a": "${V}"})).unwrap();
    assert_eq!(kept.get("a"), Some(&json!(r#"{"$resource": "main"}"#)));
}

#[test]
fn resources_that_multiply_are_refused() {
    let levels = (1..40).map(|level| {
        let next = format!("{{$resource: l{}}}", level - 1);
        format!("    l{level}: {{a: {next}, b: {next}}}\n")
    });
    let levels = levels.collect::<Vec<_>>().concat();
    let yaml = format!("resources:\n  default:\n    l0: {{}}\n{levels}");
    let environment = Environment::parse("dev.yaml", &yaml, &Variables::default()).unwrap();
    let config = PortableConfig::from_value(json!({"$resource": "l39"})).unwrap();
    let errors = environment.resolve(&config).unwrap_err();
    assert!(errors.to_string().contains("grows too large"), "{errors}");
    assert_eq!(errors.iter().count(), 1);
}

#[test]
fn a_resource_cannot_nest_deeper_than_a_configuration_may() {
    for (open, close) in [("[", "]"), ("{a: ", "}")] {
        let deep = format!("{}1{}", open.repeat(100), close.repeat(100));
        let yaml = format!("resources: {{default: {{deep: {{field: {deep}}}}}}}");
        let environment = Environment::parse("dev.yaml", &yaml, &Variables::default()).unwrap();
        let config = (0..50).fold(json!({"$resource": "deep"}), |inner, _| json!({"a": inner}));
        let errors = environment
            .resolve(&PortableConfig::from_value(config).unwrap())
            .unwrap_err();
        let said = errors.to_string();
        assert!(
            said.ends_with("nested deeper than 120 levels; flatten it"),
            "{said}"
        );
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = r"[a-z${}:$ ]{0,6}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text, inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn what_has_no_reference_and_no_variable_is_unchanged(value in any_json()) {
        let config = json!({ "a": value });
        prop_assume!(!config.to_string().contains("${"));
        prop_assert_eq!(resolved(config.clone()), config);
    }

    #[test]
    fn no_configuration_makes_it_panic(value in any_json(), name in any_json(), parts in any_json()) {
        let reference = json!({"$resource": name, "$required": parts, "${K}": value});
        let config = PortableConfig::from_value(json!({ "a": reference, "b": value })).unwrap();
        // Either answer is right here.
        drop(environment("").resolve(&config));
    }
}
