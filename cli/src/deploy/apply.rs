use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use futures::{StreamExt, stream};
use hotbed_api::{Registration, RegistrationWrite, Written};
use hotbed_deploy::{Action, Desired, Plan, Step};
use reqwest::RequestBuilder;
use reqwest::header::{IF_MATCH, IF_NONE_MATCH};
use serde_json::json;
use tokio::time::Instant;

use super::outcome::{Outcome, Tally};
use super::plan::{PlanArgs, tell};
use crate::backoff::Backoff;
use crate::client::{Answer, Client};
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

/// Under it a write that is sent again is not done twice.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

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
    let is_over = AtomicBool::new(false);
    let begun: Vec<_> = plan.steps.iter().map(|_| AtomicBool::new(false)).collect();
    let mut outcomes = Vec::new();
    let client = session.client.clone();
    let steps = plan.steps.iter().zip(&begun).map(async |(step, begun)| {
        if is_over.load(Ordering::Relaxed) {
            return Outcome::NotSent;
        }
        begun.store(true, Ordering::Relaxed);
        let outcome = carry_out_one(step, note, &client, patience, &is_over).await;
        if matches!(outcome, Outcome::NotSent | Outcome::Unknown(_)) {
            is_over.store(true, Ordering::Relaxed);
        }
        outcome
    });
    let mut steps = std::pin::pin!(stream::iter(steps).buffered(AT_ONCE));
    let mut told = Instant::now();
    loop {
        let outcome = tokio::select! {
            biased;
            () = interrupts.next() => {
                if is_over.swap(true, Ordering::Relaxed) {
                    break;
                }
                session.note("stopping: waiting for what was sent; a second signal ends at once");
                continue;
            }
            outcome = steps.next() => outcome,
        };
        let Some(outcome) = outcome else {
            break;
        };
        tell_one(&plan.steps[outcomes.len()], &outcome, session)?;
        outcomes.push(outcome);
        if told.elapsed() >= EVERY {
            told = Instant::now();
            session.note(&format!("{} of {}", outcomes.len(), plan.steps.len()));
        }
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
            session.warn(&format!("{}: {warning}", step.id));
        }
    }
    if let Some(line) = outcome.failure(step) {
        session.complain(&line);
    }
    Ok(())
}

/// Does one step, under the condition that nobody wrote since the plan was made. A server that has no time, or cannot reach
/// its registry, is asked again for as long as one is patient.
async fn carry_out_one(
    step: &Step,
    note: &NoteArgs,
    client: &Client,
    patience: Duration,
    is_over: &AtomicBool,
) -> Outcome {
    let path = ["bots", step.id.as_str()];
    let key = format!("apply-{:032x}", rand::random::<u128>());
    let begun = Instant::now();
    let mut backoff = Backoff::default();
    let mut was_refused = false;
    loop {
        let request = match &step.action {
            Action::Create { desired } => {
                put(client.put(&path), desired).header(IF_NONE_MATCH, "*")
            }
            Action::Update { desired, at, .. } => {
                put(client.put(&path), desired).header(IF_MATCH, format!("\"{at}\""))
            }
            Action::Delete { at } => client.delete(&path).header(IF_MATCH, format!("\"{at}\"")),
            Action::Refuse { owner, .. } => {
                return Outcome::Refused(format!(
                    "it belongs to {owner}: leave it out, or use --take-over"
                ));
            }
        };
        let request = note.in_query(request).header(IDEMPOTENCY_KEY, &key);
        let error = match client.send(request).await {
            Ok(answer) => return done(&answer),
            Err(error) => error,
        };
        if error.is_busy() && begun.elapsed() < patience && !is_over.load(Ordering::Relaxed) {
            was_refused = true;
            tokio::time::sleep(backoff.next_delay()).await;
            continue;
        }
        let outcome = Outcome::of_error(&error);
        // The attempt before may have been refused by somebody who did not learn that it was done.
        if was_refused
            && matches!(outcome, Outcome::Conflict(_))
            && let Some(done) = done_already(step, client).await
        {
            return done;
        }
        return outcome;
    }
}

fn done(answer: &Answer) -> Outcome {
    // A deletion is answered with nothing but its revision.
    let written = serde_json::from_str::<Written>(&answer.body).ok();
    let revision = written.as_ref().map(|it| it.registration.revision);
    Outcome::Done {
        revision: revision.or(answer.revision),
        warnings: written.map(|it| it.warnings).unwrap_or_default(),
    }
}

/// What a step wanted, if that is how it is.
async fn done_already(step: &Step, client: &Client) -> Option<Outcome> {
    let found = client.send(client.get(&["bots", step.id.as_str()])).await;
    let (found, wanted) = match (found, &step.action) {
        (Err(error), Action::Delete { .. }) if error.exit() == Exit::NotFound => {
            return Some(Outcome::Done {
                revision: None,
                warnings: Vec::new(),
            });
        }
        (Ok(found), Action::Create { desired } | Action::Update { desired, .. }) => {
            (found, desired)
        }
        _ => return None,
    };
    let found: Registration = client.understand(&found.body).ok()?;
    let is_wanted = found.config == *wanted.config.as_map()
        && found.status == hotbed_api::Status::Active
        && wanted
            .metadata
            .iter()
            .all(|(key, value)| found.metadata.get(key) == Some(value));
    is_wanted.then(|| Outcome::Done {
        revision: Some(found.revision),
        warnings: Vec::new(),
    })
}

fn put(request: RequestBuilder, desired: &Desired) -> RequestBuilder {
    request.json(&RegistrationWrite {
        bot_id: None,
        id: None,
        config: desired.config.as_map().clone(),
        status: Some(hotbed_api::Status::Active),
        metadata: Some(desired.metadata.clone()),
    })
}
