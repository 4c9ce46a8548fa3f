//! What a plan says is what carrying it out does: to the registry, and to the instances that are in memory.

mod world;

use hotbed_deploy::{Action, Effect, Plan, Prune, Standing, Step, TakeOver, Terms};
use hotbed_testkit::sized;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeSet;
use world::{Content, Files, IDS, World};

/// Pairs of directories that are tried: in a soak as many as a plan must be true of, else as many as the gate has time for.
fn pairs() -> u64 {
    sized(1_500, 10_000)
}

/// **Plan truth.** A random directory is applied; others write, some bots are used; another random directory is planned
/// and applied, sometimes not to its end, sometimes while somebody writes.
///
/// Meant to catch: an update without its condition; a prune of what others own; the label left out of what is written; a
/// difference that is not looked for (status, metadata); a file whose text is taken for the one that it had before; a
/// deletion called an update; an effect foretold for what is not in memory.
#[tokio::test(start_paused = true)]
async fn plan_truth() {
    let mut files = Files::new();
    let first: u64 = rand::random();
    let mut seen = Seen::default();
    for pair in 0..pairs() {
        let mut chance = SmallRng::seed_from_u64(first.wrapping_add(pair));
        try_pair(&mut files, &mut chance, &mut seen)
            .await
            .unwrap_or_else(|wrong| panic!("seed {}: {wrong}", first.wrapping_add(pair)));
    }
    assert!(
        seen.all_often(pairs()),
        "the pairs are too much alike: {seen:?}"
    );
}

/// How often each thing was among the pairs.
#[derive(Debug, Default)]
struct Seen {
    created: usize,
    updated: usize,
    adopted: usize,
    taken_over: usize,
    deleted: usize,
    refused: usize,
    unchanged: usize,
    rebuilt: usize,
    removed: usize,
    conflicts: usize,
    interrupted: usize,
}

impl Seen {
    fn all_often(&self, pairs: u64) -> bool {
        let counts = [
            self.created,
            self.updated,
            self.adopted,
            self.taken_over,
            self.deleted,
            self.refused,
            self.unchanged,
            self.rebuilt,
            self.removed,
            self.conflicts,
            self.interrupted,
        ];
        counts.iter().all(|count| *count as u64 > pairs / 100)
    }

    fn note(&mut self, step: &Step) {
        match &step.action {
            Action::Create { .. } => self.created += 1,
            Action::Update { was, .. } => match was {
                Standing::Own => self.updated += 1,
                Standing::Unowned => self.adopted += 1,
                Standing::Others(_) => self.taken_over += 1,
            },
            Action::Delete { .. } => self.deleted += 1,
            Action::Refuse { .. } => self.refused += 1,
        }
        match step.effect {
            Effect::None => {}
            Effect::Rebuilt => self.rebuilt += 1,
            Effect::Removed => self.removed += 1,
        }
    }
}

/// Tries one pair; the error says what the plan did not foretell.
async fn try_pair(files: &mut Files, chance: &mut SmallRng, seen: &mut Seen) -> Result<(), String> {
    let world = World::new();
    let terms = terms(chance);
    files.write(chance);
    let first = files.deployment()?;
    let plan = Plan::between(&first, &world.existing().await, &terms);
    for step in &plan.steps {
        world.carry_out(step).await;
    }
    world.disturb(chance).await;
    world.use_some(chance).await;

    files.write(chance);
    let desired = files.deployment()?;
    let existing = world.existing().await;
    let plan = Plan::between(&desired, &existing, &terms);
    let live = world.live();
    for (id, registered) in &existing {
        check(registered.is_live == live.contains(id), || {
            format!("{id} is live?")
        })?;
    }
    let before = world.contents().await;

    let end = match chance.random_range(0..4) {
        0 => chance.random_range(0..=plan.steps.len()),
        _ => plan.steps.len(),
    };
    let meddled: BTreeSet<String> = if chance.random_ratio(1, 3) {
        world.meddle(chance).await
    } else {
        BTreeSet::new()
    };
    let meant = world.contents().await;
    world.forget_counts().await;

    let mut expected = meant.clone();
    let (mut rebuilt, mut removed) = (BTreeSet::new(), BTreeSet::new());
    for step in &plan.steps[..end] {
        let done = world.carry_out(step).await;
        let is_meant = !meddled.contains(&step.id) && !matches!(step.action, Action::Refuse { .. });
        check(done == is_meant, || {
            format!("done: {done}, of {step:?} with {meddled:?}")
        })?;
        seen.conflicts += usize::from(meddled.contains(&step.id));
        if !done {
            continue;
        }
        seen.note(step);
        match &step.action {
            Action::Create { desired } | Action::Update { desired, .. } => {
                expected.insert(step.id.clone(), Content::of(desired));
            }
            Action::Delete { .. } => drop(expected.remove(&step.id)),
            Action::Refuse { .. } => {}
        }
        match step.effect {
            Effect::None => {}
            Effect::Rebuilt => drop(rebuilt.insert(step.id.clone())),
            Effect::Removed => drop(removed.insert(step.id.clone())),
        }
    }
    seen.interrupted += usize::from(end < plan.steps.len());
    seen.unchanged += plan.unchanged.len();
    seen.refused += plan
        .steps
        .iter()
        .filter(|it| matches!(it.action, Action::Refuse { .. }))
        .count();

    let after = world.contents().await;
    check(after == expected, || {
        format!("holds {after:?}, not {expected:?}")
    })?;
    // What somebody else wrote has been rebuilt or removed by that already.
    let (was_rebuilt, was_removed) = world.fates(&live).await;
    check(was_rebuilt == rebuilt, || {
        format!("rebuilt {was_rebuilt:?}, not {rebuilt:?}")
    })?;
    check(was_removed == removed, || {
        format!("removed {was_removed:?}, not {removed:?}")
    })?;

    if meddled.is_empty() {
        holds_what_was_desired(&plan, &desired, &before, &after, &terms, end)?;
        let rest = Plan::between(&desired, &world.existing().await, &terms);
        let ids = |steps: &[Step]| steps.iter().map(|step| step.id.clone()).collect::<Vec<_>>();
        let left: Vec<_> = plan
            .steps
            .iter()
            .enumerate()
            .filter(|(at, step)| *at >= end || matches!(step.action, Action::Refuse { .. }))
            .map(|(_, step)| step.id.clone())
            .collect();
        check(ids(&rest.steps) == left, || {
            format!("left {:?}, not {left:?}", ids(&rest.steps))
        })?;
    }
    world.close().await;
    Ok(())
}

/// Without a look at the plan: what a directory says is there afterwards, and what it does not say is as it was.
fn holds_what_was_desired(
    plan: &Plan,
    desired: &hotbed_deploy::Deployment,
    before: &world::Contents,
    after: &world::Contents,
    terms: &Terms,
    end: usize,
) -> Result<(), String> {
    if end < plan.steps.len() {
        return Ok(());
    }
    let label = serde_json::json!(terms.owner.label());
    for id in IDS {
        let (was, is) = (before.get(id), after.get(id));
        let owner = was.and_then(|it| it.metadata.get("managed_by"));
        let is_own = owner == Some(&label);
        let is_others = owner.is_some() && !is_own;
        match desired.bot(id) {
            None if terms.prune == Prune::Delete && is_own => {
                check(is.is_none(), || format!("{id} is still there"))?;
            }
            None => check(was == is, || format!("{id} was touched"))?,
            Some(_) if is_others && terms.take_over == TakeOver::Refuse => {
                check(was == is, || format!("{id} is not this owner's"))?;
            }
            Some(bot) => {
                let is = is.ok_or_else(|| format!("{id} is not there"))?;
                let says = bot.says(is.config.as_map(), &is.metadata) && is.is_active;
                check(says, || format!("{id} is not what its file says"))?;
                let changed = was != Some(is);
                let labelled = is.metadata.get("managed_by") == Some(&label);
                check(labelled || !changed, || format!("{id} is not labelled"))?;
                check(labelled || terms.take_over == TakeOver::Refuse, || {
                    format!("{id} is not taken over")
                })?;
            }
        }
    }
    Ok(())
}

fn terms(chance: &mut SmallRng) -> Terms {
    Terms {
        owner: "web".parse().unwrap(),
        prune: if chance.random() {
            Prune::Delete
        } else {
            Prune::Keep
        },
        take_over: if chance.random_ratio(1, 3) {
            TakeOver::All
        } else {
            TakeOver::Refuse
        },
    }
}

fn check(holds: bool, wrong: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(wrong()) }
}
