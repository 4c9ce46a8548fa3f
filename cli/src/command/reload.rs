use hotbed_api::{ReloadOutcome, ReloadReport, Reloaded};

use crate::error::Error;
use crate::exit::Exit;
use crate::options::{Format, Name};
use crate::printable::Line;
use crate::session::Session;
use crate::table::Table;

pub(crate) async fn one(id: &Name, session: &mut Session<'_>) -> Result<Exit, Error> {
    let answer = session
        .client
        .send(session.client.post(&["bots", id.as_str(), "reload"]))
        .await?;
    let it: Reloaded = session.client.understand(&answer.body)?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => {
            let now = it.revision.map_or("nothing serves now".into(), |revision| {
                format!("revision {revision} serves now")
            });
            session
                .print(|output| writeln!(output, "{} {}: {now}", word(it.outcome), Line(&it.id)))?;
        }
    }
    if it.outcome != ReloadOutcome::Failed {
        return Ok(Exit::Done);
    }
    session.complain(
        it.error
            .as_deref()
            .unwrap_or("no new instance could be built"),
    );
    Ok(Exit::Failed)
}

pub(crate) async fn all(session: &mut Session<'_>) -> Result<Exit, Error> {
    let answer = session
        .client
        .send(session.client.post(&["reload"]))
        .await?;
    let report: ReloadReport = session.client.understand(&answer.body)?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => {
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
            session.print(|output| table.write(output))?;
        }
    }
    Ok(if report.failed.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn word(outcome: ReloadOutcome) -> &'static str {
    match outcome {
        ReloadOutcome::Added => "added",
        ReloadOutcome::Refreshed => "refreshed",
        ReloadOutcome::Removed => "removed",
        ReloadOutcome::Failed => "failed",
    }
}
