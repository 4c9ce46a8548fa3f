use std::sync::Arc;

use hotbed_configs::parse_domain;

use super::*;
use crate::directory::{DomainFile, EnvironmentFile};

fn reading() -> Reading {
    let environment = |name: &str, text: &str| EnvironmentFile {
        path: format!("e/{name}.yaml").into(),
        name: name.to_owned(),
        text: text.into(),
    };
    let domain = |path: &str, text: &str| DomainFile {
        path: path.into(),
        text: text.into(),
        bots: Arc::new(parse_domain(path, text)),
    };
    Reading {
        root: ".".into(),
        environments: vec![
            environment("base", "resources: {llms: {chat: {model: '${MODEL}'}}}"),
            environment(
                "production",
                "extends: base\nresources: {llms: {chat: {top: 1}}}",
            ),
        ],
        domains: vec![
            domain(
                "a.yaml",
                "domain: {id: a}\nbot: {llm: {$resource: chat, type: llms}, of: '${COMPANY}'}",
            ),
            domain("b.yaml", "domain: {}\nbot: {}"),
        ],
        mods: Vec::new(),
        schemas: Vec::new(),
        problems: Vec::new(),
        parsed: 0,
    }
}

fn told(process: &[(&str, &str)], id: &str, environment: &str) -> String {
    let process: Vec<_> = process
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    match resolve(&reading(), &process, id, environment) {
        Ok(Some(resolved)) => serde_json::to_string(resolved.as_map()).unwrap(),
        Ok(None) => "none".to_owned(),
        Err(problems) => problems.to_string(),
    }
}

/// Caught: to parse one file of two, to give the bot no variables, to mind what is wrong with other bots.
#[test]
fn a_bot_is_resolved_as_the_server_of_that_environment_would() {
    let set = [("MODEL", "m"), ("COMPANY", "Acme")];
    assert_eq!(
        told(&set, "a", "production"),
        r#"{"llm":{"model":"m","top":1},"of":"Acme"}"#
    );
    let wrong = told(&set[..1], "a", "production");
    assert!(
        wrong.starts_with("a.yaml:2:43: bot \"a\" in production: of: "),
        "{wrong}"
    );
    let wrong = told(&[], "a", "production");
    assert!(
        wrong.contains("MODEL") && wrong.starts_with("e/base.yaml:1:"),
        "{wrong}"
    );
}

#[test]
fn what_is_not_there_is_told_unless_it_may_stand_in_a_file_that_is_wrong() {
    let set = [("MODEL", "m")];
    assert!(told(&set, "stranger", "production").starts_with("b.yaml:1:"));
    assert_eq!(
        told(&set, "a", "staging"),
        "the environment \"staging\" has no file: ./environments/staging.yaml is missing"
    );
}
