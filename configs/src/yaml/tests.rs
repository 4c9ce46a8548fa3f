use serde_json::json;

use super::*;

fn read(text: &str) -> Vec<Value> {
    Source::new("a.yaml", text).documents().unwrap()
}

fn refused(text: &str) -> String {
    let errors = Source::new("a.yaml", text).documents().unwrap_err();
    errors.to_string()
}

fn place_of(text: &str, document: usize, path: ConfigPath) -> String {
    let mut problems = Problems::default();
    problems.push(path, ConfigErrorKind::MissingKey);
    Source::new("a.yaml", text).locate(document, &mut problems);
    let errors = problems.or(()).unwrap_err();
    let location = errors.iter().next().unwrap().location().unwrap();
    format!("{}:{}", location.line, location.column)
}

#[test]
fn values_keep_their_types() {
    let text = "
int: 42
negative: -7
largest: 18446744073709551615
smallest: -9223372036854775808
float: 1.5
hex: 0x1F
yes: yes
on: on
true: 'true'
really: true
none: ~
empty:
underscored: 1_000
zeros: 007
date: 2026-01-02
version: 1.2.3
quoted: '42'
list: [a, 1, {b: c}]
block: |
  two
  lines
"
    .replace("true: 'true'", "'true': 'true'");
    let expected = json!({
        "int": 42, "negative": -7, "largest": u64::MAX, "smallest": i64::MIN, "float": 1.5, "hex": 31,
        "yes": "yes", "on": "on", "true": "true", "really": true, "none": null, "empty": null,
        "underscored": "1_000", "zeros": "007", "date": "2026-01-02", "version": "1.2.3", "quoted": "42",
        "list": ["a", 1, {"b": "c"}], "block": "two\nlines\n",
    });
    assert_eq!(read(&text), [expected]);
}

#[test]
fn a_text_holds_any_number_of_documents() {
    assert_eq!(read(""), [json!(null)]);
    assert_eq!(read("# nothing\n"), [json!(null)]);
    assert_eq!(
        read("---\na: 1\n---\n---\nb: 2\n"),
        [json!({"a": 1}), json!(null), json!({"b": 2})]
    );
    assert_eq!(read("\u{feff}a: 1\r\nb: 2\r\n"), [json!({"a": 1, "b": 2})]);
    assert_eq!(
        read(r#"{"json": ["is", "yaml"]}"#),
        [json!({"json": ["is", "yaml"]})]
    );
}

#[test]
fn aliases_and_merges_are_filled_in() {
    let text = "
base: &base {a: 1, b: 2}
other: &other {b: 3, c: 4}
one: {<<: *base, b: 9}
two: {<<: [*other, *base]}
same: *base
";
    assert_eq!(
        read(text),
        [json!({
            "base": {"a": 1, "b": 2}, "other": {"b": 3, "c": 4}, "same": {"a": 1, "b": 2},
            "one": {"a": 1, "b": 9}, "two": {"a": 1, "b": 3, "c": 4},
        })]
    );
}

#[test]
fn what_json_cannot_hold_is_refused_with_its_place() {
    for (text, expected) in [
        (
            "a:\n  b: 1\n  b: 2\n",
            "a.yaml:3:3: a.b: the key is given twice; remove one",
        ),
        (
            "- {1: x}\n",
            "a.yaml:1:4: [0]: a key must be text, this one is a number; put it in quotes",
        ),
        (
            "a: {true: x}\n",
            "a.yaml:1:5: a: a key must be text, this one is a boolean; put it in quotes",
        ),
        (
            "~: x\n",
            "a.yaml:1:1: a key must be text, this one is null; put it in quotes",
        ),
        (
            "? [a]\n: x\n",
            "a.yaml:1:3: a key must be text, this one is a list; put it in quotes",
        ),
        (
            "? {a: b}\n: x\n",
            "a.yaml:1:3: a key must be text, this one is an object; put it in quotes",
        ),
        (
            "? !x a\n: x\n",
            "a.yaml:1:3: a key must be text, this one is tagged; put it in quotes",
        ),
        (
            "a: .nan\n",
            "a.yaml:1:4: a: NaN cannot be kept as a number; put it in quotes to keep it as text",
        ),
        (
            "a: [1, -.inf]\n",
            "a.yaml:1:8: a[1]: infinity cannot be kept as a number; put it in quotes to keep it as text",
        ),
        (
            "a: 18446744073709551616\n",
            "a.yaml:1:4: a: an integer of more than 64 bits cannot be kept as a number; put it in quotes to keep it as text",
        ),
        (
            "a:\n- !include b.yaml\n",
            "a.yaml:2:3: a[0]: the tag `!include` is not supported; remove it",
        ),
        (
            "a: {<<: 1}\n",
            "a.yaml:1:4: a.<<: `<<` merges an object or a list of objects, this is a number",
        ),
        (
            "ok: 1\n---\na: !x {}\n",
            "a.yaml:3:4: a: the tag `!x` is not supported; remove it",
        ),
    ] {
        assert_eq!(
            refused(text),
            expected.replace("a.<<", "a.\"<<\""),
            "{text}"
        );
    }
}

#[test]
fn what_is_not_yaml_is_refused_in_the_parsers_words() {
    for (text, expected) in [
        (
            "a:\n\tb: 1\n",
            "a.yaml:2:1: found character that cannot start any token, while scanning for the next token; \
             indent with spaces, YAML does not allow tabs",
        ),
        (
            "a: [1, 2\n",
            "a.yaml:2:1: did not find expected ',' or ']', while parsing a flow sequence at line 1 column 4",
        ),
        ("a: *nothing\n", "a.yaml:1:4: unknown anchor"),
        (
            "a: b: c\n",
            "a.yaml:1:5: mapping values are not allowed in this context",
        ),
        (
            "a: 1\nä: \0\n",
            "a.yaml:2:4: control characters are not allowed",
        ),
        (
            "a: {b: ${X}}\n",
            "a.yaml:1:9: did not find expected ',' or '}', while parsing a flow mapping at line 1 column 4; \
             inside { } and [ ], text with `${` needs quotes",
        ),
        (
            "a: @b\n",
            "a.yaml:1:4: found character that cannot start any token, while scanning for the next token",
        ),
    ] {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn bombs_are_defused() {
    let laughs = (1..12).fold(
        "l0: &l0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned(),
        |text, level| {
            let inner = vec![format!("*l{}", level - 1); 10].join(",");
            text + &format!("l{level}: &l{level} [{inner}]\n")
        },
    );
    assert!(
        refused(&laughs).contains("grows too large once aliases"),
        "{}",
        refused(&laughs)
    );

    // Few aliases, but each to something large.
    let big = vec!["1"; 200_000].join(",");
    let copies = vec!["*big"; 100].join(",");
    let text = format!("big: &big [{big}]\ncopies: [{copies}]\n");
    assert!(refused(&text).contains("grows too large once aliases"));

    let circle = refused("a: &a [*a]\n");
    assert!(circle.contains("nested deeper than 120 levels"), "{circle}");

    let deep = format!("{}1{}", "[".repeat(121), "]".repeat(121));
    assert!(refused(&deep).contains("nested deeper than 120 levels"));
    let fits = format!("{}1{}", "[".repeat(120), "]".repeat(120));
    assert_eq!(read(&fits).len(), 1);

    // The parser's own time for this grows with the square of the depth.
    assert!(refused(&"{a: ".repeat(500_000)).contains("nested deeper than 120 levels"));

    let huge = "#".repeat(MAX_TEXT_BYTES + 1);
    assert_eq!(
        refused(&huge),
        "a.yaml: the text has 8388609 bytes, more than the 8388608 allowed; split it into several files"
    );
}

#[test]
fn a_path_is_found_in_the_text() {
    let text = "---\nx: 1\n---\na:\n  b: [1, {c: 2}]\n  d: &d\n    e: 1\nf: *d\n";
    assert_eq!(place_of(text, 1, ConfigPath::default()), "4:1");
    assert_eq!(place_of(text, 1, ConfigPath::of_keys(["a"])), "4:1");
    assert_eq!(place_of(text, 1, ConfigPath::of_keys(["a", "b"])), "5:3");
    let mut path = ConfigPath::of_keys(["a", "b"]);
    path.push_index(1);
    assert_eq!(place_of(text, 1, path.clone()), "5:10");
    path.push_key("c");
    assert_eq!(place_of(text, 1, path.clone()), "5:11");
    path.push_key("deeper");
    assert_eq!(place_of(text, 1, path), "5:14", "the nearest value around");
    assert_eq!(
        place_of(text, 1, ConfigPath::of_keys(["a", "missing"])),
        "5:3",
        "the object around"
    );
    assert_eq!(
        place_of(text, 1, ConfigPath::of_keys(["f", "e"])),
        "7:5",
        "where the alias points"
    );
    assert_eq!(place_of(text, 0, ConfigPath::of_keys(["x"])), "2:1");
}
