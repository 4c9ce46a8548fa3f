use super::*;
use proptest::prelude::*;
use serde_json::json;
use std::ffi::OsStr;
use std::fmt::Write as _;

fn name(text: &str) -> FileName {
    FileName::found(OsStr::new(text)).unwrap()
}

fn content(id: &str, config: Value) -> Content {
    Content {
        id: Id::new(id).unwrap(),
        config: PortableConfig::from_value(config).unwrap(),
        status: Status::Active,
        metadata: Map::new(),
    }
}

fn written(file: &str, wanted: &Content, before: Option<&str>) -> String {
    let text = write(&name(file), wanted, before.map(str::as_bytes)).unwrap();
    String::from_utf8(text).unwrap()
}

fn refused(file: &str, text: &[u8]) -> String {
    read(&name(file), &format!("bots/{file}"), text).unwrap_err()
}

#[test]
fn a_new_file_says_no_more_than_it_must() {
    let mut it = content(
        "a",
        json!({"llm": {"model": "x"}, "prompt": "Hi\nyou\n", "tools": [1, "two"]}),
    );
    assert_eq!(
        written("a.yaml", &it, None),
        "config:\n  llm:\n    model: x\n  prompt: |\n    Hi\n    you\n  tools:\n  - 1\n  - two\n"
    );
    it.status = Status::Inactive;
    it.metadata = Map::from_iter([("team".to_owned(), json!("red"))]);
    it.config = PortableConfig::from_value(json!({})).unwrap();
    assert_eq!(
        written("a.yaml", &it, None),
        "status: inactive\nmetadata:\n  team: red\nconfig: {}\n"
    );
    assert_eq!(
        written("a.json", &it, None),
        "{\n  \"status\": \"inactive\",\n  \"metadata\": {\n    \"team\": \"red\"\n  },\n  \"config\": {}\n}\n"
    );
}

#[test]
fn a_long_id_is_in_the_file() {
    let id = "x".repeat(256);
    let it = content(&id, json!({}));
    let file = FileName::of(&it.id, Syntax::Yaml);
    let text = write(&file, &it, None).unwrap();
    assert_eq!(text, format!("id: {id}\nconfig: {{}}\n").into_bytes());
    assert_eq!(read(&file, "", &text).unwrap(), it);
    assert_eq!(
        read(&file, "f", b"config: {}\n").unwrap_err(),
        "f: its name does not tell the whole id; add `id:` with all of it"
    );
    let other = format!("id: {}\nconfig: {{}}\n", "y".repeat(256));
    assert_eq!(
        read(&file, "f", other.as_bytes()).unwrap_err(),
        "f:1:1: id: it is not the id that the file is named after; rename the file or remove the line"
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, said) in [
        (
            "config:\n  a: 1\n a: 2\n".as_bytes(),
            "bots/a.yaml:3:2: did not find expected key, while parsing a block mapping",
        ),
        (
            b"config:\n  a: 1\n  a: 2\n",
            "bots/a.yaml:3:3: config.a: the key is given twice; remove one",
        ),
        (
            b"config:\n  \xc3\xa4: \xff\n",
            "bots/a.yaml:2:6: not UTF-8 text; save it as UTF-8",
        ),
        (
            b"status: on\nconfig: {}\n",
            "bots/a.yaml:1:1: status: unknown status \"on\": use active, inactive or error",
        ),
        (
            b"config: {a: !include x}\n",
            "bots/a.yaml:1:13: config.a: the tag `!include` is not supported; remove it",
        ),
        (
            b"",
            "bots/a.yaml: expected an object with `config`, found null",
        ),
    ] {
        let refused = refused("a.yaml", text);
        assert!(refused.starts_with(said), "{refused}\nshould be {said}");
    }
    assert_eq!(
        refused("a.json", b"{\"config\": {\"a\": }}"),
        "bots/a.json:1:18: expected value"
    );
}

#[test]
fn hostile_files_are_refused_in_bounded_time() {
    let mut bomb = "config:\n  a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for n in 1..12 {
        let before = n - 1;
        let more = format!(",*a{before}").repeat(9);
        writeln!(bomb, "  a{n}: &a{n} [*a{before}{more}]").unwrap();
    }
    assert!(refused("a.yaml", bomb.as_bytes()).contains("grows too large"));
    let deep = format!("config: {}", "[".repeat(1_000_000));
    assert!(refused("a.yaml", deep.as_bytes()).contains("nested deeper"));
    let deep = format!("{{\"config\": {}", "[".repeat(1_000_000));
    assert!(refused("a.json", deep.as_bytes()).contains("nested deeper"));
}

#[test]
fn what_does_not_change_leaves_the_file_alone() {
    for text in [
        "# mine\r\nconfig: {a: 1}   # odd style\r\n",
        "{\"config\":\n\t{ \"a\":1}}",
        "config: {a: 1}",
        "---\nconfig:\n    a: 1\n...\n",
    ] {
        let file = if text.starts_with('{') {
            "a.json"
        } else {
            "a.yaml"
        };
        assert_eq!(
            written(file, &content("a", json!({"a": 1})), Some(text)),
            text
        );
    }
}

#[test]
fn a_change_of_status_keeps_every_comment() {
    let before = "# Greets people.\n\nconfig: # the bot\n  # how warm\n  heat: 3 # of 5\n\n# end\n";
    let mut it = content("a", json!({"heat": 3}));
    it.status = Status::Inactive;
    let inactive = written("a.yaml", &it, Some(before));
    assert_eq!(
        inactive,
        "# Greets people.\n\nconfig: # the bot\n  # how warm\n  heat: 3 # of 5\nstatus: inactive\n\n# end\n"
    );
    it.status = Status::Active;
    assert_eq!(
        written("a.yaml", &it, Some(&inactive)),
        inactive.replace("inactive", "active")
    );
}

#[test]
fn a_style_that_cannot_be_changed_line_by_line_keeps_its_leading_comments() {
    let before = "# Mine.\n\n# Really.\n{config: {a: 1}, # one\nstatus: active}\n";
    assert_eq!(
        written("a.yaml", &content("a", json!({"a": 2})), Some(before)),
        "# Mine.\n\n# Really.\nconfig:\n  a: 2\n"
    );
    let anchors = "# Mine.\nconfig:\n  a: &x {n: 1}\n  b: *x\n";
    assert_eq!(
        written(
            "a.yaml",
            &content("a", json!({"a": {"n": 2}, "b": {"n": 1}})),
            Some(anchors)
        ),
        "# Mine.\nconfig:\n  a:\n    n: 2\n  b:\n    n: 1\n"
    );
}

#[test]
fn a_broken_text_is_not_built_upon() {
    let it = content("a", json!({"a": 1}));
    assert_eq!(
        written("a.yaml", &it, Some("config: [\n")),
        "config:\n  a: 1\n"
    );
}

#[test]
fn what_yaml_means_otherwise_is_refused_there_and_kept_in_json() {
    let it = content("a", json!({"<<": {"b": 1}}));
    let refused = write(&name("a.yaml"), &it, None).unwrap_err();
    assert!(
        refused.starts_with("it cannot be kept as YAML"),
        "{refused}"
    );
    let text = written("a.json", &it, None);
    assert_eq!(read(&name("a.json"), "", text.as_bytes()).unwrap(), it);
}

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        "[ -~]{0,12}",
        "[-#:&*!|>'\"%@`{}\\[\\],? \n\t~=<0-9a-z.]{0,8}",
        Just("null".to_owned()),
        Just("0x1F".to_owned()),
        Just("1e3".to_owned()),
        Just(".inf".to_owned()),
        Just("~".to_owned()),
        Just("a\u{85}b\u{2028}c\u{feff}\0".to_owned()),
        Just("\r\n  x\n\n".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        prop::num::f64::SUBNORMAL.prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let key = text.clone().prop_filter("means a merge", |key| key != "<<");
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_back(one in value(), two in value(), noted in value()) {
        let mut first = content("a", json!({"v": one, "kept": {"x": 1}}));
        let text = written("a.yaml", &first, None);
        prop_assert_eq!(&read(&name("a.yaml"), "", text.as_bytes()).unwrap(), &first);
        let commented = text.replace("  kept:\n", "  # why\n  kept: # here\n");
        first.config = PortableConfig::from_value(json!({"v": two, "kept": {"x": 1}})).unwrap();
        first.metadata = Map::from_iter([("n".to_owned(), noted)]);
        let changed = written("a.yaml", &first, Some(&commented));
        prop_assert_eq!(&read(&name("a.yaml"), "", changed.as_bytes()).unwrap(), &first);
        prop_assert!(changed.contains("  # why\n  kept: # here\n    x: 1\n"), "{}", changed);
        let text = written("a.json", &first, Some(&commented));
        prop_assert_eq!(&read(&name("a.json"), "", text.as_bytes()).unwrap(), &first);
    }
}
