use clap::Args;
use hotbed_api::{ReloadOutcome, ReloadReport, Reloaded};

use crate::error::Error;
use crate::exit::Exit;
use crate::options::{Format, Name};
use crate::printable::{Line, Text};
use crate::session::Session;
use crate::table::Table;

mod foretold;
mod named;

/// What to build anew.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed reload
  hotbed reload --dry-run
  hotbed reload wiki")]
pub struct ReloadArgs {
    /// A bot or a mod; everything unless given. Where a bot and a mod have the same id, both are meant
    id: Option<Name>,
    /// Only say what would be done. Whether it can be built, only building it tells
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(args: &ReloadArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    match &args.id {
        None => all(args.dry_run, session).await,
        Some(id) if args.dry_run => foretold::run(id, session).await,
        Some(id) => named::run(id, session).await,
    }
}

/// Builds one bot anew.
pub(crate) async fn bot(id: &Name, session: &mut Session<'_>) -> Result<Exit, Error> {
    let request = session.client.post(&["bots", id.as_str(), "reload"]);
    let answer = session.client.send(request).await?;
    let it: Reloaded = session.client.understand(&answer.body)?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => {
            let (what, now) = (word(it.outcome), serving(&it));
            session.print(|output| writeln!(output, "{what} {}: {now}", Line(&it.id)))?;
        }
    }
    Ok(verdict(&it, session))
}

async fn all(is_dry_run: bool, session: &mut Session<'_>) -> Result<Exit, Error> {
    let mut request = session.client.post(&["reload"]);
    if is_dry_run {
        request = request.query(&[("dry_run", "true")]);
    }
    let answer = session.client.send(request).await?;
    let report: ReloadReport = session.client.understand(&answer.body)?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => {
            let table = bots(&report);
            session.print(|output| {
                if is_dry_run {
                    writeln!(output, "Nothing was done. A reload would do this:")?;
                }
                table.write(output)?;
                match report.mods.text.as_str() {
                    "" => Ok(()),
                    text => writeln!(output, "\n{}", Text(text)),
                }
            })?;
        }
    }
    let is_done = report.failed.is_empty() && report.mods.failed.is_empty();
    Ok(if is_done { Exit::Done } else { Exit::Failed })
}

fn bots(report: &ReloadReport) -> Table<3> {
    let mut table = Table::default();
    table.row(["ID", "OUTCOME", "ERROR"]);
    let done = [
        (&report.added, ReloadOutcome::Added),
        (&report.refreshed, ReloadOutcome::Refreshed),
        (&report.removed, ReloadOutcome::Removed),
    ];
    for (ids, outcome) in done {
        for id in ids {
            table.row([id, word(outcome), ""]);
        }
    }
    for failed in &report.failed {
        table.row([&failed.id, word(ReloadOutcome::Failed), &failed.error]);
    }
    table
}

/// Which revision of a bot serves, as a sentence.
fn serving(it: &Reloaded) -> String {
    it.revision.map_or("nothing serves now".into(), |revision| {
        format!("revision {revision} serves now")
    })
}

/// Fails if no new instance of a bot could be built, and says why.
fn verdict(it: &Reloaded, session: &mut Session<'_>) -> Exit {
    if it.outcome != ReloadOutcome::Failed {
        return Exit::Done;
    }
    let error = it.error.as_deref();
    session.complain(error.unwrap_or("no new instance could be built"));
    Exit::Failed
}

fn word(outcome: ReloadOutcome) -> &'static str {
    match outcome {
        ReloadOutcome::Added => "added",
        ReloadOutcome::Refreshed => "refreshed",
        ReloadOutcome::Removed => "removed",
        ReloadOutcome::Failed => "failed",
    }
}
