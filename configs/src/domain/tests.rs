use serde_json::json;

use super::*;

fn refused(yaml: &str) -> String {
    parse_domain("bots.yaml", yaml).unwrap_err().to_string()
}

#[test]
fn a_domain_is_a_bot_with_an_id_and_metadata() {
    let bots = parse_domain(
        "my-bot.yaml",
        "
domain:
  id: my-bot
  name: My Bot
  tags: [a]
bot:
  registry:
    $resource: registry
    type: databases
  prompt: ${PROMPT}
",
    )
    .unwrap();
    assert_eq!(bots.len(), 1);
    assert_eq!(bots[0].id, "my-bot");
    assert_eq!(
        Value::Object(bots[0].metadata.clone()),
        json!({"name": "My Bot", "tags": ["a"]})
    );
    assert_eq!(
        Value::Object(bots[0].config.as_map().clone()),
        json!({"registry": {"$resource": "registry", "type": "databases"}, "prompt": "${PROMPT}"})
    );
}

#[test]
fn a_file_may_hold_several_bots_and_none() {
    let yaml = "---\ndomain: {id: a}\nbot: {}\n---\n---\ndomain: {id: b}\nbot: {x: 1}\n";
    let ids: Vec<_> = parse_domain("bots.yaml", yaml)
        .unwrap()
        .into_iter()
        .map(|bot| bot.id)
        .collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(parse_domain("bots.yaml", "# later\n"), Ok(vec![]));
}

#[test]
fn all_problems_of_all_documents_are_reported_together() {
    let yaml = "
domain: {name: x}
bots: {}
---
domain:
  id: 7
bot: []
---
- a
---
domain: {id: ''}
bot: {}
---
domain: {id: a}
bot: {}
---
domain:
  id: a
bot: {}
---
bot: {}
";
    assert_eq!(
        refused(yaml),
        "\
bots.yaml:2:1: bot: required, but not given; add it
bots.yaml:2:9: domain.id: required, but not given; add it
bots.yaml:3:1: bots: unknown key; known here: domain, bot; did you mean `bot`?
bots.yaml:6:3: domain.id: expected a string, found a number
bots.yaml:7:1: bot: expected an object, found a list
bots.yaml:9:1: expected an object with `domain` and `bot`, found a list
bots.yaml:11:10: domain.id: must not be empty
bots.yaml:18:3: domain.id: the id `a` is used twice in this file; each bot needs its own
bots.yaml:21:1: domain: required, but not given; add it"
    );
}

#[test]
fn thousands_of_broken_documents_are_reported_in_bounded_time() {
    let errors = parse_domain("bots.yaml", &"---\nbot: {}\n".repeat(20_000)).unwrap_err();
    assert_eq!(errors.iter().count(), 100);
    assert_eq!(errors.unlisted(), 19_900);
}
