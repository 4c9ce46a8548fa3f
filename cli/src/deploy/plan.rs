use clap::Args;
use hotbed_deploy::{
    Action, Collection, ConfigWarning, Difference, Effect, Owner, Plan, Prune, Standing, Step,
    TakeOver, Terms, shown_difference,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

use super::existing::{existing, existing_mods};
use super::{DirectoryArgs, complain, problems_json};
use crate::error::Error;
use crate::exit::Exit;
use crate::options::Format;
use crate::printable::Line;
use crate::session::Session;

/// What to compare with what is registered.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed diff
  hotbed diff configs --env production
  hotbed diff configs --prune --output json")]
pub struct PlanArgs {
    #[command(flatten)]
    pub(super) directory: DirectoryArgs,
    /// Also delete what this owner applied and the directory does not hold any more
    #[arg(long)]
    pub(super) prune: bool,
    #[command(flatten)]
    pub(super) owner: OwnerArgs,
}

/// Whose directory it is.
#[derive(Debug, Clone, Args)]
pub struct OwnerArgs {
    /// Who applies: what is applied is labelled with it, and only that is pruned
    #[arg(long, value_name = "NAME", default_value = "default")]
    owner: Owner,
    /// Make everything in the directory this owner's, also what somebody else or nobody owns
    #[arg(long)]
    take_over: bool,
}

/// What is to be done, and what the server will warn of when it is.
pub(super) struct Planned {
    pub(super) plan: Plan,
    warnings: BTreeMap<String, Vec<ConfigWarning>>,
}

impl PlanArgs {
    /// Makes a plan, or tells what is wrong with the directory. Nothing is written.
    pub(super) async fn plan(&self, session: &mut Session<'_>) -> Result<Option<Planned>, Error> {
        let check = self.directory.check(session).check;
        if !check.problems.is_empty() {
            if session.format == Format::Json {
                let document = json!({"problems": problems_json(&check.problems)});
                session.print_json(&document.to_string())?;
            }
            complain(&check.problems, session);
            session.note("nothing was compared, and nothing is changed");
            return Ok(None);
        }
        let terms = Terms {
            owner: self.owner.owner.clone(),
            prune: if self.prune {
                Prune::Delete
            } else {
                Prune::Keep
            },
            take_over: if self.owner.take_over {
                TakeOver::All
            } else {
                TakeOver::Refuse
            },
        };
        let bots = existing(session).await?;
        let mut plan = Plan::between(&check.deployment, &bots, &terms);
        if self.prune || !check.deployment.of(Collection::Mods).is_empty() {
            let mods = existing_mods(session).await?;
            plan = plan.and(Collection::Mods, &check.deployment, &mods, &terms);
        }
        Ok(Some(Planned {
            plan,
            warnings: check.warnings,
        }))
    }
}

pub(crate) async fn diff(args: &PlanArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let Some(planned) = args.plan(session).await? else {
        return Ok(Exit::Failed);
    };
    tell(&planned, session)?;
    Ok(if planned.plan.is_empty() {
        Exit::Done
    } else {
        Exit::Differs
    })
}

/// Tells what would be done.
pub(super) fn tell(planned: &Planned, session: &mut Session<'_>) -> Result<(), Error> {
    let Planned { plan, warnings } = planned;
    for (id, warnings) in warnings {
        for warning in warnings {
            session.warn(&format!("{id}: {warning}"));
        }
    }
    match session.format {
        Format::Json => session.print_json(&document(plan).to_string()),
        Format::Table => {
            let told = sentence(plan);
            session.print(|output| {
                for step in &plan.steps {
                    write(step, output)?;
                }
                writeln!(output, "{told}")
            })?;
            tell_of_others(plan, session);
            Ok(())
        }
    }
}

/// Tells what is as it should be, and is not this owner's.
fn tell_of_others(plan: &Plan, session: &mut Session<'_>) {
    let others = plan.unchanged.values().filter(|it| **it != Standing::Own);
    let others = others.count();
    if others > 0 {
        session.note(&format!(
            "{others} of those that are the same were not applied by this owner, so --prune leaves them alone; \
             --take-over makes them this owner's"
        ));
    }
}

fn sentence(plan: &Plan) -> String {
    let count = |is: fn(&Action) -> bool| plan.steps.iter().filter(|step| is(&step.action)).count();
    let mut parts = Vec::new();
    for (count, what) in [
        (count(|it| matches!(it, Action::Create { .. })), "to create"),
        (count(|it| matches!(it, Action::Update { .. })), "to update"),
        (count(|it| matches!(it, Action::Delete { .. })), "to delete"),
        (count(|it| matches!(it, Action::Refuse { .. })), "refused"),
        (plan.unchanged.len(), "the same"),
    ] {
        if count > 0 || what == "the same" {
            parts.push(format!("{count} {what}"));
        }
    }
    let mut sentence = vec![parts.join(", ")];
    for (effect, what) in [(Effect::Rebuilt, "rebuilt"), (Effect::Removed, "removed")] {
        let steps = plan.steps.iter().filter(|step| step.effect == effect);
        match steps.count() {
            0 => {}
            1 => sentence.push(format!("1 live instance is {what}")),
            count => sentence.push(format!("{count} live instances are {what}")),
        }
    }
    sentence.join("; ")
}

/// What a step does, in one line.
pub(super) fn headline(step: &Step) -> String {
    let id = step.name();
    let effect = match step.effect {
        Effect::None => "",
        Effect::Rebuilt => ", its live instance is rebuilt",
        Effect::Removed => ", its live instance is removed",
    };
    match &step.action {
        Action::Create { desired } => format!("+ {id} ({})", desired.file.display()),
        Action::Update { at, was, .. } => {
            let whose = match was {
                Standing::Own => String::new(),
                Standing::Unowned => ", nobody's until now".to_owned(),
                Standing::Others(owner) => format!(", taken over from {owner}"),
            };
            format!("~ {id} at revision {at}{effect}{whose}")
        }
        Action::Delete { at } => format!("- {id} at revision {at}{effect}"),
        Action::Refuse { owner, .. } => {
            format!("! {id} belongs to {owner}: leave it out, or use --take-over")
        }
    }
}

fn write(step: &Step, output: &mut dyn Write) -> io::Result<()> {
    writeln!(output, "{}", Line(&headline(step)))?;
    let Action::Update { differences, .. } = &step.action else {
        return Ok(());
    };
    for difference in differences.iter().map(shown_difference) {
        writeln!(output, "    {}", Line(&difference.name()))?;
        for (sign, line) in difference.lines() {
            writeln!(output, "      {sign} {}", Line(&line))?;
        }
    }
    Ok(())
}

fn document(plan: &Plan) -> Value {
    json!({
        "steps": plan.steps.iter().map(step_document).collect::<Vec<_>>(),
        "unchanged": plan.unchanged.keys().collect::<Vec<_>>(),
    })
}

/// A step for programs.
pub(super) fn step_document(step: &Step) -> Value {
    let (action, file, revision) = match &step.action {
        Action::Create { desired } => ("create", Some(&desired.file), None),
        Action::Update { desired, at, .. } => ("update", Some(&desired.file), Some(at)),
        Action::Delete { at } => ("delete", None, Some(at)),
        Action::Refuse { file, .. } => ("refuse", Some(file), None),
    };
    let differences: Vec<Difference> = match &step.action {
        Action::Update { differences, .. } => differences.iter().map(shown_difference).collect(),
        _ => Vec::new(),
    };
    let owner = match &step.action {
        Action::Update {
            was: Standing::Others(owner),
            ..
        }
        | Action::Refuse { owner, .. } => Some(owner),
        _ => None,
    };
    json!({
        "id": step.id,
        "collection": step.collection.as_str(),
        "action": action,
        "file": file.map(|file| file.display().to_string()),
        "revision": revision,
        "differences": differences,
        "instance": match step.effect {
            Effect::None => None,
            Effect::Rebuilt => Some("rebuilt"),
            Effect::Removed => Some("removed"),
        },
        "owner": owner,
    })
}
