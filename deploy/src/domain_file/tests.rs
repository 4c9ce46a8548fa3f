use proptest::prelude::*;
use serde_json::json;

use super::*;

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

#[test]
fn a_registration_is_written_as_people_write_it() {
    let config = map(json!({"llm": {"provider": "echo"}, "system_prompt": "One.\nTwo.\n"}));
    let metadata = map(json!({
        "team": "front desk", "managed_by": "hotbed-apply:default", "changed_by": "ada", "change_reason": "why"
    }));
    assert_eq!(
        domain_file("greeter", &config, &metadata).unwrap(),
        "domain:\n  id: greeter\n  team: front desk\nbot:\n  llm:\n    provider: echo\n  \
         system_prompt: |\n    One.\n    Two.\n"
    );
}

#[test]
fn what_would_not_read_back_is_refused() {
    let none = Map::new();
    let id = map(json!({"id": 7}));
    assert_eq!(domain_file("a", &none, &id), Err(Unwritable::MetadataId));
    assert_eq!(domain_file("", &none, &none), Err(Unwritable::NotKept));
    let merged = map(json!({"<<": {"a": 1}}));
    assert_eq!(domain_file("a", &merged, &none), Err(Unwritable::NotKept));
}

#[test]
fn a_file_is_named_after_the_id_as_far_as_file_systems_take_it() {
    assert_eq!(file_name("greeter"), "greeter.yaml");
    assert_eq!(file_name("team a.b"), "team a.b.yaml");
    assert_eq!(file_name(".hidden"), "%2Ehidden.yaml");
    assert_eq!(file_name("a:b|c"), "a%3Ab%7Cc.yaml");
    let (one, two) = ("ä".repeat(127) + "b", "ä".repeat(127) + "c");
    assert!(file_name(&one).len() < 220, "{}", file_name(&one));
    assert_ne!(file_name(&one), file_name(&two));
}

/// What YAML's many versions and shortcuts make of a text.
fn odd_text() -> impl Strategy<Value = String> {
    let odd = [
        "",
        "~",
        "null",
        "true",
        "off",
        "Yes",
        "n",
        "1",
        "1_000",
        "0x1F",
        "0o17",
        "1e3",
        ".5",
        "-",
        ".nan",
        "- a",
        "a: b",
        "a #b",
        "#",
        "'",
        "\"",
        "|",
        ">",
        "&a",
        "*a",
        "!t",
        "%",
        "@",
        "`",
        " x ",
        "\t",
        "a\nb\n",
        "\n",
        "a\r\nb",
        "<<",
        "${A:b}",
        "$${A}",
        "2026-01-02",
        "12:30:45",
        "\u{feff}",
        "\u{85}",
        "\u{2028}",
        "\u{7f}",
        "ünï",
        "---",
        "...",
        "? a",
        "=",
    ];
    prop_oneof![
        3 => prop::sample::select(odd.map(str::to_owned).to_vec()),
        2 => "[ -~äß\\n\\t\u{1f525}]{0,12}",
    ]
}

/// The reader merges what stands under `<<`, quoted or not.
fn key() -> impl Strategy<Value = String> {
    odd_text().prop_filter("`<<` is no key", |key| key != "<<")
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no other", |it| it.is_finite())
            .prop_map(Value::from),
        odd_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map(key(), value(), 0..4).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// That it reads back is proven by the writer itself; here it is proven that it always does.
    ///
    /// Caught: to write a text without quotes that YAML takes for a number.
    #[test]
    fn whatever_is_registered_can_be_written_and_reads_back_as_the_same(
        id in odd_text().prop_filter("an id is not empty", |id| !id.is_empty()),
        config in object(),
        metadata in object(),
    ) {
        let written = domain_file(&id, &config, &metadata);
        prop_assert!(written.is_ok(), "{written:?} of {id:?} {config:?} {metadata:?}");
    }
}
