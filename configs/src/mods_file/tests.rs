use super::*;

/// The mods, in the order of their ids: that of the keys of a map is the text's or their own, as serde_json is built.
fn parsed(yaml: &str) -> Vec<(Option<String>, Value)> {
    let mods = parse_mods("m.yaml", yaml).unwrap();
    let said = |declared: DeclaredMod| {
        let registration = declared.registration.into_value();
        (declared.id, registration)
    };
    let mut said: Vec<_> = mods.into_iter().map(said).collect();
    said.sort_by(|one, other| one.0.cmp(&other.0));
    said
}

fn problems(yaml: &str) -> Vec<String> {
    let errors = parse_mods("m.yaml", yaml).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

fn named(id: &str, registration: Value) -> (Option<String>, Value) {
    (Some(id.to_owned()), registration)
}

#[test]
fn registrations_are_read_by_id_or_one_by_one() {
    assert_eq!(
        parsed("path: a.wiki\nconfig: {x: '${X}'}"),
        [(None, json!({"path": "a.wiki", "config": {"x": "${X}"}}))]
    );
    let by_id = "mods:\n  wiki: {path: a.wiki}\n  cache: {path: a.cache, enabled: false}\n---\n---\nmods:\n";
    assert_eq!(
        parsed(by_id),
        [
            named("cache", json!({"path": "a.cache", "enabled": false})),
            named("wiki", json!({"path": "a.wiki"})),
        ]
    );
}

/// Meant to catch: to lose the order of the list, to take what stands beside it for ours.
#[test]
fn the_list_of_a_network_keeps_its_order() {
    let yaml = "\
network:
  name: Ours
  mode: centralized
  mods:
    - name: openagents.mods.core.shared_cache
      enabled: true
    - {name: openagents.mods.core.wiki, enabled: false, config: {max_pages: 3}}
    - name: ./local/dice
service_agents: {}
";
    assert_eq!(
        parsed(yaml),
        [
            named("dice", json!({"path": "./local/dice", "priority": 42})),
            named(
                "shared_cache",
                json!({"path": "openagents.mods.core.shared_cache", "enabled": true})
            ),
            named(
                "wiki",
                json!({"path": "openagents.mods.core.wiki", "enabled": false, "config": {"max_pages": 3}, "priority": 41})
            ),
        ]
    );
    assert!(parsed("network: {name: Ours}").is_empty());
}

/// A plugin that does not say that it is enabled is not.
#[test]
fn plugins_are_disabled_unless_they_say_otherwise() {
    let yaml = "\
core:
  api_gateway:
    rest: {port: 8771}
    plugins:
      message_bus: {enabled: true, port: 5555, priority: 10}
      wiki: {path: hotbed.mods.wiki}
      validation:
";
    assert_eq!(
        parsed(yaml),
        [
            named(
                "message_bus",
                json!({"path": "message_bus", "enabled": true, "priority": 10, "config": {"port": 5555}})
            ),
            named(
                "validation",
                json!({"path": "validation", "enabled": false, "config": {}})
            ),
            named(
                "wiki",
                json!({"path": "hotbed.mods.wiki", "enabled": false, "config": {}})
            ),
        ]
    );
}

#[test]
fn all_that_is_wrong_is_told_with_its_place() {
    for (yaml, told) in [
        (
            "- a",
            "m.yaml:1:1: expected an object with `path` or `mods`, found a list",
        ),
        ("pth: a.b", "m.yaml:1:1: mods: "),
        ("path: 7", "m.yaml:1:1: path: "),
        ("mods: [a]", "m.yaml:1:1: mods: expected an object"),
        (
            "mods:\n  a: 1",
            "m.yaml:2:3: mods.a: expected an object with `path`",
        ),
        ("mods:\n  a: {}", "m.yaml:2:6: mods.a.path: "),
        ("mods: {}\nmod: {}", "m.yaml:2:1: mod: unknown key"),
        (
            "network: {mods: {}}",
            "m.yaml:1:11: network.mods: expected a list",
        ),
        (
            "network: {mods: [{nam: a}]}",
            "m.yaml:1:19: network.mods[0].nam: unknown key",
        ),
        (
            "mods: {a: {path: x.y}}\n---\nmods: {a: {path: x.z}}",
            "m.yaml:3:8: mods.a: ",
        ),
    ] {
        let problems = problems(yaml);
        assert!(
            problems.iter().any(|it| it.starts_with(told)),
            "{yaml}: {problems:?}"
        );
    }
}
