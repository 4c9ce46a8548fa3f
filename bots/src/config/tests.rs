use std::sync::Arc;

use hotbed_configs::{Environment, PortableConfig, SecretRef, WrittenIn};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::*;

fn keys() -> ProviderKeys {
    [
        ("OPENAI_API_KEY", "the-openai-key"),
        ("OTHER_API_KEY", "the-other-key"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into_iter()
    .collect()
}

fn read(config: &Value) -> Result<(BotConfig, Vec<String>), InvalidBotConfig> {
    let config = PortableConfig::from_value(config.clone()).unwrap();
    BotConfig::read(&ResolvedConfig::verbatim(&config), &keys())
}

/// Reads a configuration in which every secret is this one.
fn read_with_secret(
    config: &Value,
    secret: &str,
) -> Result<(BotConfig, Vec<String>), InvalidBotConfig> {
    let secret = secret.to_owned();
    let source = move |_: &SecretRef, _: WrittenIn| Ok(Some(secret.clone()));
    let environment = Environment::empty("here").with_secrets(Arc::new(source));
    let config = PortableConfig::from_value(config.clone()).unwrap();
    // At the door it must be as it will be at the build.
    let door = environment.resolve_without_secrets(&config).unwrap();
    let door = BotConfig::read(&door, &keys()).map(|(_, warnings)| warnings);
    let read = BotConfig::read(&environment.resolve(&config).unwrap(), &keys());
    let at_the_build = read.as_ref().map(|(_, warnings)| warnings.clone());
    assert_eq!(
        door.as_ref().map_err(ToString::to_string),
        at_the_build.as_ref().map_err(ToString::to_string)
    );
    read
}

fn problems(config: &Value) -> Vec<String> {
    read(config)
        .unwrap_err()
        .problems()
        .iter()
        .map(Problem::to_string)
        .collect()
}

fn warnings(config: &Value) -> Vec<String> {
    read(config).unwrap().1
}

fn remote(config: &Value) -> RemoteConfig {
    let ProviderConfig::Remote(remote) = read(config).unwrap().0.llm.provider else {
        panic!("not remote")
    };
    remote
}

fn key(config: &Value) -> Option<String> {
    remote(config).key.map(|key| key.expose_secret().to_owned())
}

#[test]
fn the_smallest_bot_needs_a_provider_and_has_documented_defaults() {
    let (config, warnings) =
        read(&json!({"llm": {"provider": "echo"}, "system_prompt": null})).unwrap();
    assert!(matches!(config.llm.provider, ProviderConfig::Echo));
    assert_eq!(config.llm.timeout, Duration::from_mins(1));
    assert_eq!(config.system_prompt, "");
    assert_eq!(config.memory, MemoryConfig::Buffer { max_messages: 10 });
    assert!(warnings.is_empty());
}

#[test]
fn every_setting_is_read() {
    let config = json!({
        "llm": {
            "provider": "openai", "model": "small", "base_url": "http://localhost:8000/v1", "temperature": 0.5,
            "max_tokens": 100, "api_key_env": "OTHER_API_KEY", "timeout_ms": 1500
        },
        "system_prompt": "Be brief.",
        "memory": {"type": "buffer", "max_messages": 4}
    });
    let (read, warnings) = read(&config).unwrap();
    assert_eq!(warnings, [""; 0]);
    assert_eq!(read.llm.timeout, Duration::from_millis(1500));
    assert_eq!(read.system_prompt, "Be brief.");
    assert_eq!(read.memory, MemoryConfig::Buffer { max_messages: 4 });
    let remote = remote(&config);
    assert_eq!((remote.api, remote.model.as_str()), (Api::OpenAi, "small"));
    assert_eq!(remote.base_url, "http://localhost:8000/v1/");
    assert_eq!(
        (remote.temperature, remote.max_tokens),
        (Some(0.5), Some(100))
    );
    assert_eq!(key(&config).as_deref(), Some("the-other-key"));
}

#[test]
fn all_problems_are_told_at_once_with_their_places_and_what_is_allowed() {
    let config = json!({
        "llm": {
            "provider": "openay", "model": 5, "base_url": "localhost", "temperature": 3, "max_tokens": 0,
            "api_key_env": ["x"], "timeout_ms": 0.5
        },
        "system_prompt": ["a"],
        "memory": {"type": "vector", "max_messages": -1}
    });
    assert_eq!(
        problems(&config),
        [
            "llm.provider: \"openay\" is not known here: use echo, openai, anthropic or ollama",
            "llm.model: must be a string, not a number",
            "llm.base_url: must be an http or https address, for example http://localhost:8000/v1",
            "llm.api_key_env: must be a string, not an array",
            "llm.temperature: must be a number from 0 to 2",
            "llm.max_tokens: must be a whole number from 1 to 4294967295",
            "llm.timeout_ms: must be a whole number from 1 to 600000",
            "system_prompt: must be a string, not an array",
            "memory.type: \"vector\" is not known here: use buffer",
            "memory.max_messages: must be a whole number from 0 to 1000",
        ]
    );
    assert!(
        read(&config)
            .unwrap_err()
            .to_string()
            .starts_with("llm.provider: \"openay\" is not known")
    );
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(
        problems(&json!({})),
        ["llm: is missing: give an object that holds at least `provider`"]
    );
    assert_eq!(
        problems(&json!({"llm": {}})),
        ["llm.provider: is missing: use echo, openai, anthropic or ollama"]
    );
    assert_eq!(
        problems(&json!({"llm": {"provider": "ollama", "model": " "}})),
        ["llm.model: is missing: ollama needs the name of a model"]
    );
}

#[test]
fn parts_that_are_not_objects_are_problems() {
    assert_eq!(
        problems(&json!({"llm": "echo", "memory": []})),
        [
            "llm: must be an object, not a string",
            "memory: must be an object, not an array"
        ]
    );
}

#[test]
fn settings_of_other_programs_are_ignored_by_name() {
    let config = json!({
        "llm": {"provider": "echo", "top_p": 1},
        "system_promt": "x", "Memory": {}, "reasoning": {}, "tools": [], "knowledge": {}
    });
    assert_eq!(
        warnings(&config),
        [
            "`llm.top_p` is not understood here and is ignored",
            "`Memory` is not understood here and is ignored: did you mean `memory`?",
            "`knowledge` is not understood here and is ignored",
            "`reasoning` is not understood here and is ignored",
            "`system_promt` is not understood here and is ignored: did you mean `system_prompt`?",
            "`tools` is not understood here and is ignored",
        ]
    );
}

#[test]
fn many_foreign_keys_are_counted_and_hostile_ones_cut_and_escaped() {
    let mut config = json!({"llm": {"provider": "echo"}, "a\n`": 1});
    for number in 0..100 {
        config[format!("other{number:03}")] = json!(1);
    }
    config["x".repeat(10_000)] = json!(1);
    let warnings = warnings(&config);
    assert_eq!(warnings.len(), 21);
    assert_eq!(warnings[0], "`a\\n`` is not understood here and is ignored");
    assert_eq!(
        warnings[20],
        "82 more keys are not understood here and are ignored"
    );
}

#[test]
fn settings_that_mean_nothing_to_echo_are_ignored_by_name() {
    assert_eq!(
        warnings(
            &json!({"llm": {"provider": "echo", "model": "x", "temperature": 1, "base_url": "http://h"}})
        ),
        [
            "`llm.base_url` means nothing to the provider echo and is ignored",
            "`llm.temperature` means nothing to the provider echo and is ignored",
        ]
    );
}

#[test]
fn a_key_in_the_wrong_place_is_refused_and_not_repeated() {
    let advice =
        "a key does not belong here: name it in `llm.api_key`, as in {\"$secret\": \"env:NAME\"}";
    let config =
        json!({"llm": {"provider": "echo", "API-Key": "sk-secret"}, "api_key": "sk-secret"});
    assert_eq!(
        problems(&config),
        [
            format!("llm.API-Key: {advice}"),
            format!("api_key: {advice}")
        ]
    );
}

/// Caught: to leave the key out at a custom address, to take the API's own instead, to keep the end of the line, to keep it
/// as a plain text, to let echo have it in silence.
#[test]
fn a_key_of_the_configurations_own_is_sent_wherever_it_says_and_not_shown() {
    let llm = json!({"provider": "openai", "model": "m", "api_key": {"$secret": "env:MINE"}});
    for base_url in [Value::Null, json!("https://10.0.0.7/v1")] {
        let mut config = json!({ "llm": llm });
        config["llm"]["base_url"] = base_url;
        let (read, warnings) = read_with_secret(&config, " hunter2\n").unwrap();
        assert_eq!(warnings, [""; 0]);
        let shown = format!("{read:?}");
        let ProviderConfig::Remote(remote) = read.llm.provider else {
            panic!("not remote")
        };
        assert_eq!(remote.key.unwrap().expose_secret(), "hunter2");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let written = json!({"provider": "ollama", "model": "m", "api_key": "hunter2"});
    let written = json!({ "llm": written });
    assert_eq!(key(&written).as_deref(), Some("hunter2"));
    let clear = json!({"llm": {"provider": "openai", "model": "m", "base_url": "http://h", "api_key": "k"}});
    assert_eq!(
        warnings(&clear),
        ["`llm.base_url` sends the key unencrypted to http://h/"]
    );
    let echo = json!({"llm": {"provider": "echo", "api_key": {"$secret": "env:MINE"}}});
    assert_eq!(
        read_with_secret(&echo, "hunter2").unwrap().1,
        ["`llm.api_key` means nothing to the provider echo and is ignored"]
    );
}

/// Caught: to prefer one of the two in silence, to send a blank key, to show one that cannot be sent.
#[test]
fn a_key_that_cannot_be_meant_is_refused_and_not_repeated() {
    let with = |key: Value| {
        problems(&json!({"llm": {
            "provider": "openai", "model": "m", "base_url": "https://h", "api_key": key
        }}))
    };
    for key in [" ", "", "hun\nter2"] {
        assert_eq!(
            with(json!(key)),
            ["llm.api_key: must be one line of text, and not blank"]
        );
    }
    assert_eq!(
        with(json!(["hunter2"])),
        ["llm.api_key: must be a string, not an array"]
    );
    let both = json!({"llm": {
        "provider": "openai", "model": "m", "api_key": "hunter2", "api_key_env": "OTHER_API_KEY"
    }});
    assert_eq!(
        problems(&both),
        ["llm.api_key_env: stands beside `llm.api_key`: give one of them"]
    );
}

/// Caught: to leave out one kind of value, to look at the top level only, to tell of what is not ours.
#[test]
fn a_secret_anywhere_else_in_what_a_bot_reads_is_refused() {
    let secret = json!({"$secret": "env:MINE"});
    for path in [
        "/llm",
        "/llm/provider",
        "/llm/model",
        "/llm/base_url",
        "/llm/api_key_env",
        "/llm/temperature",
        "/llm/max_tokens",
        "/llm/timeout_ms",
        "/system_prompt",
        "/memory",
        "/memory/type",
        "/memory/max_messages",
    ] {
        let mut config = json!({
            "llm": {
                "provider": "openai", "model": "m", "base_url": null, "api_key_env": null, "temperature": 1,
                "max_tokens": 1, "timeout_ms": 1
            },
            "system_prompt": "", "memory": {"type": "buffer", "max_messages": 1}
        });
        *config.pointer_mut(path).unwrap() = secret.clone();
        let error = read_with_secret(&config, "echo").unwrap_err().to_string();
        let place = path[1..].replace('/', ".");
        let told = format!("{place}: a secret may stand in `llm.api_key` only");
        assert!(error.contains(&told), "{error}");
    }
    let of_others = json!({"llm": {"provider": "echo", "x": secret}, "tools": [{"token": secret}]});
    assert_eq!(
        read_with_secret(&of_others, "hunter2").unwrap().1,
        [
            "`llm.x` is not understood here and is ignored",
            "`tools` is not understood here and is ignored"
        ]
    );
}

#[test]
fn a_key_in_place_of_a_variables_name_is_refused_and_not_repeated() {
    for pasted in ["sk-proj-abcdef", "OPENAI_KEY", "HOME", "openai_api_key"] {
        let config = json!({"llm": {"provider": "openai", "model": "m", "api_key_env": pasted}});
        assert_eq!(
            problems(&config),
            [
                "llm.api_key_env: must be the name of an environment variable that ends in _API_KEY (of A-Z, 0-9 and \
              _), never the key itself"
            ]
        );
    }
}

#[test]
fn a_missing_key_names_the_variable_to_set() {
    assert_eq!(
        problems(&json!({"llm": {"provider": "anthropic", "model": "m"}})),
        [
            "llm.provider: anthropic needs a key: set ANTHROPIC_API_KEY in the server's environment, or name another \
          variable in `llm.api_key_env` or a secret in `llm.api_key`"
        ]
    );
    assert_eq!(
        problems(
            &json!({"llm": {"provider": "openai", "model": "m", "api_key_env": "MINE_API_KEY"}})
        ),
        ["llm.api_key_env: MINE_API_KEY is not set in the server's environment"]
    );
}

#[test]
fn the_providers_own_key_goes_to_its_public_address_only() {
    let public = json!({"llm": {"provider": "openai", "model": "m"}});
    assert_eq!(remote(&public).base_url, "https://api.openai.com/v1/");
    assert_eq!(key(&public).as_deref(), Some("the-openai-key"));
    let own =
        json!({"llm": {"provider": "openai", "model": "m", "base_url": "http://10.0.0.7/v1"}});
    assert_eq!(key(&own), None);
    assert!(warnings(&own).is_empty());
    assert_eq!(
        key(&json!({"llm": {"provider": "ollama", "model": "m"}})),
        None
    );
}

#[test]
fn a_key_that_is_sent_in_clear_text_is_warned_of() {
    let at = |base_url: &str| {
        let llm = json!({"provider": "openai", "model": "m", "base_url": base_url, "api_key_env": "OTHER_API_KEY"});
        warnings(&json!({"llm": llm}))
    };
    assert_eq!(
        at("http://10.0.0.7/v1"),
        ["`llm.base_url` sends the key unencrypted to http://10.0.0.7/v1/"]
    );
    for safe in [
        "https://10.0.0.7/v1",
        "http://localhost:1",
        "http://127.0.0.1:1/v1",
        "http://[::1]:1",
    ] {
        assert!(at(safe).is_empty(), "{safe}");
    }
}

#[test]
fn an_address_with_secrets_or_a_query_is_refused_and_not_repeated() {
    let at = |base_url: &str| {
        problems(&json!({"llm": {"provider": "ollama", "model": "m", "base_url": base_url}}))
    };
    assert_eq!(
        at("http://me:pass@host/"),
        [
            "llm.base_url: must not hold a user or a password: name a secret in `llm.api_key` instead"
        ]
    );
    assert_eq!(
        at("http://host/?key=x"),
        ["llm.base_url: must not hold a `?` or a `#`"]
    );
    for bad in ["ftp://host/", "host:80", "", "file:///etc/passwd"] {
        assert_eq!(at(bad).len(), 1, "{bad}");
    }
}

#[test]
fn a_system_prompt_that_is_too_long_is_refused() {
    let config = json!({"llm": {"provider": "echo"}, "system_prompt": "x".repeat(262_145)});
    assert_eq!(
        problems(&config),
        ["system_prompt: is 262145 bytes long: at most 262144 are allowed"]
    );
}

#[test]
fn debug_shows_no_key() {
    let shown = format!(
        "{:?}",
        read(&json!({"llm": {"provider": "openai", "model": "m"}})).unwrap()
    );
    assert!(!shown.contains("the-openai-key"), "{shown}");
}
