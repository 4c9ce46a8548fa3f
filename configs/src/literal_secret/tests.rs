use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Environment, PortableConfig, SecretRef, Variables, WrittenIn};

fn warned(config: Value) -> Vec<String> {
    let config = PortableConfig::from_value(config).unwrap();
    config
        .literal_secrets()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// Put together here, so that no scanner of repositories takes these for keys.
fn random(prefix: &str, length: usize) -> String {
    let body = "4fG7hJ2kL9mN1pQ3rS5tV8wX0yZ6aB";
    format!(
        "{prefix}{}",
        body.chars().cycle().take(length).collect::<String>()
    )
}

// Caught: each shape removed, each bound one off, the word boundary left out.
#[test]
fn well_known_shapes_are_found_anywhere_in_a_text() {
    let web_token = format!(
        "{}.{}.{}",
        random("eyJ", 20),
        random("eyJ", 40),
        random("", 43)
    );
    for (text, looks) in [
        (random("sk-", 48), "a key of OpenAI"),
        (random("sk-proj-", 20), "a key of OpenAI"),
        (random("sk-", 20), "a key of OpenAI"),
        (random("sk-ant-api03-", 40), "a key of Anthropic"),
        (
            format!("AKIA{}", random("", 16).to_uppercase()),
            "a key of AWS",
        ),
        (
            format!("ASIA{}", random("", 16).to_uppercase()),
            "a key of AWS",
        ),
        (random("ghp_", 36), "a token of GitHub"),
        (random("ghs_", 36), "a token of GitHub"),
        (random("github_pat_", 30), "a token of GitHub"),
        (random("xoxb-", 24), "a token of Slack"),
        (random("xoxp-1234-", 24), "a token of Slack"),
        (random("AIza", 35), "a key of Google"),
        (web_token, "a JSON web token"),
        (
            format!("-----BEGIN {} KEY-----\nMII\n", "RSA PRIVATE"),
            "a private key",
        ),
        (
            format!("-----BEGIN {} KEY-----\nMII\n", "PRIVATE"),
            "a private key",
        ),
        (
            "postgres://me:hunter2@db/x".to_owned(),
            "a URL with a password",
        ),
        ("redis://:hunter2@db".to_owned(), "a URL with a password"),
        (
            "postgres://${U}:a${P}@db".to_owned(),
            "a URL with a password",
        ),
    ] {
        let said = format!(
            "a[0].b: looks like {looks}, written out; name it instead, as in {{\"$secret\": \"env:NAME\"}}"
        );
        for around in [
            text.clone(),
            format!("Bearer {text}"),
            format!("say \"{text}\", please"),
        ] {
            let warnings = warned(json!({"a": [{"b": around}]}));
            assert_eq!(
                warnings.join(
                    "
"
                ),
                said,
                "{around}"
            );
        }
        if !text.contains("://") {
            assert_eq!(
                warned(json!({"a": [{"b": format!("${{X:{text}}}")}]})),
                [said]
            );
        }
    }
}

// Caught: any of the conditions loosened.
#[test]
fn what_only_resembles_them_is_no_alarm() {
    for text in [
        random("sk-", 19),
        "sk-learn-is-a-library-for-machine-learning".to_owned(),
        random("task-", 40),
        random("desk-", 40),
        random("sk-ant-", 3),
        format!("AKIA{}", random("", 15).to_uppercase()),
        format!("AKIA{}", random("", 17).to_uppercase()),
        random("AKIA", 16),
        random("ghp_", 12),
        random("xoxb-", 9),
        random("AIza", 34),
        random("AIza", 36),
        "eyJhbGciOiJI".to_owned(),
        format!("{}.{}", random("eyJ", 20), random("", 40)),
        format!(
            "{}.{}.{}",
            random("eyJ", 20),
            random("", 40),
            random("", 15)
        ),
        "-----BEGIN CERTIFICATE-----".to_owned(),
        "-----BEGIN PUBLIC KEY-----".to_owned(),
        "https://example.com:8080/a:b@c".to_owned(),
        "https://example.com/?next=https://a".to_owned(),
        "postgres://me@db:5432/x".to_owned(),
        "postgres://me:@db/x".to_owned(),
        "postgres://me:${PASSWORD}@db/x".to_owned(),
        "postgres://${USER:me}:${PASSWORD:me}@db/x".to_owned(),
        "${DATABASE_URL:postgres://me:me@localhost/x}".to_owned(),
        "mail me@example.com: now".to_owned(),
        String::new(),
    ] {
        assert_eq!(warned(json!({ "a": text })), [""; 0], "{text}");
    }
}

#[test]
fn a_text_at_a_key_that_names_a_secret_is_taken_for_one() {
    for key in [
        "api_key",
        "apiKey",
        "API-KEY",
        "apikey",
        "openai_api_key",
        "password",
        "db_password",
        "passwd",
        "passphrase",
        "token",
        "access_token",
        "botToken",
        "secret",
        "client_secret",
        "clientSecret",
        "private_key",
        "secret_access_key",
        "signing_key",
    ] {
        assert_eq!(
            warned(json!({"llm": {key: "hunter2"}})),
            [format!(
                "llm.{key}: looks like a secret, by its key, written out; name it instead, as in {{\"$secret\": \"env:NAME\"}}"
            )]
        );
        for fine in [
            json!(""),
            json!("${KEY}"),
            json!("${KEY:dev}"),
            json!("Bearer ${KEY}"),
            json!(10),
            json!(null),
            json!(true),
            json!({"$secret": "env:KEY"}),
            json!({"$resource": "key"}),
            json!(["x"]),
        ] {
            assert_eq!(
                warned(json!({"llm": {key: fine}})),
                [""; 0],
                "{key}: {fine}"
            );
        }
        assert_eq!(
            warned(json!({key: "$${KEY}"})).len(),
            1,
            "an escape is no variable"
        );
    }
    for key in [
        "max_tokens",
        "token_limit",
        "api_key_env",
        "tokenizer",
        "tokens",
        "pad_token",
        "stop_token",
        "secret_name",
        "password_field",
        "primary_key",
        "partition_key",
        "key",
        "secretary",
        "",
    ] {
        assert_eq!(warned(json!({key: "hunter2"})), [""; 0], "{key}");
    }
    assert_eq!(
        warned(json!({"max_tokens": 10, "api_key_env": "OPENAI_API_KEY"})),
        [""; 0]
    );
}

#[test]
fn an_environment_warns_of_its_own_files() {
    let yaml = "resources: {dbs: {main: {password: hunter2, url: '${URL}', api_key: '${KEY}'}}}";
    let variables = ["URL", "KEY"].map(|name| (name.to_owned(), "redis://a:b@c".to_owned()));
    let environment =
        Environment::parse("dev.yaml", yaml, &Variables::from_iter(variables)).unwrap();
    let warnings: Vec<_> = environment
        .warnings()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        warnings.len(),
        1,
        "what came from variables is not written out: {warnings:?}"
    );
    assert!(warnings[0].starts_with("resources.dbs.main.password: looks like a secret"));
}

// Caught: looking at the text as it is written instead of as it is filled in; hiding by key only, or by shape only.
#[test]
fn what_looks_like_a_secret_is_hidden_from_people() {
    let variables = [("URL", "redis://a:hunter2@c"), ("PW", "hunter2")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = Environment::empty("dev")
        .with_variables(Variables::from_iter(variables))
        .with_secrets(Arc::new(|_: &SecretRef, _: WrittenIn| {
            Ok(Some("hunter2".to_owned()))
        }));
    let config = json!({
        "url": "${URL}", "password": "${PW}", "list": ["${URL}"], "model": "m", "max_tokens": 5,
        "api_key": {"$secret": "env:KEY"},
    });
    let config = PortableConfig::from_value(config).unwrap();
    assert_eq!(
        environment.resolve(&config).unwrap().redacted(),
        json!({
            "url": "[hidden: looks like a URL with a password]",
            "password": "[hidden: looks like a secret, by its key]",
            "list": ["[hidden: looks like a URL with a password]"],
            "model": "m", "max_tokens": 5, "api_key": "[secret env:KEY]",
        })
    );
}

#[test]
fn a_thousand_secrets_are_not_a_thousand_warnings() {
    let config: Map<String, Value> = (0..1000)
        .map(|n| (format!("k{n}_password"), json!("x")))
        .collect();
    assert_eq!(warned(Value::Object(config)).len(), 100);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in r"(sk-|ant-|AIza|eyJ|\.|-----BEGIN | KEY-----|://|@|:|\$\{|\}|ü|[a-zA-Z0-9])*") {
        let _warnings = warned(json!({ &text: text, "password": text }));
    }

    // Caught: a warning that quotes the text it is about.
    #[test]
    fn no_warning_holds_the_text(text in "[A-Z]{12}") {
        for warning in warned(json!({"password": text, "list": [random(&format!("sk-{text}"), 20)]})) {
            prop_assert!(!warning.contains(&text));
        }
    }
}
