use std::sync::Arc;

use hotbed_configs::{ConfigSchema, parse_domain};

use super::*;
use crate::directory::{DomainFile, SchemaFile};

const BOT: &str = "domain: {id: a}\nbot: {llm: {$resource: chat, type: llms}}\n";

fn reading(environments: &[(&str, &str)], domains: &[(&str, &str)]) -> Reading {
    Reading {
        root: "configs".into(),
        environments: environments
            .iter()
            .map(|(name, text)| EnvironmentFile {
                path: format!("configs/environments/{name}.yaml").into(),
                name: (*name).to_owned(),
                text: (*text).into(),
            })
            .collect(),
        domains: domains
            .iter()
            .map(|(path, text)| DomainFile {
                path: path.into(),
                text: (*text).into(),
                bots: Arc::new(parse_domain(path, text)),
            })
            .collect(),
        mods: Vec::new(),
        schemas: Vec::new(),
        problems: Vec::new(),
        parsed: 0,
    }
}

fn schema_file(path: &str, text: &str) -> SchemaFile {
    let schema = ConfigSchema::parse(path, text);
    SchemaFile {
        path: path.into(),
        collection: path.split(['/', '.']).nth(2).unwrap_or_default().to_owned(),
        schema: schema.map(Arc::new).map_err(Arc::new),
    }
}

fn of(reading: &Reading, process: &[(String, String)], environment: Option<&str>) -> Check {
    let portability = Portability::Demanded;
    let terms = CheckTerms {
        environment,
        portability,
    };
    Check::of(reading, process, terms)
}

fn told(check: &Check) -> Vec<String> {
    check.problems.iter().map(ToString::to_string).collect()
}

fn needs(check: &Check, at: usize) -> Vec<&str> {
    check.environments[at]
        .needs
        .keys()
        .map(String::as_str)
        .collect()
}

/// Caught: to take an unset variable for a problem everywhere, to hide it everywhere, to list it for one environment of
/// two, or to look no further once one is missing.
#[test]
fn an_unset_variable_is_wrong_where_it_was_asked_for_and_noted_elsewhere() {
    let production = "resources: {llms: {chat: {model: '${MODEL:?the model}', key: '${API_KEY}'}}}";
    let reading = reading(
        &[
            ("development", "resources: {llms: {chat: {model: m}}}"),
            ("production", production),
        ],
        &[
            ("a.yaml", BOT),
            (
                "b.yaml",
                "domain: {id: b}\nbot: {x: '${GREETING}', y: '${OPTIONAL:-}'}",
            ),
        ],
    );
    let set = [("GREETING".to_owned(), "hi".to_owned())];

    let check = of(&reading, &[], None);
    assert_eq!(told(&check), [""; 0]);
    assert_eq!(needs(&check, 0), ["GREETING"]);
    assert_eq!(needs(&check, 1), ["API_KEY", "GREETING", "MODEL"]);
    assert_eq!(
        check.environments[1].needs["MODEL"].as_deref(),
        Some("the model")
    );

    let check = of(&reading, &set, Some("production"));
    assert_eq!(needs(&check, 0), [""; 0]);
    let wrong = told(&check);
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(
        wrong[0].contains("environments/production.yaml:1:"),
        "{wrong:?}"
    );
    assert!(
        wrong.concat().contains("MODEL") && wrong.concat().contains("API_KEY"),
        "{wrong:?}"
    );
}

/// Caught: to look at one environment, or at a bot in none.
#[test]
fn every_bot_is_looked_at_in_every_environment() {
    let strict = "settings: {strict_resources: '${STRICT}'}";
    let reading = reading(
        &[("development", ""), ("production", strict)],
        &[("a.yaml", BOT)],
    );
    let check = of(&reading, &[], None);
    assert_eq!(
        told(&check),
        [
            "a.yaml:2:7: bot \"a\" in production: llm: resource `llms/chat` is not in environment `production` (it has no `llms`); \
             add it there, or make the reference optional with `$required: false`"
        ]
    );
    assert_eq!(check.environments[0].warnings["a"].len(), 1);
    assert_eq!(needs(&check, 1), ["STRICT"]);
}

/// Caught: to note a variable that no server will ever give to a bot.
#[test]
fn a_variable_that_is_withheld_from_bots_is_wrong_everywhere() {
    let environment = "resources: {x: {y: {key: '${API_KEY}'}}}";
    let domain = "domain: {id: a}\nbot: {key: '${API_KEY}'}";
    let reading = reading(&[("development", environment)], &[("a.yaml", domain)]);
    let set = [("API_KEY".to_owned(), "hunter2".to_owned())];
    for process in [&set[..], &[]] {
        assert_eq!(
            told(&of(&reading, process, None)),
            [
                "a.yaml:2:7: bot \"a\": key: the variable API_KEY is withheld from bots, for it is named like a secret: \
                 put it into a resource of the environment"
            ]
        );
    }
}

#[test]
fn files_and_environments_are_told_together() {
    let mut reading = reading(
        &[
            (
                "development",
                "nmae: x\nresources: {a: {b: {c: '${MISSING}'}}}",
            ),
            ("production", ""),
        ],
        &[("a.yaml", "domain: {id: a}\n")],
    );
    reading.environments.push(EnvironmentFile {
        path: "configs/environments/production.yml".into(),
        ..reading.environments[1].clone()
    });
    let check = of(&reading, &[], Some("staging"));
    let told = told(&check);
    assert_eq!(told.len(), 4, "{told:#?}");
    assert_eq!(needs(&check, 0), ["MISSING"]);
    for (told, expected) in told.iter().zip([
        "a.yaml:1:1: bot: required",
        "configs/environments/production.yml: the environment \"production\" has the file",
        "configs/environments/development.yaml:1:1: nmae: unknown key",
        "the environment \"staging\" has no file: configs/environments/staging.yaml is missing",
    ]) {
        assert!(told.starts_with(expected), "{told}");
    }
}

/// Caught: to find nothing, to find it however waived.
#[test]
fn what_ties_a_bot_to_one_machine_is_wrong_unless_that_is_allowed() {
    let domain = "domain: {id: a}\nbot: {db: 'postgres://localhost:5432/x', home: '${HOME_OF_BOTS:/home/ada}'}";
    let reading = reading(&[], &[("a.yaml", domain)]);
    let wrong = told(&of(&reading, &[], None));
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(
        wrong[0].starts_with("a.yaml:2:7: bot \"a\": db: Found localhost"),
        "{wrong:?}"
    );
    let terms = CheckTerms {
        environment: None,
        portability: Portability::Waived,
    };
    assert_eq!(told(&Check::of(&reading, &[], terms)), [""; 0]);
}

#[test]
fn the_example_is_good_as_it_is() {
    let mut reading = reading(&[], &[]);
    for file in crate::EXAMPLE {
        let (part, name) = file.path.split_once('/').unwrap();
        if part == "environments" {
            reading.environments.push(EnvironmentFile {
                path: file.path.into(),
                name: name.trim_end_matches(".yaml").to_owned(),
                text: file.text.into(),
            });
        } else {
            reading.domains.push(DomainFile {
                path: file.path.into(),
                text: file.text.into(),
                bots: Arc::new(parse_domain(file.path, file.text)),
            });
        }
    }
    let check = of(&reading, &[], None);
    assert_eq!(told(&check), [""; 0]);
    assert_eq!(check.deployment.bots().len(), 1);
    assert_eq!(needs(&check, 1), ["LLM_MODEL"]);
    assert!(check.environments.iter().all(|it| it.warnings.is_empty()));
    let named = of(&reading, &[], Some("development"));
    assert_eq!(told(&named), [""; 0]);
}

/// Caught: to judge what stands in for a variable that is not set here, alone or inside a text; to judge nothing where one is
/// not set.
#[test]
fn bots_are_held_against_the_schema_in_every_environment() {
    let schema = "
properties:
  llm:
    properties:
      model: {enum: [small, large]}
      port: {type: integer}
      url: {type: string, pattern: '^https://[a-z]+$'}
      extra: {type: integer}
";
    let unset =
        "resources: {llms: {chat: {model: '${MODEL}', port: '${PORT}', url: 'https://${HOST}x'}}}";
    let mut reading = reading(
        &[
            (
                "good",
                "resources: {llms: {chat: {model: small, port: '${PORT:80}'}}}",
            ),
            (
                "bad",
                "resources: {llms: {chat: {model: huge, port: '${PORT:high}'}}}",
            ),
            ("elsewhere", unset),
        ],
        &[
            ("a.yaml", BOT),
            (
                "b.yaml",
                "domain: {id: b}\nbot: {llm: {$resource: chat, type: llms, extra: much}}\n",
            ),
        ],
    );
    reading.schemas = vec![schema_file("configs/schemas/bots.yaml", schema)];
    let extra = |environment: &str| {
        format!(
            "b.yaml:2:42: bot \"b\" in {environment}: llm.extra: this is not of type \"integer\""
        )
    };
    let port = "llm.port: environment variable `PORT`, or its default, must be an integer here";
    let model = "llm.model: this is not one of \"small\" or \"large\"";
    let mut said = told(&of(&reading, &[], None));
    said.sort();
    assert_eq!(
        said,
        [
            format!("a.yaml:2:12: bot \"a\" in bad: {model}"),
            format!("a.yaml:2:12: bot \"a\" in bad: {port}"),
            format!("b.yaml:2:12: bot \"b\" in bad: {model}"),
            format!("b.yaml:2:12: bot \"b\" in bad: {port}"),
            extra("bad"),
            extra("elsewhere"),
            extra("good"),
        ]
    );
    let process: Vec<_> = [("MODEL", "tiny"), ("PORT", "1"), ("HOST", "h")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let said = told(&of(&reading, &process, Some("elsewhere")));
    let models = said
        .iter()
        .filter(|it| it.contains("in elsewhere: llm.model"))
        .count();
    assert_eq!(models, 2, "{said:?}");
}

#[test]
fn a_schema_that_is_none_or_nobodys_is_a_problem() {
    let mut reading = reading(&[], &[]);
    reading.schemas = vec![
        schema_file("configs/schemas/bots.json", "type: objekt"),
        schema_file("configs/schemas/bots.yaml", "{}"),
        schema_file("configs/schemas/bot.yaml", "{}"),
    ];
    let said = told(&of(&reading, &[], None));
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(
        said[0].starts_with("configs/schemas/bots.json:1:1: type: not a JSON Schema"),
        "{said:?}"
    );
    assert_eq!(
        said[1..],
        [
            "configs/schemas/bots.yaml: the collection has the schema configs/schemas/bots.json already: remove one",
            "configs/schemas/bot.yaml: the name of a schema is that of its collection: call it bots.yaml",
        ]
    );
}
