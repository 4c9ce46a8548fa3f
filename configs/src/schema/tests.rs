use super::*;
use crate::yaml::Source;
use crate::{Environment, PortableConfig, Variables, parse_domain};

fn is_valid(schema: &Value, yaml: &str) -> bool {
    let schema = jsonschema::draft202012::new(schema).unwrap();
    let documents = Source::new("a.yaml", yaml).documents().unwrap();
    documents.iter().all(|document| schema.is_valid(document))
}

// Caught: a key, type or bound in the schema that differs from what the parser takes; each line is about one.
#[test]
fn the_schema_of_an_environment_agrees_with_its_parser() {
    let schema = environment_schema();
    let good = [
        "",
        "{}",
        "name: a",
        "name:\ndescription:\nresources:\nsettings:\nextends:\n",
        "name: a\ndescription: b\nsettings: {x: [1, {y: z}], strict_resources: true}",
        "settings: {strict_resources: 'TRUE'}",
        "settings: {strict_resources: '${STRICT:false}'}",
        "resources: {databases: {main: {host: db, port: 1, tags: [a]}, other: }}",
        "resources: {databases: }",
        "resources: {knowledge: {backend: file, path: x}}",
        "resources: {knowledge: {backend: {path: x}}}",
        "resources: {d: {m: {key: {$secret: env:KEY}, list: [{$secret: 'file:/run/secrets/x'}]}}}",
        "resources: {d: {m: {key: {$secret: 'file:/run/..x/y'}}}}",
        "resources: {d: {m: {$resource: other, type: d, host: x}}}",
        include_str!("../../environments/development.yaml"),
    ];
    for yaml in good {
        let parsed = Environment::parse("a.yaml", yaml, &Variables::default());
        assert!(parsed.is_ok(), "{yaml}: {parsed:?}");
        assert!(is_valid(&schema, yaml), "{yaml}");
    }
    for yaml in [
        "[]",
        "text",
        "nam: a",
        "name: ''",
        "name: 7",
        "description: ''",
        "description: [a]",
        "extends: ../base",
        "extends: '${BASE:x}'",
        "extends: 7",
        "extends: ''",
        "resources: []",
        "resources: {databases: sqlite}",
        "resources: {databases: {main: sqlite}}",
        "resources: {knowledge: {backend: 7}}",
        "resources: {d: {m: {$secret: env:KEY}}}",
        "resources: {d: {m: {key: {$secret: hunter2}}}}",
        "resources: {d: {m: {key: {$secret: 'env:'}}}}",
        "resources: {d: {m: {key: {$secret: 'env:1K'}}}}",
        "resources: {d: {m: {key: {$secret: 'env:a-b'}}}}",
        "resources: {d: {m: {key: {$secret: 'file:x'}}}}",
        "resources: {d: {m: {key: {$secret: 'file:/a/../b'}}}}",
        "resources: {d: {m: {key: {$secret: 'file:/a/..'}}}}",
        "resources: {d: {m: {key: {$secret: 'file:/a/'}}}}",
        "resources: {d: {m: {key: {$secret: 'file:/a/${X:b}'}}}}",
        "resources: {d: {m: {key: [{$secret: env:K, more: 1}]}}}",
        "resources: {d: {m: {key: {$secret: 7}}}}",
        "settings: 7",
        "settings: {strict_resources: 7}",
        "settings: {strict_resources: }",
        "settings: {strict_resources: sometimes}",
        "settings: {a: [{$secret: env:KEY}]}",
        "settings: {$secret: env:KEY}",
    ] {
        let parsed = Environment::parse("a.yaml", yaml, &Variables::default());
        assert!(parsed.is_err(), "{yaml}");
        assert!(!is_valid(&schema, yaml), "{yaml}");
    }
}

/// Whether a domain file is read, and what is in it can be resolved anywhere.
fn is_taken(yaml: &str) -> bool {
    let environment = Environment::empty("dev");
    let resolves = |config: &PortableConfig| environment.resolve_without_secrets(config).is_ok();
    parse_domain("a.yaml", yaml).is_ok_and(|bots| bots.iter().all(|bot| resolves(&bot.config)))
}

// Caught: as above.
#[test]
fn the_schema_of_a_domain_agrees_with_its_parser() {
    let schema = domain_schema(json!(true));
    for yaml in [
        "",
        "domain: {id: a}\nbot: {}",
        "domain: {id: a, name: A, tags: [x]}\nbot: {llm: {provider: echo}, tools: [{a: 1}]}",
        "domain: {id: a}\nbot: {db: {$resource: main, type: databases, $required: false, $requires: [read], host: x}}",
        "domain: {id: a}\nbot: {db: {$resource: main, $required: 'False', key: {$secret: env:KEY}}}",
        "domain: {id: a}\nbot: {key: {$secret: 'file:/run/x'}, other: {$schema: kept}}",
        "domain: {id: a}\nbot: {$resource: main, x: 1}",
        "---\ndomain: {id: a}\nbot: {}\n---\ndomain: {id: b}\nbot: {}\n",
        include_str!("../../domains/greeter.yaml"),
        include_str!("../../domains/support-bot.yaml"),
    ] {
        assert!(is_taken(yaml), "{yaml}");
        assert!(is_valid(&schema, yaml), "{yaml}");
    }
    for yaml in [
        "[]",
        "{}",
        "domain: {id: a}",
        "bot: {}",
        "domain: {id: a}\nbot: {}\nbots: {}",
        "domain: {}\nbot: {}",
        "domain: {id: ''}\nbot: {}",
        "domain: {id: 7}\nbot: {}",
        "domain: a\nbot: {}",
        "domain: {id: a}\nbot: []",
        "domain: {id: a}\nbot: ",
        "domain: {id: a}\nbot: {$secret: env:KEY}",
        "domain: {id: a}\nbot: {key: {$secret: hunter2}}",
        "domain: {id: a}\nbot: {list: [{$secret: env:K, x: 1}]}",
        "domain: {id: a}\nbot: {db: {$resource: 7}}",
        "domain: {id: a}\nbot: {db: {$resource: ''}}",
        "domain: {id: a}\nbot: {db: {$resource: main, type: 7}}",
        "domain: {id: a}\nbot: {db: {$resource: main, $requird: true}}",
        "domain: {id: a}\nbot: {db: {$required: true}}",
        "domain: {id: a}\nbot: {db: {$requires: [a]}}",
        "domain: {id: a}\nbot: {db: {$resource: main, $required: maybe}}",
        "domain: {id: a}\nbot: {db: {$resource: main, $requires: read}}",
        "domain: {id: a}\nbot: {db: {$resource: main, key: {$secret: hunter2}}}",
    ] {
        assert!(!is_taken(yaml), "{yaml}");
        assert!(!is_valid(&schema, yaml), "{yaml}");
    }
}

// Editors show these.
#[test]
fn every_known_key_has_a_description() {
    for schema in [environment_schema(), domain_schema(json!(true))] {
        for (key, value) in schema["properties"].as_object().unwrap() {
            assert!(
                value["title"].is_string() && value["description"].is_string(),
                "{key}"
            );
        }
    }
}
