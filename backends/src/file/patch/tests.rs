use super::*;
use serde_json::json;

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

fn edited(text: &str, new: &Value) -> Option<String> {
    let old: Value = serde_yaml::from_str(text).unwrap();
    let edited = edit(text, &object(old), &object(new.clone()))?;
    assert_eq!(
        &serde_yaml::from_str::<Value>(&edited).unwrap(),
        new,
        "{edited}"
    );
    Some(edited)
}

const TEXT: &str = "\
# The support bot.
# Ask Ann before you change it.

llm:          # see llms.yaml
  model: small
  # Not above 1!
  temperature: 0.5  # tried 0.7
  stop: [\"\\n\", END]

# Speaks first.
greeting: |
  # no comment
  Hello!

tools:
- name: search   # the web
- name: clock
'quoted key': 1
limits:
    per day:  100
    # nothing more
# the end
";

#[test]
fn a_change_deep_inside_changes_its_line() {
    let mut new: Value = serde_yaml::from_str(TEXT).unwrap();
    new["llm"]["temperature"] = json!(0.7);
    assert_eq!(
        edited(TEXT, &new).unwrap(),
        TEXT.replace("temperature: 0.5  # tried", "temperature: 0.7 # tried")
    );
    new["llm"]["temperature"] = json!(0.5);
    new["limits"]["per day"] = json!(50);
    new["quoted key"] = json!(2);
    assert_eq!(
        edited(TEXT, &new).unwrap(),
        TEXT.replace("per day:  100", "per day: 50")
            .replace("'quoted key': 1", "quoted key: 2")
    );
}

#[test]
fn a_list_that_changes_is_written_anew() {
    let mut new: Value = serde_yaml::from_str(TEXT).unwrap();
    new["tools"] = json!([{"name": "clock"}]);
    assert_eq!(
        edited(TEXT, &new).unwrap(),
        TEXT.replace("- name: search   # the web\n", "")
    );
}

#[test]
fn new_keys_come_last_and_keys_that_go_leave_the_comments_above_them() {
    let mut new: Value = serde_yaml::from_str(TEXT).unwrap();
    new["llm"]["top_k"] = json!(3);
    new["zeal"] = json!({"a": [1]});
    new.as_object_mut().unwrap().remove("greeting");
    assert_eq!(
        edited(TEXT, &new).unwrap(),
        TEXT.replace("END]\n", "END]\n  top_k: 3\n")
            .replace("greeting: |\n  # no comment\n  Hello!\n", "")
            .replace("# the end\n", "zeal:\n  a:\n  - 1\n# the end\n")
    );
}

#[test]
fn line_endings_and_a_missing_one_are_kept() {
    assert_eq!(
        edited("a: 1\r\nb: 2\r\n", &json!({"a": 3, "b": 2, "c": [1]})).unwrap(),
        "a: 3\r\nb: 2\r\nc:\r\n- 1\r\n"
    );
    let marked = edit(
        "\u{feff}a: 1\n",
        &object(json!({"a": 1})),
        &object(json!({"a": 2})),
    );
    assert_eq!(marked.unwrap(), "\u{feff}a: 2\n");
    assert_eq!(
        edited("a: 1\nb: 2", &json!({"a": 1, "b": 2, "c": 3})).unwrap(),
        "a: 1\nb: 2\nc: 3\n"
    );
    assert_eq!(
        edited("a:\n  b: 1", &json!({"a": {"b": 1, "c": 2}, "d": 3})).unwrap(),
        "a:\n  b: 1\n  c: 2\nd: 3\n"
    );
}

#[test]
fn other_styles_are_left_to_others() {
    for text in [
        "{a: 1}\n",
        "? a\n: 1\n",
        "&x a: 1\n",
        "!!map\na: 1\n",
        "  a: 1\n",
        "a: 1\n...\n",
        "%YAML 1.1\n---\na: 1\n",
    ] {
        assert_eq!(
            edit(text, &object(json!({"a": 1})), &object(json!({"a": 2}))),
            None,
            "{text:?}"
        );
    }
}

#[test]
fn what_looks_like_a_key_in_a_text_is_no_key() {
    let text = "a: |\n  b: 1\n  # c\n\n  d: 2\nb: 1 # one\n";
    assert_eq!(
        edited(text, &json!({"a": "b: 1\n# c\n\nd: 2\n", "b": 2})).unwrap(),
        text.replace("b: 1 # one", "b: 2 # one")
    );
    let folded = "a: first\n  second: not a key\nb: 1\n";
    let old = object(json!({"a": "x", "b": 1}));
    let new = object(json!({"a": "x", "b": 2}));
    assert_eq!(
        edit(folded, &old, &new).unwrap(),
        folded.replace("b: 1", "b: 2")
    );
}

#[test]
fn a_value_in_quotes_loses_what_may_be_a_comment() {
    assert_eq!(
        edited("a: 'x # y' # z\n", &json!({"a": "w"})).unwrap(),
        "a: w\n"
    );
}
