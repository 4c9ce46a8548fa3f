use hotbed_configs::{Environment, PortableConfig, ResolvedConfig, Variables};
use serde_json::{Value, json};

use super::*;
use crate::config::BotConfig;
use crate::keys::ProviderKeys;

fn is_valid(schema: &Value, config: &Value) -> bool {
    jsonschema::draft202012::new(schema)
        .unwrap()
        .is_valid(config)
}

fn is_read(config: &ResolvedConfig) -> bool {
    let keys = ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "_API_KEY"];
    let keys = keys.map(|name| (name.to_owned(), "k".to_owned()));
    BotConfig::read(config, &ProviderKeys::from_iter(keys)).is_ok()
}

fn verbatim(config: &Value) -> ResolvedConfig {
    ResolvedConfig::verbatim(&PortableConfig::from_value(config.clone()).unwrap())
}

/// Configurations that differ from a good one in one value.
fn with(key: &str, values: &[Value]) -> Vec<Value> {
    let good = json!({"llm": {"provider": "openai", "model": "m"}, "memory": {}});
    let set = |value: &Value| {
        let mut config = good.clone();
        match key.split_once('.') {
            Some((part, key)) => config[part][key] = value.clone(),
            None => config[key] = value.clone(),
        }
        config
    };
    values.iter().map(set).collect()
}

/// Of each key, values of all types; and what keys have to do with one another.
fn values_of_all_types() -> Vec<Value> {
    let some = [
        json!(null),
        json!(true),
        json!(7),
        json!(""),
        json!("x"),
        json!([]),
        json!({}),
    ];
    let mut configs = vec![
        json!({}),
        json!({"llm": {"provider": "echo"}}),
        json!({"llm": {"provider": "echo", "model": " ", "api_key_env": "x"}}),
        json!({"llm": {"provider": "echo", "api_key": "x", "api_key_env": "x"}}),
        json!({"llm": {"provider": "echo", "base_url": "x"}}),
        json!({"llm": {"provider": "ollama"}}),
        json!({"llm": {"provider": "anthropic", "model": "m", "api_key": "x", "api_key_env": null}}),
        json!({"llm": {"provider": "anthropic", "model": "m", "api_key": null, "api_key_env": "OPENAI_API_KEY"}}),
        json!({"llm": {"provider": "anthropic", "model": "m", "api_key": "x", "api_key_env": "OPENAI_API_KEY"}}),
    ];
    for key in [
        "llm",
        "llm.provider",
        "llm.model",
        "llm.base_url",
        "llm.api_key",
        "llm.api_key_env",
        "llm.temperature",
        "llm.max_tokens",
        "llm.timeout_ms",
        "llm.other",
        "system_prompt",
        "memory",
        "memory.type",
        "memory.max_messages",
        "other",
        "api_key",
        "llm.Api-Key_",
        "memory.APIKEY",
        "llm.api_keys",
    ] {
        configs.extend(with(key, &some));
    }
    configs
}

/// Caught: a key, type or bound in the schema that differs from what the reader takes; each line is about one.
#[test]
fn the_schema_agrees_with_the_reader() {
    let mut configs = values_of_all_types();
    for (key, values) in [
        (
            "llm.provider",
            json!(["echo", "ollama", "anthropic", "Echo"]),
        ),
        ("llm.model", json!([" ", "\u{a0}"])),
        (
            "llm.base_url",
            json!([
                "http://h",
                "HTTPS://h:1/v1/",
                "http://[::1]:1",
                "ftp://h",
                "h",
                "http://",
                "http://a@h/",
                "http://h/a@b",
                "http://h?a",
                "http://h/#a"
            ]),
        ),
        (
            "llm.api_key",
            json!([" ", "a b", " k\n", "a\nb", "\u{7f}", "\u{1}"]),
        ),
        (
            "llm.api_key_env",
            json!([
                "OPENAI_API_KEY",
                "_API_KEY",
                "OPENAI_KEY",
                "openai_api_key",
                " OPENAI_API_KEY"
            ]),
        ),
        ("llm.temperature", json!([0, 2, 0.5, -0.1, 2.1, "1"])),
        (
            "llm.max_tokens",
            json!([1, u32::MAX, 0, 4_294_967_296_u64, -1, 0.5, "1"]),
        ),
        ("llm.timeout_ms", json!([1, 600_000, 0, 600_001, 0.5, "1"])),
        (
            "system_prompt",
            json!(["x".repeat(262_144), "x".repeat(262_145)]),
        ),
        ("memory.type", json!(["buffer", "Buffer"])),
        ("memory.max_messages", json!([0, 1000, 1001, -1, 0.5, "1"])),
    ] {
        configs.extend(with(key, values.as_array().unwrap()));
    }
    let validator = |schema: &Value| jsonschema::draft202012::new(schema).unwrap();
    let (resolved, written) = (validator(resolved_bot_schema()), validator(&bot_schema()));
    let mut good = 0;
    for config in &configs {
        let is_good = is_read(&verbatim(config));
        assert_eq!(resolved.is_valid(config), is_good, "{config}");
        assert_eq!(written.is_valid(config), is_good, "{config}");
        good += usize::from(is_good);
    }
    assert!(
        good > 30 && configs.len() - good > 30,
        "{good} of {}",
        configs.len()
    );
}

/// Caught: to take no variable, reference or secret where one may stand, to take a secret where none may.
#[test]
fn what_is_filled_in_later_may_stand_where_it_is_understood() {
    let schema = bot_schema();
    for good in [
        json!({"llm": {"$resource": "chat", "type": "llms"}}),
        json!({"$resource": "bot", "type": "bots"}),
        json!({"llm": {"provider": "echo"}, "memory": {"$resource": "m", "type": "memories"}}),
        json!({"llm": {"provider": "${P:echo}", "temperature": "${T:1}", "max_tokens": "${M:1}", "timeout_ms": "${O:1}",
            "base_url": "${URL}"}, "memory": {"type": "${K:buffer}", "max_messages": "${N}"}}),
        json!({"llm": {"provider": "openai", "model": "${M}", "api_key": {"$secret": "env:MINE"}}}),
        json!({"llm": {"provider": "openai", "model": "m", "api_key_env": "${WHO}_API_KEY"}}),
    ] {
        assert!(is_valid(&schema, &good), "{good}");
    }
    for bad in [
        json!({"llm": {"provider": "echo"}, "system_prompt": {"$secret": "env:MINE"}}),
        json!({"llm": {"$secret": "env:MINE"}}),
        json!({"llm": {"provider": "echo", "timeout_ms": {"$secret": "env:MINE"}}}),
        json!({"llm": {"provider": "openai", "model": "m", "api_key": {"$secret": "MINE"}}}),
        json!({"llm": {"provider": "openai", "model": "m", "api_key": {"$secret": "env:MINE"}, "api_key_env": "A_API_KEY"}}),
    ] {
        assert!(!is_valid(&schema, &bad), "{bad}");
    }
}

/// Caught: a number in the schema that `typed` does not find.
#[test]
fn a_number_that_came_from_a_variable_is_read_as_one() {
    let variables = ["N", "T"].map(|name| (name.to_owned(), "1".to_owned()));
    let environment = Environment::empty("here").with_variables(Variables::from_iter(variables));
    let config = PortableConfig::from_value(json!({
        "llm": {
            "provider": "openai", "model": "${N}", "temperature": "${T}", "max_tokens": "${N}", "timeout_ms": "${N}"
        },
        "memory": {"max_messages": "${N}"}
    }));
    let resolved = environment.resolve(&config.unwrap()).unwrap();
    assert!(!is_read(&resolved));
    let typed = resolved.typed(resolved_bot_schema()).unwrap();
    assert!(is_read(&typed), "{:?}", typed.as_map());
    assert_eq!(typed.as_map()["llm"]["model"], "1");
}
