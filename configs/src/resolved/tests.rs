use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::{Environment, SecretRef, Variables, WrittenIn};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bot {
    llm: Llm,
    #[serde(default)]
    tools: Vec<Llm>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Llm {
    provider: Provider,
    tokens: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Provider {
    Echo,
}

fn verbatim(value: Value) -> ResolvedConfig {
    ResolvedConfig::verbatim(&PortableConfig::from_value(value).unwrap())
}

fn refused(value: Value) -> String {
    let error = verbatim(value).deserialize::<Bot>().unwrap_err();
    error.to_string()
}

#[test]
fn a_config_is_read_into_a_type() {
    let config = verbatim(json!({"llm": {"provider": "echo", "tokens": 5}}));
    let bot: Bot = config.deserialize().unwrap();
    assert!(bot.tools.is_empty());
    assert!(matches!(bot.llm.provider, Provider::Echo));
    assert_eq!(bot.llm.tokens, Some(5));
}

#[test]
fn what_does_not_fit_is_told_with_its_path() {
    assert_eq!(refused(json!({})), "missing field `llm`");
    assert_eq!(refused(json!({"llm": {}})), "llm: missing field `provider`");
    assert_eq!(
        refused(json!({"llm": {"provider": "ehco"}})),
        "llm.provider: unknown variant `ehco`, expected `echo`"
    );
    assert_eq!(
        refused(json!({"llm": {"provider": "echo", "modle": 1}})),
        "llm.modle: unknown field `modle`, expected `provider` or `tokens`"
    );
    assert_eq!(
        refused(
            json!({"llm": {"provider": "echo"}, "tools": [{"provider": "echo", "tokens": -1}]})
        ),
        "tools[0].tokens: invalid value: integer `-1`, expected u64"
    );
}

#[test]
fn a_type_error_does_not_tell_the_string_it_found() {
    let secret = "hunt\"er2";
    assert_eq!(
        refused(json!({"llm": {"provider": "echo", "tokens": secret}})),
        "llm.tokens: invalid type: a string, expected u64"
    );
    assert_eq!(
        refused(json!({"llm": secret})),
        "llm: invalid type: a string, expected struct Llm"
    );
}

#[test]
fn a_verbatim_config_is_the_portable_one() {
    let portable = PortableConfig::from_value(json!({"a": "${X}", "$resource": 1})).unwrap();
    let resolved = ResolvedConfig::verbatim(&portable);
    assert_eq!(resolved.as_map(), portable.as_map());
    assert_eq!(resolved.get("a"), Some(&json!("${X}")));
    assert_eq!(resolved.environment(), None);
    assert!(resolved.warnings().is_empty());
}

#[test]
fn debug_shows_keys_and_no_values() {
    assert_eq!(
        format!("{:?}", verbatim(json!({"api_key": "hunter2"}))),
        r#"ResolvedConfig { object: {"api_key"}, environment: None, warnings: [], .. }"#
    );
}

/// Caught: to tell of variables too, of what was written beside, only of the configuration's own secrets, or only of those
/// that are read.
#[test]
fn a_config_tells_where_its_secrets_stand() {
    let yaml = "resources: {llms: {chat: {key: {$secret: 'file:/key'}, url: '${URL}'}}}";
    let variables = Variables::from_iter([("URL".to_owned(), "http://h".to_owned())]);
    let environment = Environment::parse("here.yaml", yaml, &variables).unwrap();
    let source = |_: &SecretRef, _: WrittenIn| Ok(Some("hunter2".to_owned()));
    let environment = environment.with_secrets(Arc::new(source));
    let config = PortableConfig::from_value(json!({
        "tools": [{"token": "written"}, {"token": {"$secret": "env:TOKEN"}}],
        "llm": {"$resource": "chat", "type": "llms"},
        "a.b": {"$secret": "env:AB"}
    }))
    .unwrap();
    let resolved = environment.resolve(&config).unwrap();
    let shown = environment.resolve_without_secrets(&config).unwrap();
    for resolved in [resolved, shown] {
        let told = resolved.secrets();
        let told: Vec<_> = told
            .iter()
            .map(|(path, secret)| format!("{path} {secret}"))
            .collect();
        let expected = [
            "\"a.b\" env:AB",
            "llm.key file:/key",
            "tools[1].token env:TOKEN",
        ];
        assert_eq!(told, expected);
    }
    assert!(
        verbatim(json!({"a": {"$secret": "env:AB"}}))
            .secrets()
            .is_empty()
    );
}
