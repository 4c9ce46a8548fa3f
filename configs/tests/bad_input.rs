//! What is said about bad input, word by word. Each text is one that somebody will write one day.
//!
//! Caught: any change of these messages. They are what a person sees; change them on purpose.

use hotbed_configs::{
    ConfigErrors, Environment, EnvironmentText, PortableConfig, RegistrationFile, Syntax,
    Variables, parse_domain,
};
use serde_json::{Value, json};

fn environment(text: &str) -> Result<Environment, ConfigErrors> {
    Environment::parse("dev.yaml", text, &Variables::default())
}

fn refused(text: &str) -> String {
    let refused = environment(text).expect_err("a text that is refused");
    refused.to_string()
}

fn settings(text: &str) -> Value {
    let environment = environment(text).expect("a text that is read");
    Value::Object(environment.settings().clone())
}

// Found by a fuzzer: the parser tells of a line that is not there.
#[test]
fn a_text_that_ends_too_early_is_wrong_at_its_end() {
    for (text, place) in [
        ("settings: {a: 1", "dev.yaml:1:16: "),
        ("settings: {a: 1\n", "dev.yaml:2:1: "),
        ("settings:\r\n  a: [ü", "dev.yaml:2:8: "),
    ] {
        let said = refused(text);
        assert!(said.starts_with(place), "{said}");
    }
}

#[test]
fn what_is_said_about_an_environment() {
    for (text, said) in [
        (
            "settings:\n\tlevel: info\n",
            "dev.yaml:2:1: found character that cannot start any token, while scanning for the next token; indent with spaces, YAML does not allow tabs",
        ),
        (
            "settings:\n  level: info\n  level: debug\n",
            "dev.yaml:3:3: settings.level: the key is given twice; remove one",
        ),
        (
            "setings:\n  level: info\n",
            "dev.yaml:1:1: setings: unknown key; known here: extends, name, description, resources, settings; did you mean `settings`?",
        ),
        (
            "colour: red\n",
            "dev.yaml:1:1: colour: unknown key; known here: extends, name, description, resources, settings",
        ),
        (
            "settings: [level]\n",
            "dev.yaml:1:1: settings: expected an object, found a list",
        ),
        (
            "resources:\n  databases: {main: 7}\n",
            "dev.yaml:2:15: resources.databases.main: expected an object, found a number",
        ),
        (
            "name: 7\n",
            "dev.yaml:1:1: name: expected a string, found a number",
        ),
        (
            "just words\n",
            "dev.yaml: expected an object, found a string",
        ),
        (
            "settings: {ratio: .nan}\n",
            "dev.yaml:1:19: settings.ratio: NaN cannot be kept as a number; put it in quotes to keep it as text",
        ),
        (
            "settings: {ratio: -.inf}\n",
            "dev.yaml:1:19: settings.ratio: infinity cannot be kept as a number; put it in quotes to keep it as text",
        ),
        (
            "settings: {size: 18446744073709551616}\n",
            "dev.yaml:1:18: settings.size: an integer of more than 64 bits cannot be kept as a number; put it in quotes to keep it as text",
        ),
        (
            "settings: {size: -9223372036854775809}\n",
            "dev.yaml:1:18: settings.size: an integer of more than 64 bits cannot be kept as a number; put it in quotes to keep it as text",
        ),
        (
            "name: a\n---\nname: b\n",
            "dev.yaml: holds 2 YAML documents, one is expected; remove the `---` between them or split the file",
        ),
        (
            "settings: !include other.yaml\n",
            "dev.yaml:1:11: settings: the tag `!include` is not supported; remove it",
        ),
        (
            "settings: {url: ${URL}}\n",
            "dev.yaml:1:18: did not find expected ',' or '}', while parsing a flow mapping at line 1 column 11; inside { } and [ ], text with `${` needs quotes",
        ),
        (
            "settings:\r\n  level: info\r\n  level: debug\r\n",
            "dev.yaml:3:3: settings.level: the key is given twice; remove one",
        ),
    ] {
        assert_eq!(refused(text), said, "{text}");
    }
}

#[test]
fn texts_that_are_too_much_are_refused() {
    let huge = "#".repeat(10_000_000);
    assert_eq!(
        refused(&huge),
        "dev.yaml: the text has 10000000 bytes, more than the 8388608 allowed; split it into several files"
    );
    let laughs = (1..10).fold(
        "l0: &l0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n".to_owned(),
        |text, level| {
            let inner = vec![format!("*l{}", level - 1); 10].join(", ");
            text + &format!("l{level}: &l{level} [{inner}]\n")
        },
    );
    let said = refused(&laughs);
    assert!(
        said.starts_with("dev.yaml")
            && said.ends_with("grows too large once aliases, resources and variables are filled in (limit: 33554432 bytes, with 4 for each value)"),
        "{said}"
    );
    let deep = format!("settings: {}1{}", "[".repeat(200), "]".repeat(200));
    assert!(refused(&deep).ends_with("nested deeper than 120 levels; flatten it"));
}

#[test]
fn environments_in_a_circle_are_named() {
    let text = |name: &str, other: &str| EnvironmentText {
        file_name: format!("{name}.yaml"),
        text: format!("# {name}\nextends: {other}\n"),
    };
    let errors = Environment::load(
        text("staging", "production"),
        &Variables::default(),
        |name| Ok((name == "production").then(|| text("production", "staging"))),
    );
    assert_eq!(
        errors.unwrap_err().to_string(),
        "production.yaml:2:1: extends: environments extend one another in a circle: staging -> production -> staging"
    );
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_no_problem() {
    assert_eq!(
        settings("\u{feff}settings:\r\n  level: info\r\n  text: |\r\n    two\r\n    lines\r\n"),
        json!({"level": "info", "text": "two\nlines\n"})
    );
}

// Readers of YAML 1.1, such as PyYAML, take these for booleans and numbers, and readers of YAML 1.2 for texts. Ours is
// one of 1.2. What it cannot know is which of the two the author meant, so this is written down: put such words in
// quotes, or write `true` and `1000`.
#[test]
fn words_that_yaml_readers_disagree_about_are_texts() {
    for word in [
        "on",
        "off",
        "yes",
        "no",
        "y",
        "n",
        "On",
        "YES",
        "1_000",
        "0b101",
        "0777_",
        "1:30",
        "12:30:45",
        "2026-01-02",
        "007",
        "1.2.3",
        "=",
    ] {
        assert_eq!(
            settings(&format!("settings: {{a: {word}}}")),
            json!({ "a": word_as_read(word) }),
            "{word}"
        );
    }
    for (word, value) in [
        ("true", json!(true)),
        ("True", json!(true)),
        ("FALSE", json!(false)),
        ("~", json!(null)),
        ("Null", json!(null)),
        ("0x1F", json!(31)),
        ("0o17", json!(15)),
        ("1e3", json!(1000.0)),
        ("+5", json!(5)),
        ("9223372036854775808", json!(9_223_372_036_854_775_808_u64)),
        ("18446744073709551615", json!(u64::MAX)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("'true'", json!("true")),
        ("\"5\"", json!("5")),
    ] {
        assert_eq!(
            settings(&format!("settings: {{a: {word}}}")),
            json!({ "a": value }),
            "{word}"
        );
    }
}

/// Binary numbers are the one exception: they are of YAML 1.1 and read as numbers.
fn word_as_read(word: &str) -> Value {
    match word {
        "0b101" => json!(5),
        text => json!(text),
    }
}

#[test]
fn what_is_said_about_a_domain_and_a_registration() {
    for (text, said) in [
        (
            "domian: {id: a}\nbot: {}\n",
            "bots.yaml:1:1: domian: unknown key; known here: domain, bot; did you mean `domain`?\n\
             bots.yaml:1:1: domain: required, but not given; add it",
        ),
        (
            "domain: {id: 7}\nbot: [x]\n",
            "bots.yaml:1:10: domain.id: expected a string, found a number\n\
             bots.yaml:2:1: bot: expected an object, found a list",
        ),
    ] {
        assert_eq!(
            parse_domain("bots.yaml", text).unwrap_err().to_string(),
            said
        );
    }
    let fit = |_: &str, _: &str| Ok(());
    let parsed = RegistrationFile::parse(
        "a.json",
        "{\"confg\": {}, \"config\": {}}",
        Syntax::Json,
        fit,
    );
    assert_eq!(
        parsed.unwrap_err().to_string(),
        "a.json:1:8: confg: unknown key; known here: id, status, metadata, config; did you mean `config`?"
    );
}

#[test]
fn what_is_said_about_a_configuration() {
    let environment = environment("resources: {llms: {chat: {model: m}}}").unwrap();
    let refused = |config: Value| {
        let config = PortableConfig::from_value(config).unwrap();
        environment.resolve(&config).unwrap_err().to_string()
    };
    assert_eq!(
        refused(json!({
            "a": "${KEY}",
            "b": {"$resource": "chta", "type": "llms", "$required": true},
            "c": {"$resource": "chat", "type": "llms", "$requird": true},
            "d": {"$secret": "evn:KEY"},
            "e": {"$secret": "env:KEY"},
        })),
        "\
a: environment variable `KEY` is not set; set it, or write a default: `${KEY:default}`
b: resource `llms/chta` is not in environment `dev` (its `llms`: chat); add it there, or make the reference optional with `$required: false`
c.$requird: unknown key; known here: $resource, type, $required, $requires; did you mean `$required`?
d.$secret: a secret is named as `env:NAME` or `file:/path`; did you mean `env:`?
e: the secret `env:KEY` cannot be read: nothing is set up here that reads secrets"
    );
}
