use std::sync::Arc;

use hotbed_configs::{parse_domain, parse_mods};

use super::*;
use crate::directory::{DomainFile, ModFile, Reading};

fn deployment(yaml: &str) -> Deployment {
    let bots = Arc::new(parse_domain("a.yaml", yaml));
    let file = DomainFile {
        path: "a.yaml".into(),
        text: "".into(),
        bots,
    };
    Deployment::prove(&Reading {
        root: "configs".into(),
        environments: Vec::new(),
        domains: vec![file],
        mods: Vec::new(),
        schemas: Vec::new(),
        problems: Vec::new(),
        parsed: 0,
    })
    .unwrap()
}

fn registered(config: Value, metadata: Value, revision: u64) -> Registered {
    let (Value::Object(config), Value::Object(metadata)) = (config, metadata) else {
        panic!("no objects")
    };
    Registered {
        config,
        status: "active".to_owned(),
        metadata,
        revision,
        is_live: false,
    }
}

fn existing<const N: usize>(all: [(&str, Registered); N]) -> BTreeMap<String, Registered> {
    all.map(|(id, it)| (id.to_owned(), it)).into()
}

fn terms(prune: Prune, take_over: TakeOver) -> Terms {
    Terms {
        owner: "web".parse().unwrap(),
        prune,
        take_over,
    }
}

fn plan(desired: &str, existing: &BTreeMap<String, Registered>) -> Plan {
    let terms = terms(Prune::Keep, TakeOver::Refuse);
    Plan::between(&deployment(desired), existing, &terms)
}

/// Each step as `verb id@revision`.
fn told(plan: &Plan) -> Vec<String> {
    let tell = |step: &Step| match &step.action {
        Action::Create { .. } => format!("create {}", step.id),
        Action::Update {
            at, differences, ..
        } => {
            let names: Vec<_> = differences.iter().map(Difference::name).collect();
            format!("update {}@{at} {}", step.id, names.join(" "))
        }
        Action::Delete { at } => format!("delete {}@{at}", step.id),
        Action::Refuse { owner, .. } => format!("refuse {} of {owner}", step.id),
    };
    plan.steps.iter().map(tell).collect()
}

const OWN: &str = "hotbed-apply:web";

#[test]
fn what_is_not_registered_is_created_with_the_label_of_its_owner() {
    let plan = plan("domain: {id: a, team: x}\nbot: {n: 1}", &BTreeMap::new());
    assert_eq!(told(&plan), ["create a"]);
    let Action::Create { desired } = &plan.steps[0].action else {
        panic!("{plan:?}")
    };
    assert_eq!(
        Value::Object(desired.metadata.clone()),
        json!({"team": "x", "managed_by": OWN})
    );
    assert_eq!(plan.steps[0].effect, Effect::None);
}

/// Caught: to compare without the status, with the note of the last write, or with anything at all left out.
#[test]
fn what_differs_is_updated_field_by_field_and_what_does_not_is_left_alone() {
    let same = json!({"managed_by": OWN, "changed_by": "ada", "change_reason": "why not", "reload_mark": "7"});
    let mut inactive = registered(json!({"n": 1}), json!({"managed_by": OWN}), 9);
    inactive.status = "inactive".to_owned();
    let existing = existing([
        ("a", registered(json!({"n": 1}), same, 7)),
        (
            "b",
            registered(
                json!({"n": {"m": 1, "k": 2}}),
                json!({"managed_by": OWN, "old": 1}),
                8,
            ),
        ),
        ("c", inactive),
    ]);
    let plan = plan(
        "domain: {id: a}\nbot: {n: 1}\n---\n\
         domain: {id: b, new: 1}\nbot: {n: {m: 2, k: 2}}\n---\n\
         domain: {id: c}\nbot: {n: 1}",
        &existing,
    );
    assert_eq!(
        told(&plan),
        [
            "update b@8 config.n.m metadata.old metadata.new",
            "update c@9 status"
        ]
    );
    assert_eq!(plan.unchanged.keys().collect::<Vec<_>>(), ["a"]);
}

/// Caught: to delete what nobody or somebody else owns, or without being told to.
#[test]
fn only_what_this_owner_applied_is_pruned_and_only_on_demand() {
    let mut own = registered(json!({}), json!({"managed_by": OWN}), 3);
    own.is_live = true;
    let existing = existing([
        ("gone", own),
        (
            "hers",
            registered(json!({}), json!({"managed_by": "hotbed-apply:web2"}), 4),
        ),
        ("free", registered(json!({}), json!({}), 5)),
    ]);
    let desired = deployment("domain: {id: a}\nbot: {}");
    let of = |prune| Plan::between(&desired, &existing, &terms(prune, TakeOver::All));
    assert_eq!(told(&of(Prune::Keep)), ["create a"]);
    let pruning = of(Prune::Delete);
    assert_eq!(told(&pruning), ["create a", "delete gone@3"]);
    assert_eq!(pruning.steps[1].effect, Effect::Removed);
}

/// Caught: to write what others own; to hide that something was nobody's; to label what needs no write.
#[test]
fn what_others_own_is_refused_and_what_nobody_owns_is_adopted_with_its_next_change() {
    let others = || json!({"managed_by": "hotbed-apply:ops"});
    let existing = existing([
        ("free", registered(json!({"n": 1}), json!({}), 1)),
        ("free-same", registered(json!({}), json!({}), 2)),
        ("hers", registered(json!({"n": 1}), others(), 3)),
        ("hers-same", registered(json!({}), others(), 4)),
    ]);
    let ids = ["free", "free-same", "hers", "hers-same"];
    let yaml = ids
        .map(|id| format!("domain: {{id: {id}}}\nbot: {{}}\n"))
        .join("---\n");
    let desired = deployment(&yaml);
    let refusing = Plan::between(&desired, &existing, &terms(Prune::Delete, TakeOver::Refuse));
    assert_eq!(
        told(&refusing),
        [
            "update free@1 config.n metadata.managed_by",
            "refuse hers of ops"
        ]
    );
    let Action::Update { was, .. } = &refusing.steps[0].action else {
        panic!("{refusing:?}")
    };
    assert_eq!(*was, Standing::Unowned);
    assert_eq!(refusing.unchanged["free-same"], Standing::Unowned);
    assert_eq!(
        refusing.unchanged["hers-same"],
        Standing::Others("ops".to_owned())
    );

    let taking = Plan::between(&desired, &existing, &terms(Prune::Delete, TakeOver::All));
    assert_eq!(
        told(&taking),
        [
            "update free@1 config.n metadata.managed_by",
            "update free-same@2 metadata.managed_by",
            "update hers@3 config.n metadata.managed_by",
            "update hers-same@4 metadata.managed_by",
        ]
    );
}

/// Caught: to call rebuilt what nobody holds, or what is refused.
#[test]
fn what_is_in_memory_is_rebuilt_by_any_new_revision() {
    let live = |config: Value, owner: &str| Registered {
        is_live: true,
        ..registered(config, json!({"managed_by": owner}), 1)
    };
    let existing = existing([
        ("a", live(json!({"n": 2}), OWN)),
        ("b", live(json!({}), OWN)),
        (
            "c",
            registered(json!({"n": 2}), json!({"managed_by": OWN}), 1),
        ),
        ("d", live(json!({"n": 2}), "hotbed-apply:ops")),
    ]);
    let yaml = ["a", "b", "c", "d"]
        .map(|id| format!("domain: {{id: {id}}}\nbot: {{}}\n"))
        .join("---\n");
    let effects: Vec<_> = plan(&yaml, &existing)
        .steps
        .into_iter()
        .map(|step| (step.id, step.effect))
        .collect();
    let expected = [
        ("a", Effect::Rebuilt),
        ("c", Effect::None),
        ("d", Effect::None),
    ];
    assert_eq!(
        effects,
        expected.map(|(id, effect)| (id.to_owned(), effect))
    );
}

/// Meant to catch: a mod that is compared with a bot of its name, one that is pruned for a bot's sake.
#[test]
fn mods_are_planned_beside_the_bots() {
    let mods = Arc::new(parse_mods(
        "m.yaml",
        "mods: {a: {path: x.a}, b: {path: x.b}, c: {path: x.c}}",
    ));
    let desired = Deployment::prove(&Reading {
        root: "configs".into(),
        environments: Vec::new(),
        domains: Vec::new(),
        mods: vec![ModFile {
            path: "m.yaml".into(),
            mods,
        }],
        schemas: Vec::new(),
        problems: Vec::new(),
        parsed: 0,
    })
    .unwrap();
    let on = terms(Prune::Delete, TakeOver::Refuse);
    let own = || json!({MANAGED_BY: on.owner.label()});
    let bots = existing([("a", registered(json!({}), own(), 5))]);
    let there = existing([
        ("b", registered(json!({"path": "x.old"}), own(), 7)),
        ("c", registered(json!({"path": "x.c"}), own(), 8)),
        ("d", registered(json!({"path": "x.d"}), own(), 9)),
    ]);
    let on = terms(Prune::Delete, TakeOver::Refuse);
    let plan = Plan::between(&desired, &bots, &on).and(Collection::Mods, &desired, &there, &on);
    let names: Vec<String> = plan.steps.iter().map(Step::name).collect();
    assert_eq!(names, ["a", "mods/a", "mods/b", "mods/d"]);
    assert!(matches!(plan.steps[0].action, Action::Delete { at: 5 }));
    assert!(matches!(plan.steps[1].action, Action::Create { .. }));
    assert!(matches!(plan.steps[2].action, Action::Update { at: 7, .. }));
    assert!(matches!(plan.steps[3].action, Action::Delete { at: 9 }));
    assert_eq!(plan.unchanged.keys().collect::<Vec<_>>(), ["mods/c"]);
}
