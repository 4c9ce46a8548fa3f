use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::{
    ConfigErrors, Environment, EnvironmentText, PortableConfig, ResolvedConfig, Variables,
};

const SECRET_VALUE: &str = "hunt\"er2";

fn read(secret: &SecretRef, written_in: WrittenIn) -> Result<Option<String>, String> {
    match (secret.keeper(), secret.name(), written_in) {
        (SecretKeeper::Env, "KEY", _) => Ok(Some(SECRET_VALUE.to_owned())),
        (SecretKeeper::Env, "EMPTY", _) => Ok(Some(String::new())),
        (SecretKeeper::Env, "LINE", _) => Ok(Some("line\n".to_owned())),
        (SecretKeeper::Env, "OPERATORS", WrittenIn::Environment) => Ok(Some("ours".to_owned())),
        (SecretKeeper::Env, "OPERATORS", WrittenIn::Configuration) => {
            Err("configurations may not name it".to_owned())
        }
        (SecretKeeper::File, "/run/secrets/unix", _) => Ok(Some("a\nb\n\n".to_owned())),
        (SecretKeeper::File, "/run/secrets/dos", _) => Ok(Some("a\r\n".to_owned())),
        (SecretKeeper::File, "/run/secrets/bare", _) => Ok(Some("a\r".to_owned())),
        (SecretKeeper::File, "/run/secrets/locked", _) => Err("permission denied".to_owned()),
        _ => Ok(None),
    }
}

fn environment() -> Environment {
    let yaml = "
resources:
  llms:
    chat: {model: m, api_key: {$secret: env:OPERATORS}, all: [{$secret: env:KEY}]}
";
    let variables = Variables::from_iter([
        ("KEY_NAME".to_owned(), "KEY".to_owned()),
        ("DOLLAR_SECRET".to_owned(), "$secret".to_owned()),
        ("AS_TEXT".to_owned(), r#"{"$secret": "env:KEY"}"#.to_owned()),
    ]);
    let environment = Environment::parse("dev.yaml", yaml, &variables).unwrap();
    environment.with_secrets(Arc::new(read))
}

fn portable(config: Value) -> PortableConfig {
    PortableConfig::from_value(config).unwrap()
}

fn resolved(config: Value) -> ResolvedConfig {
    environment().resolve(&portable(config)).unwrap()
}

fn values(config: &ResolvedConfig) -> Value {
    Value::Object(config.as_map().clone())
}

fn told(errors: Result<ResolvedConfig, ConfigErrors>) -> String {
    errors.unwrap_err().to_string()
}

fn refused(config: Value) -> String {
    told(environment().resolve(&portable(config)))
}

// Caught: secrets left as objects; the placeholder put in place of the secret; redacting by key, or only at the top.
#[test]
fn a_secret_is_read_for_an_instance_and_never_shown() {
    let config = json!({
        "llm": {"$resource": "chat", "type": "llms", "api_key": {"$secret": "env:UNSET"}},
        "list": [1, {"key": {"$secret": "env:KEY"}}],
        "${X:filled}": {"$secret": "file:/run/secrets/unix"},
        "plain": "[secret env:KEY]",
    });
    let config = resolved(config);
    assert_eq!(
        values(&config),
        json!({
            "llm": {"model": "m", "api_key": "ours", "all": [SECRET_VALUE]},
            "list": [1, {"key": SECRET_VALUE}],
            "filled": "a\nb\n",
            "plain": "[secret env:KEY]",
        })
    );
    assert_eq!(
        config.redacted(),
        json!({
            "llm": {
                "model": "m", "api_key": "[secret env:OPERATORS]", "all": ["[secret env:KEY]"],
            },
            "list": [1, {"key": "[secret env:KEY]"}],
            "filled": "[secret file:/run/secrets/unix]",
            "plain": "[secret env:KEY]",
        })
    );
    // Of the object its keys, in an order that any crate of a program may choose.
    let shown = format!("{config:?}");
    let (keys, rest) = shown
        .strip_prefix("ResolvedConfig { object: {")
        .and_then(|shown| shown.split_once('}'))
        .unwrap();
    let mut keys: Vec<_> = keys.split(", ").collect();
    keys.sort_unstable();
    assert_eq!(keys, [r#""filled""#, r#""list""#, r#""llm""#, r#""plain""#]);
    assert_eq!(rest, r#", environment: Some("dev"), warnings: [], .. }"#);
}

// Caught: `resolve_without_secrets` that asks the source, or that refuses what it cannot know.
#[test]
fn everything_else_is_bound_without_reading_a_secret() {
    let environment = environment().with_secrets(Arc::new(
        |_: &SecretRef, _: WrittenIn| -> Result<Option<String>, String> {
            panic!("a secret was read")
        },
    ));
    let config = portable(json!({
        "llm": {"$resource": "chat", "type": "llms"}, "key": {"$secret": "env:NOWHERE"},
        "model": "${MODEL:m}",
    }));
    let shown = environment.resolve_without_secrets(&config).unwrap();
    let expected = json!({
        "llm": {"model": "m", "api_key": "[secret env:OPERATORS]", "all": ["[secret env:KEY]"]},
        "key": "[secret env:NOWHERE]",
        "model": "m",
    });
    assert_eq!(values(&shown), expected);
    assert_eq!(shown.redacted(), expected);
}

/// Lets configurations name nothing, and reads nothing.
struct Strict;

impl SecretSource for Strict {
    fn read(&self, _: &SecretRef, _: WrittenIn) -> Result<Option<String>, String> {
        panic!("a secret was read")
    }

    fn permits(&self, _: &SecretRef, written_in: WrittenIn) -> Result<(), String> {
        match written_in {
            WrittenIn::Environment => Ok(()),
            WrittenIn::Configuration => Err("ask the operator".to_owned()),
        }
    }
}

#[test]
fn what_may_not_be_read_is_told_also_without_reading() {
    let environment = environment().with_secrets(Arc::new(Strict));
    let config = portable(json!({"llm": {"$resource": "chat", "type": "llms"}}));
    let shown = environment.resolve_without_secrets(&config).unwrap();
    assert_eq!(shown.as_map()["llm"]["api_key"], "[secret env:OPERATORS]");
    let config = portable(json!({"key": {"$secret": "env:KEY"}}));
    let refusal = environment.resolve_without_secrets(&config).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "key: the secret `env:KEY` cannot be read: ask the operator"
    );
}

#[test]
fn the_source_learns_who_wrote_the_name() {
    assert_eq!(
        refused(json!({"api_key": {"$secret": "env:OPERATORS"}})),
        "api_key: the secret `env:OPERATORS` cannot be read: configurations may not name it"
    );
    let inline =
        json!({"$resource": "none", "$required": false, "k": {"$secret": "env:OPERATORS"}});
    assert!(refused(json!({ "llm": inline })).contains("configurations may not name it"));
}

// Caught: trimming of variables, of more than one line end, of a lone carriage return.
#[test]
fn one_line_end_after_the_text_of_a_file_is_no_part_of_the_secret() {
    let text = |secret: &str| {
        resolved(json!({"s": {"$secret": secret}}))
            .get("s")
            .cloned()
    };
    assert_eq!(text("file:/run/secrets/unix"), Some(json!("a\nb\n")));
    assert_eq!(text("file:/run/secrets/dos"), Some(json!("a")));
    assert_eq!(text("file:/run/secrets/bare"), Some(json!("a\r")));
    assert_eq!(text("env:LINE"), Some(json!("line\n")));
}

#[test]
fn secrets_that_cannot_be_read_are_reported_together() {
    assert_eq!(
        refused(json!({
            "a": {"$secret": "env:UNSET"},
            "b": {"$secret": "env:EMPTY"},
            "c": [{"$secret": "file:/run/secrets/locked"}],
        })),
        "\
a: the secret `env:UNSET` cannot be read: it is not there
b: the secret `env:EMPTY` cannot be read: it is empty
c[0]: the secret `file:/run/secrets/locked` cannot be read: permission denied"
    );
    let none = Environment::empty("dev").resolve(&portable(json!({"a": {"$secret": "env:KEY"}})));
    assert_eq!(
        told(none),
        "a: the secret `env:KEY` cannot be read: nothing is set up here that reads secrets"
    );
}

// Caught: any of the checks left out; a message that shows the text, which may be the secret itself.
#[test]
fn a_malformed_secret_is_a_problem_in_every_mode() {
    let named = "a secret is named as `env:NAME` or `file:/path`";
    let variable = "the name after `env:` may hold letters, digits and `_`, written out, and no digit at its front";
    for (secret, said) in [
        (json!({"$secret": "hunter2"}), named.to_owned()),
        (json!({"$secret": ""}), named.to_owned()),
        (json!({"$secret": "${KEY_NAME}"}), named.to_owned()),
        (json!({"$secret": "vault:x"}), named.to_owned()),
        (
            json!({"$secret": "evn:KEY"}),
            format!("{named}; did you mean `env:`?"),
        ),
        (
            json!({"$secret": "ENV:KEY"}),
            format!("{named}; did you mean `env:`?"),
        ),
        (
            json!({"$secret": "flie:/x"}),
            format!("{named}; did you mean `file:`?"),
        ),
        (
            json!({"$secret": "env:"}),
            "the name of a variable must follow `env:`".to_owned(),
        ),
        (json!({"$secret": "env:${KEY_NAME}"}), variable.to_owned()),
        (json!({"$secret": "env: KEY"}), variable.to_owned()),
        (
            json!({"$secret": "env:sk-ant-hunter2"}),
            variable.to_owned(),
        ),
        (json!({"$secret": "env:1KEY"}), variable.to_owned()),
        (
            json!({"$secret": "file:"}),
            "the path of a file must follow `file:`".to_owned(),
        ),
        (
            json!({"$secret": "file:secrets/x"}),
            "the path after `file:` must be absolute: begin it with `/`".to_owned(),
        ),
        (
            json!({"$secret": "file:/run/../etc/shadow"}),
            "the path after `file:` must not hold `..`".to_owned(),
        ),
        (
            json!({"$secret": "file:/run/secrets/"}),
            "the path after `file:` must be that of a file, written out".to_owned(),
        ),
        (
            json!({"$secret": "file:/run/${KEY_NAME}"}),
            "the path after `file:` must be that of a file, written out".to_owned(),
        ),
        (
            json!({"$secret": "file:/run/\u{0}x"}),
            "the path after `file:` must not hold control characters".to_owned(),
        ),
        (
            json!({"$secret": 1}),
            "expected a string, found a number".to_owned(),
        ),
        (
            json!({"$secret": null}),
            "expected a string, found null".to_owned(),
        ),
        (
            json!({"$secret": "env:KEY", "default": "x"}),
            "nothing may stand beside `$secret`; remove the other keys".to_owned(),
        ),
        (
            json!({"$secret": "env:KEY", "$resource": "chat"}),
            "nothing may stand beside `$secret`; remove the other keys".to_owned(),
        ),
    ] {
        let config = json!({"llm": {"api_key": secret}});
        let said = format!("llm.api_key.$secret: {said}");
        assert_eq!(refused(config.clone()), said, "{config}");
        assert_eq!(
            told(environment().resolve_without_secrets(&portable(config.clone()))),
            said
        );

        let yaml = json!({"resources": {"llms": {"chat": {"api_key": secret}}}}).to_string();
        let errors = Environment::parse("dev.yaml", &yaml, &Variables::default()).unwrap_err();
        let problem = errors.iter().next().unwrap();
        assert_eq!(
            problem.path().to_string(),
            "resources.llms.chat.api_key.$secret"
        );
        assert!(problem.location().is_some(), "{yaml}");
    }
    // What is fine, so that the table above is not about something else.
    for secret in ["env:KEY_2", "env:_k", "file:/x", "file:/run/secrets/.x..y"] {
        let config = portable(json!({"a": {"$secret": secret}}));
        let shown = environment().resolve_without_secrets(&config).unwrap();
        assert_eq!(shown.get("a"), Some(&json!(format!("[secret {secret}]"))));
    }
}

#[test]
fn a_secret_is_one_text_of_a_configuration_or_of_a_resource() {
    let whole = "a secret is one text; it cannot be a whole configuration or resource";
    assert_eq!(refused(json!({"$secret": "env:KEY"})), whole);
    let yaml = "
resources:
  llms:
    chat: {$secret: env:KEY}
settings:
  deep: [{er: {$secret: env:KEY}}]
";
    let errors = Environment::parse("dev.yaml", yaml, &Variables::default()).unwrap_err();
    assert_eq!(
        errors.to_string(),
        format!(
            "dev.yaml:4:5: resources.llms.chat: {whole}\n\
             dev.yaml:6:16: settings.deep[0].er.$secret: settings hold no secrets; put it into a resource"
        )
    );
}

// Caught: looking for `$secret` after the keys are filled in.
#[test]
fn a_variable_cannot_make_a_secret() {
    assert_eq!(
        refused(json!({"a": {"${DOLLAR_SECRET}": "env:KEY"}})),
        r#"a."${DOLLAR_SECRET}": a variable makes this key begin with `$`; such keys can only be written out"#
    );
    assert_eq!(
        refused(json!({"a": {"${X:$secret}": "env:KEY"}})),
        r#"a."${X:$secret}": a variable makes this key begin with `$`; such keys can only be written out"#
    );
    let kept = resolved(json!({"a": "${AS_TEXT}"}));
    assert_eq!(kept.get("a"), Some(&json!(r#"{"$secret": "env:KEY"}"#)));
}

// Caught: merging the keys of two secrets, or of a secret and an object.
#[test]
fn a_secret_is_extended_as_a_whole() {
    let text = |text: &str| EnvironmentText {
        file_name: "a.yaml".to_owned(),
        text: text.to_owned(),
    };
    let parent = "resources: {d: {r: {a: {$secret: env:A}, b: {$secret: env:B}, c: {d: 1}, e: {$secret: env:E}}}}";
    let child = "
extends: base
resources: {d: {r: {a: {$secret: env:X}, b: {c: 1}, c: {$secret: env:C}}}}
";
    let environment = Environment::load(text(child), &Variables::default(), |_| {
        Ok(Some(text(parent)))
    });
    assert_eq!(
        json!(environment.unwrap().resource("d", "r").unwrap()),
        json!({
            "a": {"$secret": "env:X"}, "b": {"c": 1}, "c": {"$secret": "env:C"},
            "e": {"$secret": "env:E"},
        })
    );
}

// Caught: a digest over the redacted form, or over where secrets are kept.
#[test]
fn a_digest_covers_secrets_and_cannot_be_shown() {
    let with = |value: &'static str, name: &str| {
        let source = move |_: &SecretRef, _: WrittenIn| Ok(Some(value.to_owned()));
        let environment = Environment::empty("dev").with_secrets(Arc::new(source));
        environment
            .resolve(&portable(json!({"a": {"$secret": name}})))
            .unwrap()
            .digest()
    };
    assert_eq!(with("1", "env:A"), with("1", "env:B"));
    assert_ne!(with("1", "env:A"), with("2", "env:A"));
    assert_eq!(format!("{:?}", with("1", "env:A")), "ResolvedDigest(..)");
}

mod read_into_a_type {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug)]
    struct Picky;

    impl TryFrom<String> for Picky {
        type Error = String;

        fn try_from(text: String) -> Result<Self, String> {
            match text.as_str() {
                "[secret env:KEY]" => Ok(Self),
                _ => Err(format!("`{}` is no key", text.to_uppercase())),
            }
        }
    }

    #[derive(Debug)]
    struct Strict;

    impl TryFrom<String> for Strict {
        type Error = String;

        fn try_from(text: String) -> Result<Self, String> {
            Err(format!("`{text}` is no key"))
        }
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Echo,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Bot {
        text: Option<String>,
        number: Option<u64>,
        kind: Option<Kind>,
        #[serde(deserialize_with = "picky")]
        picky: Option<Picky>,
        #[serde(deserialize_with = "strict")]
        strict: Option<Strict>,
        list: Vec<u64>,
    }

    fn picky<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Picky>, D::Error> {
        let text = String::deserialize(from)?;
        Picky::try_from(text)
            .map(Some)
            .map_err(serde::de::Error::custom)
    }

    fn strict<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Strict>, D::Error> {
        let text = String::deserialize(from)?;
        Strict::try_from(text)
            .map(Some)
            .map_err(serde::de::Error::custom)
    }

    #[test]
    fn a_secret_is_read_as_the_text_it_is() {
        let bot: Bot = resolved(json!({"text": {"$secret": "env:KEY"}}))
            .deserialize()
            .unwrap();
        assert_eq!(bot.text.as_deref(), Some(SECRET_VALUE));
    }

    // Caught: telling the words of the first reading; replacing the secret in them, which misses the upper case.
    #[test]
    fn a_message_never_holds_a_secret() {
        let secret = json!({"$secret": "env:KEY"});
        for (key, value, said) in [
            (
                "number",
                secret.clone(),
                "number: invalid type: a string, expected u64",
            ),
            (
                "kind",
                secret.clone(),
                "kind: unknown variant `[secret env:KEY]`, expected `echo`",
            ),
            (
                "picky",
                secret.clone(),
                "picky: does not fit; it holds a secret, so that why is not told",
            ),
            (
                "strict",
                secret.clone(),
                "strict: `[secret env:KEY]` is no key",
            ),
            (
                "list",
                json!([1, secret]),
                "list[1]: invalid type: a string, expected u64",
            ),
        ] {
            let error = resolved(json!({key: value}))
                .deserialize::<Bot>()
                .unwrap_err();
            assert_eq!(error.to_string(), said);
        }
    }
}
