use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use futures::{StreamExt, stream};
use hotbed_deploy::{Plan, Step};
use serde_json::json;
use tokio::time::{Instant, interval_at};

use super::errand::Errand;
use super::outcome::{Outcome, Tally};
use super::plan::{PlanArgs, tell};
use crate::command::NoteArgs;
use crate::command::fleet::{FleetWaitArgs, applied};
use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::Interrupts;
use crate::options::Format;
use crate::printable::Line;
use crate::session::Session;

/// How many writes are under way at once.
const AT_ONCE: usize = 16;

/// How often it is told how far a long run has come.
const EVERY: Duration = Duration::from_secs(2);

/// What to make so.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed apply
  hotbed apply configs --env production --dry-run
  hotbed apply configs --prune --wait --by ada --reason 'release 7'")]
pub struct ApplyArgs {
    #[command(flatten)]
    plan: PlanArgs,
    /// Show what would be done and end with exit code 2 if that is anything
    #[arg(long)]
    dry_run: bool,
    /// Wait until every node has applied what was written, as long as --timeout
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    note: NoteArgs,
}

pub(crate) async fn run(
    args: &ApplyArgs,
    patience: Duration,
    session: &mut Session<'_>,
) -> Result<Exit, Error> {
    let Some(planned) = args.plan.plan(session).await? else {
        return Ok(Exit::Failed);
    };
    let plan = &planned.plan;
    if args.dry_run {
        tell(&planned, session)?;
        return Ok(if plan.is_empty() {
            Exit::Done
        } else {
            Exit::Differs
        });
    }
    let outcomes = carry_out(plan, &args.note, patience, session).await?;
    let results = || plan.steps.iter().zip(&outcomes);
    let newest = outcomes.iter().filter_map(Outcome::revision).max();
    let is_done = outcomes.iter().all(Outcome::is_done);
    let waited = if args.wait && (is_done || newest.is_some()) {
        let wanted = FleetWaitArgs::for_bots(newest);
        Some(applied(&wanted, patience, session).await?)
    } else {
        None
    };
    let tally = Tally::of(results());
    match session.format {
        Format::Json => {
            let steps: Vec<_> = results().map(|(step, it)| it.document(step)).collect();
            let document = json!({
                "steps": steps,
                "counts": tally.document(),
                "unchanged": plan.unchanged.keys().collect::<Vec<_>>(),
                "fleet": waited.as_ref().map(|it| &it.told),
            });
            session.print_json(&document.to_string())?;
        }
        Format::Table => {
            let told = format!("{}, {} the same", tally.sentence(), plan.unchanged.len());
            session.print(|output| {
                writeln!(output, "{told}")?;
                match &waited {
                    Some(it) => writeln!(output, "{}", it.told),
                    None => Ok(()),
                }
            })?;
        }
    }
    for warning in waited.iter().flat_map(|it| &it.missing) {
        session.warn(warning);
    }
    let fleet = waited.map_or(Exit::Done, |it| it.exit());
    Ok(if is_done { fleet } else { Exit::Failed })
}

/// Does every step, several at once, and tells of each in the order of the plan. A step that cannot be done does not keep
/// the others from being done, unless nobody answers any more; neither are any begun when the command is to end.
async fn carry_out(
    plan: &Plan,
    note: &NoteArgs,
    patience: Duration,
    session: &mut Session<'_>,
) -> Result<Vec<Outcome>, Error> {
    let mut interrupts = Interrupts::listen().map_err(Error::Signals)?;
    let begun: Vec<_> = plan.steps.iter().map(|_| AtomicBool::new(false)).collect();
    let mut outcomes = Vec::new();
    let client = session.client.clone();
    let errand = Errand::new(&client, note, patience);
    let steps = plan.steps.iter().zip(&begun).map(async |(step, begun)| {
        if errand.is_over() {
            return Outcome::NotSent;
        }
        begun.store(true, Ordering::Relaxed);
        let outcome = errand.run(step).await;
        if matches!(outcome, Outcome::NotSent | Outcome::Unknown(_)) {
            errand.end();
        }
        outcome
    });
    let mut steps = std::pin::pin!(stream::iter(steps).buffered(AT_ONCE));
    let mut progress = interval_at(Instant::now() + EVERY, EVERY);
    loop {
        let outcome = tokio::select! {
            biased;
            () = interrupts.next() => {
                if errand.end() {
                    break;
                }
                session.note("stopping: waiting for what was sent; a second signal ends at once");
                continue;
            }
            _ = progress.tick() => {
                let waiting = match errand.waiting() {
                    0 => "",
                    _ => ": the server has no time, or no registry, and is asked again",
                };
                session.note(&format!("{} of {}{waiting}", outcomes.len(), plan.steps.len()));
                continue;
            }
            outcome = steps.next() => outcome,
        };
        let Some(outcome) = outcome else {
            break;
        };
        tell_one(&plan.steps[outcomes.len()], &outcome, session)?;
        outcomes.push(outcome);
    }
    for (step, begun) in plan.steps.iter().zip(&begun).skip(outcomes.len()) {
        let outcome = if begun.load(Ordering::Relaxed) {
            Outcome::Unknown("stopped before the server answered".to_owned())
        } else {
            Outcome::NotSent
        };
        tell_one(step, &outcome, session)?;
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

fn tell_one(step: &Step, outcome: &Outcome, session: &mut Session<'_>) -> Result<(), Error> {
    if let (Some(line), Format::Table) = (outcome.success(step), session.format) {
        session.print(|output| writeln!(output, "{}", Line(&line)))?;
    }
    if let Outcome::Done { warnings, .. } = outcome {
        for warning in warnings {
            session.warn(&format!("{}: {warning}", step.name()));
        }
    }
    if let Some(line) = outcome.failure(step) {
        session.complain(&line);
    }
    Ok(())
}
