use serde_json::json;

use super::*;

fn fit(key: &str, text: &str) -> Result<(), String> {
    if text == "odd" {
        Err(format!("{key} is odd"))
    } else {
        Ok(())
    }
}

fn parse(text: &str, syntax: Syntax) -> Result<RegistrationFile, String> {
    RegistrationFile::parse("a.yaml", text, syntax, fit).map_err(|errors| errors.to_string())
}

fn refused(text: &str) -> String {
    parse(text, Syntax::Yaml).unwrap_err()
}

#[test]
fn a_file_holds_a_config_and_what_else_is_given() {
    let read = parse("config: {a: 1}\n", Syntax::Yaml).unwrap();
    assert_eq!(read.config.into_value(), json!({"a": 1}));
    assert_eq!(
        (read.id, read.status, read.metadata),
        (None, None, Map::new())
    );

    let whole = "id: x\nstatus: inactive\nmetadata: {team: a}\nconfig: {}\n";
    let read = parse(whole, Syntax::Yaml).unwrap();
    assert_eq!(read.id.as_deref(), Some("x"));
    assert_eq!(read.status.as_deref(), Some("inactive"));
    assert_eq!(Value::Object(read.metadata), json!({"team": "a"}));
}

#[test]
fn keys_without_a_value_are_not_given_but_config_must_be() {
    let read = parse("id:\nstatus: ~\nmetadata:\nconfig: {}\n", Syntax::Yaml).unwrap();
    assert_eq!(
        (read.id, read.status, read.metadata),
        (None, None, Map::new())
    );
    assert_eq!(
        refused("status: active\nconfig:\n"),
        "a.yaml:2:1: config: expected an object, found null"
    );
}

#[test]
fn the_first_half_of_a_file_is_no_file() {
    assert_eq!(
        refused(""),
        "a.yaml: expected an object with `config`, found null"
    );
    assert_eq!(
        refused("status: active\n"),
        "a.yaml:1:1: config: required, but not given; add it"
    );
    assert_eq!(
        parse("{\n  \"config\": {\"a\": ", Syntax::Json).unwrap_err(),
        "a.yaml:2:18: EOF while parsing a value"
    );
}

#[test]
fn everything_wrong_is_told_with_its_place() {
    assert_eq!(
        refused("id: odd\nstatus: odd\nconf: {}\nmetadata: 1\nconfig: []\n"),
        "a.yaml:1:1: id: id is odd\n\
         a.yaml:2:1: status: status is odd\n\
         a.yaml:3:1: conf: unknown key; known here: id, status, metadata, config; did you mean `config`?\n\
         a.yaml:4:1: metadata: expected an object, found a number\n\
         a.yaml:5:1: config: expected an object, found a list"
    );
    assert_eq!(
        refused("config: {}\n---\nconfig: {}\n"),
        "a.yaml: holds 2 YAML documents, one is expected; remove the `---` between them or split the file"
    );
}

#[test]
fn json_is_read_as_json() {
    let text = "{\"config\": {\"<<\": {\"a\": 1}, \"t\": \"\\ud83e\\udd16\\/\"}}";
    let read = parse(text, Syntax::Json).unwrap();
    assert_eq!(
        read.config.into_value(),
        json!({"<<": {"a": 1}, "t": "🤖/"})
    );
    let refused = |text| parse(text, Syntax::Json).unwrap_err();
    assert_eq!(
        refused("{\"config\": {\"a\": 1,\n\"a\": 2}}"),
        "a.yaml:2:3: config.a: the key is given twice; remove one"
    );
    assert_eq!(
        refused("{\"config\": {}} {}"),
        "a.yaml:1:16: trailing characters"
    );
    assert_eq!(
        refused("{\"config\": {},\n \"satus\": \"x\"}"),
        "a.yaml:2:8: satus: unknown key; known here: id, status, metadata, config; did you mean `status`?"
    );
}

#[test]
fn a_config_as_deep_as_configs_get_fits_into_a_file() {
    let deep = |levels| {
        let (open, close) = ("{\"a\": ".repeat(levels), "}".repeat(levels));
        format!("{{\"config\": {open}1{close}}}")
    };
    for syntax in [Syntax::Yaml, Syntax::Json] {
        parse(&deep(120), syntax).unwrap();
        let refused = parse(&deep(121), syntax).unwrap_err();
        assert!(refused.ends_with("nested deeper than 120 levels; flatten it"));
    }
}
