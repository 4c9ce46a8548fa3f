use serde_json::json;

use super::*;

fn variables<const N: usize>(variables: [(&str, &str); N]) -> Variables {
    variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn parse(yaml: &str) -> Environment {
    Environment::parse("blue.yaml", yaml, &variables([("V", "value")])).unwrap()
}

fn refused(yaml: &str) -> String {
    let variables = variables([("V", "value"), ("DOLLAR", "$resource")]);
    let errors = Environment::parse("blue.yaml", yaml, &variables).unwrap_err();
    errors.to_string()
}

fn resource(environment: &Environment, resource_type: &str, name: &str) -> Value {
    environment
        .resource(resource_type, name)
        .cloned()
        .map_or(Value::Null, Value::Object)
}

#[test]
fn an_environment_is_read_with_its_variables_filled_in() {
    let environment = parse(
        "
name: ${NAME:green}
description: of ${V}
resources:
  databases:
    registry: {backend: memory, host: '${V}', port: 5432, '${V}': '$${V}'}
settings: {log_level: DEBUG}
",
    );
    assert_eq!(environment.name(), "green");
    assert_eq!(environment.description(), Some("of value"));
    assert_eq!(
        resource(&environment, "databases", "registry"),
        json!({"backend": "memory", "host": "value", "port": 5432, "value": "${V}"})
    );
    assert_eq!(environment.settings()["log_level"], "DEBUG");
    assert_eq!(resource(&environment, "databases", "other"), json!(null));
    assert_eq!(resource(&environment, "others", "registry"), json!(null));
}

#[test]
fn everything_may_be_left_out() {
    for yaml in [
        "",
        "{}",
        "# nothing",
        "resources:\nsettings:\ndescription:\n",
    ] {
        let environment = parse(yaml);
        assert_eq!(environment.name(), "blue");
        assert_eq!(environment.description(), None);
        assert_eq!(environment.settings().len(), 0);
        assert_eq!(environment.resource_names("databases").count(), 0);
    }
    assert_eq!(Environment::empty("x").name(), "x");
}

#[test]
fn the_name_comes_from_the_file_if_it_is_not_given() {
    for (file, name) in [
        ("a/b.c/blue.yaml", "blue"),
        (r"a\blue.json", "blue"),
        ("blue", "blue"),
    ] {
        let environment = Environment::parse(file, "", &Variables::default()).unwrap();
        assert_eq!(environment.name(), name);
    }
}

#[test]
fn a_type_with_a_backend_is_its_own_one_resource() {
    let environment =
        parse("resources: {knowledge: {backend: file, path: '${DATA_DIR:./data}/knowledge'}}");
    let expected = json!({"backend": "file", "path": "./data/knowledge"});
    assert_eq!(resource(&environment, "knowledge", "knowledge"), expected);
    assert_eq!(resource(&environment, "knowledge", "default"), expected);

    let config =
        json!({"knowledge": {"$resource": "knowledge", "type": "knowledge", "$required": true}});
    let config = PortableConfig::from_value(config).unwrap();
    assert_eq!(
        environment.resolve(&config).unwrap().get("knowledge"),
        Some(&expected)
    );

    let named = parse("resources: {knowledge: {backend: {path: x}, other: {path: y}}}");
    assert_eq!(
        named.resource_names("knowledge").collect::<Vec<_>>(),
        ["backend", "other"]
    );
}

#[test]
fn all_problems_of_a_file_are_reported_together_with_their_places() {
    let yaml = "
name: ''
descripton: typo
resources:
  databases:
    registry: sqlite
    main:
      host: ${HOST}
      password: ${PASSWORD:?ask the keeper}
  event_buses: memory
  more:
    - 1
settings:
  strict_resources: sometimes
  ${V}: 1
  value: 2
  ${DOLLAR}: x
";
    assert_eq!(
        refused(yaml),
        "\
blue.yaml:2:1: name: must not be empty
blue.yaml:3:1: descripton: unknown key; known here: extends, name, description, resources, settings; did you mean `description`?
blue.yaml:6:5: resources.databases.registry: expected an object, found a string
blue.yaml:8:7: resources.databases.main.host: environment variable `HOST` is not set; set it, or write a default: `${HOST:default}`
blue.yaml:9:7: resources.databases.main.password: environment variable `PASSWORD` is not set: ask the keeper
blue.yaml:10:3: resources.event_buses: expected an object, found a string
blue.yaml:11:3: resources.more: expected an object, found a list
blue.yaml:14:3: settings.strict_resources: expected true or false, found another text
blue.yaml:16:3: settings.value: two keys of this object become the same once variables are filled in
blue.yaml:17:3: settings.\"${DOLLAR}\": a variable makes this key begin with `$`; such keys can only be written out"
    );
}

#[test]
fn a_file_of_another_shape_is_refused() {
    assert_eq!(
        refused("- a"),
        "blue.yaml: expected an object, found a list"
    );
    assert_eq!(
        refused("description: [a]"),
        "blue.yaml:1:1: description: expected a string, found a list"
    );
    assert_eq!(
        refused("name: 7"),
        "blue.yaml:1:1: name: expected a string, found a number"
    );
    assert_eq!(
        refused("name: a\n---\nname: b\n"),
        "blue.yaml: holds 2 YAML documents, one is expected; remove the `---` between them or split the file"
    );
}

#[test]
fn hundreds_of_problems_are_reported_in_bounded_time() {
    let fields = (0..5000).map(|n| format!("  k{n}: ${{X{n}}}\n"));
    let fields = fields.collect::<Vec<_>>().concat();
    let errors = Environment::parse(
        "a.yaml",
        &format!("settings:\n{fields}"),
        &Variables::default(),
    );
    let errors = errors.unwrap_err();
    assert_eq!(errors.iter().count(), 100);
    assert_eq!(errors.unlisted(), 4900);
    assert!(errors.iter().all(|problem| problem.location().is_some()));
}

#[test]
fn debug_shows_names_and_no_values() {
    let environment =
        parse("resources: {dbs: {main: {password: '${V}'}}}\nsettings: {token: '${V}'}");
    assert_eq!(
        format!("{environment:?}"),
        r#"Environment { name: "blue", resources: ["dbs/main"], settings: ["token"], .. }"#
    );
}

mod shipped {
    use super::*;
    use crate::parse_domain;

    const DEVELOPMENT: &str = include_str!("../../environments/development.yaml");
    const PRODUCTION: &str = include_str!("../../environments/production.yaml");
    const DOMAINS: [(&str, &str); 2] = [
        ("greeter.yaml", include_str!("../../domains/greeter.yaml")),
        (
            "support-bot.yaml",
            include_str!("../../domains/support-bot.yaml"),
        ),
    ];

    #[test]
    fn the_shipped_files_work_on_a_laptop_with_no_variable_set() {
        let none = Variables::default();
        let environment = Environment::parse("development.yaml", DEVELOPMENT, &none).unwrap();
        assert_eq!(environment.name(), "development");
        assert_eq!(
            resource(&environment, "databases", "registry")["path"],
            "./data/hotbed.db"
        );
        for (file, text) in DOMAINS {
            let bots = parse_domain(file, text).unwrap();
            assert_eq!(format!("{}.yaml", bots[0].id), file);
            let resolved = environment.resolve(&bots[0].config).unwrap();
            assert_eq!(
                resolved.get("llm"),
                Some(&json!({"provider": "echo", "model": "echo-1"}))
            );
            assert!(resolved.warnings().is_empty());
        }
    }

    #[test]
    fn production_says_which_variables_it_needs() {
        let none = Variables::default();
        let errors = Environment::parse("production.yaml", PRODUCTION, &none).unwrap_err();
        let missing: Vec<_> = errors
            .iter()
            .map(|problem| problem.path().to_string())
            .collect();
        assert_eq!(
            missing,
            [
                "resources.databases.registry.host",
                "resources.event_buses.default.host",
                "resources.knowledge.bucket",
                "resources.knowledge.region",
                "resources.llms.chat.model",
            ]
        );
        let set = variables([
            ("RDS_HOST", "db"),
            ("ELASTICACHE_HOST", "redis"),
            ("KNOWLEDGE_BUCKET", "k"),
            ("AWS_REGION", "eu-central-1"),
            ("LLM_MODEL", "large"),
        ]);
        let environment = Environment::parse("production.yaml", PRODUCTION, &set).unwrap();
        let (file, text) = DOMAINS[1];
        let bots = parse_domain(file, text).unwrap();
        let resolved = environment.resolve(&bots[0].config).unwrap();
        assert_eq!(
            resolved.get("llm"),
            Some(&json!({"provider": "anthropic", "model": "large"}))
        );
    }
}
