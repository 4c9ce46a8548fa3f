//! From text to a trusted configuration: whatever the text, it is read or refused, and what was read keeps its promises.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotbed_configs::{
    ConfigErrors, Environment, EnvironmentText, PortableConfig, RegistrationFile, SecretRef,
    Syntax, Variables, WrittenIn, has_resource_references, is_portable, parse_domain,
    validate_portability,
};
use serde_json::{Value, json};

/// What every secret is. It must be seen nowhere but in what an instance is built from.
const SECRET: &str = "c4n4ry-of-the-fuzzer";

/// Takes the first byte for the kind of file and the rest for its text. Panics where a promise is broken.
pub(crate) fn check(data: &[u8]) {
    let Some((kind, text)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    // A fuzzer learns it from the comparisons below.
    if text.contains(SECRET) {
        return;
    }
    match kind % 5 {
        0 => an_environment(text),
        1 => extended_environments(text),
        2 => a_domain(text),
        3 => a_registration(text, Syntax::Yaml),
        _ => a_registration(text, Syntax::Json),
    }
}

fn an_environment(text: &str) {
    match Environment::parse("fuzz.yaml", text, &variables()) {
        Ok(environment) => used(&environment.with_secrets(secrets())),
        Err(refusal) => told(&refusal, text),
    }
}

/// The parts between NULs are files: the first is read, the others are called `a`, `b`, and so on.
fn extended_environments(text: &str) {
    let mut files = text.split('\0');
    let own = EnvironmentText {
        file_name: "own.yaml".to_owned(),
        text: files.next().unwrap_or_default().to_owned(),
    };
    let parents: BTreeMap<String, &str> = ('a'..='z').map(String::from).zip(files).collect();
    let read = Environment::load(own, &variables(), |name| {
        Ok(parents.get(name).map(|text| EnvironmentText {
            file_name: format!("{name}.yaml"),
            text: (*text).to_owned(),
        }))
    });
    match read {
        Ok(environment) => used(&environment.with_secrets(secrets())),
        Err(refusal) => shown_without_secrets(&refusal.to_string()),
    }
}

fn a_domain(text: &str) {
    match parse_domain("fuzz.yaml", text) {
        Ok(bots) => bots.iter().for_each(|bot| a_config(&bot.config)),
        Err(refusal) => told(&refusal, text),
    }
}

fn a_registration(text: &str, syntax: Syntax) {
    match RegistrationFile::parse("fuzz.yaml", text, syntax, |_, _| Ok(())) {
        Ok(file) => a_config(&file.config),
        Err(refusal) => told(&refusal, text),
    }
}

/// What is written as JSON is read back as the same, and is resolved as it promises.
fn a_config(config: &PortableConfig) {
    let written = json!({ "config": config.as_map() }).to_string();
    let again = RegistrationFile::parse("again.json", &written, Syntax::Json, |_, _| Ok(()));
    let again = again.expect("what was read can be written and read again");
    assert_eq!(&again.config, config);
    assert_eq!(again.config.digest(), config.digest());

    let issues = validate_portability(config);
    assert_eq!(issues.is_empty(), is_portable(config));
    for warning in config.literal_secrets() {
        assert!(!warning.to_string().is_empty());
    }

    let asks = has_resource_references(config) || written.contains("${") || written.contains("\"$");
    let empty = Environment::empty("empty");
    match empty.resolve(config) {
        Ok(resolved) if !asks => assert_eq!(
            Value::Object(resolved.as_map().clone()),
            Value::Object(config.as_map().clone()),
            "what asks for nothing is not changed"
        ),
        Ok(resolved) => drop(resolved.redacted()),
        Err(refusal) => assert!(asks, "{refusal}"),
    }

    let full = full_environment();
    match full.resolve(config) {
        Ok(resolved) => {
            shown_without_secrets(&resolved.redacted().to_string());
            shown_without_secrets(&format!("{resolved:?}"));
            for warning in resolved.warnings() {
                shown_without_secrets(&warning.to_string());
            }
            let schema = hotbed_configs::environment_schema();
            if let Err(refusal) = resolved.typed(&schema) {
                shown_without_secrets(&refusal.to_string());
            }
            if let Err(refusal) = resolved.deserialize::<BTreeMap<String, u8>>() {
                shown_without_secrets(&refusal.to_string());
            }
        }
        Err(refusal) => shown_without_secrets(&refusal.to_string()),
    }
    drop(full.resolve_without_secrets(config));
}

/// An environment that was read can be asked for all it has, and resolves references to its own resources.
fn used(environment: &Environment) {
    shown_without_secrets(&format!("{environment:?}"));
    for kind in ["default", "llms", "databases"] {
        let names: Vec<String> = environment
            .resource_names(kind)
            .map(str::to_owned)
            .collect();
        for name in names {
            let reference = json!({ "asked": { "$resource": name, "type": kind } });
            let config =
                PortableConfig::from_value(reference).expect("a reference is a configuration");
            match environment.resolve(&config) {
                Ok(resolved) => shown_without_secrets(&resolved.redacted().to_string()),
                Err(refusal) => shown_without_secrets(&refusal.to_string()),
            }
        }
    }
    for warning in environment.warnings() {
        assert!(!warning.to_string().is_empty());
    }
}

/// A refusal says something, and where it names a line, the text has it.
fn told(refusal: &ConfigErrors, text: &str) {
    let lines = text
        .split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
        .count();
    assert!(refusal.iter().next().is_some());
    for problem in refusal {
        assert!(!problem.to_string().is_empty());
        if let Some(location) = problem.location() {
            assert!(location.line <= lines, "{problem}: there are {lines} lines");
        }
    }
}

fn shown_without_secrets(shown: &str) {
    assert!(!shown.contains(SECRET), "{shown}");
}

fn variables() -> Variables {
    [
        ("V", "value"),
        ("EMPTY", ""),
        ("N", "7"),
        ("YES", "true"),
        ("NESTED", "${V}"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

fn secrets() -> Arc<dyn hotbed_configs::SecretSource> {
    Arc::new(|_: &SecretRef, _: WrittenIn| Ok(Some(SECRET.to_owned())))
}

fn full_environment() -> Environment {
    let yaml = "
resources:
  default: {main: {key: {$secret: env:MAIN}, model: '${V}'}}
  llms: {chat: {provider: echo, n: '${N}'}}
  databases: {conversations: {backend: memory}}
";
    let environment = Environment::parse("full.yaml", yaml, &variables()).expect("it is read");
    environment.with_secrets(secrets())
}
