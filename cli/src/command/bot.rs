use clap::Args;
use hotbed_api::{Instance, InstanceState, Registration};
use reqwest::RequestBuilder;
use reqwest::header::IF_MATCH;
use serde_json::Value;

use super::{NoteArgs, status_word};
use crate::error::Error;
use crate::exit::Exit;
use crate::json::pretty;
use crate::options::{Format, Name};
use crate::printable::Line;
use crate::session::Session;
use crate::table::Table;
use crate::time::{shown_duration, shown_time};

/// Which bot to write to, on which condition, and who does so and why.
#[derive(Debug, Clone, Args)]
pub struct WriteArgs {
    /// The bot
    id: Name,
    /// Only if it is at this revision; else nothing happens and the exit code is 4
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,
    #[command(flatten)]
    note: NoteArgs,
}

impl WriteArgs {
    /// The same request with the condition and the note.
    fn on(&self, request: RequestBuilder) -> RequestBuilder {
        let request = self.note.in_query(request);
        match self.if_revision {
            Some(revision) => request.header(IF_MATCH, format!("\"{revision}\"")),
            None => request,
        }
    }
}

/// Whether a bot is to serve.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Service {
    On,
    Off,
}

pub(crate) async fn get(id: &Name, session: &mut Session<'_>) -> Result<Exit, Error> {
    let answer = session
        .client
        .send(session.client.get(&["bots", id.as_str()]))
        .await?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => {
            let it: Registration = session.client.understand(&answer.body)?;
            let mut table = Table::default();
            table.row(["ID", &it.id]);
            table.row(["STATUS", status_word(it.status)]);
            table.row(["REVISION", &it.revision.to_string()]);
            table.row(["VERSION", &it.version.to_string()]);
            table.row(["CREATED", &shown_time(it.created_at)]);
            table.row(["UPDATED", &shown_time(it.updated_at)]);
            table.row(["LAST USED", &shown_time(it.last_accessed_at)]);
            table.row(["METADATA", &Value::Object(it.metadata).to_string()]);
            let config = pretty(&Value::Object(it.config).to_string());
            session.print(|output| {
                table.write(output)?;
                writeln!(output, "CONFIG\n{config}")
            })?;
        }
    }
    Ok(Exit::Done)
}

pub(crate) async fn set_service(
    args: &WriteArgs,
    service: Service,
    session: &mut Session<'_>,
) -> Result<Exit, Error> {
    let (verb, done) = match service {
        Service::On => ("activate", "activated"),
        Service::Off => ("deactivate", "deactivated"),
    };
    let request = session.client.post(&["bots", args.id.as_str(), verb]);
    let answer = session.client.send(args.on(request)).await?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => {
            let it: Registration = session.client.understand(&answer.body)?;
            session.print(|output| {
                writeln!(output, "{done} {}: revision {}", Line(&it.id), it.revision)
            })?;
        }
    }
    Ok(Exit::Done)
}

pub(crate) async fn delete(args: &WriteArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let request = session.client.delete(&["bots", args.id.as_str()]);
    session.client.send(args.on(request)).await?;
    // The answer has no content, so there is nothing to print as JSON.
    if session.format == Format::Table {
        session.print(|output| writeln!(output, "deleted {}", Line(args.id.as_str())))?;
    }
    Ok(Exit::Done)
}

pub(crate) async fn instance(id: &Name, session: &mut Session<'_>) -> Result<Exit, Error> {
    let answer = session
        .client
        .send(session.client.get(&["bots", id.as_str(), "instance"]))
        .await?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => {
            let it: Instance = session.client.understand(&answer.body)?;
            let mut table = Table::default();
            table.row(["ID", &it.id]);
            table.row(["STATE", state_word(it.state)]);
            table.row([
                "SERVES",
                &it.revision
                    .map_or("nothing".into(), |revision| format!("revision {revision}")),
            ]);
            table.row(["NEWEST", &format!("revision {}", it.observed)]);
            if let Some(ago) = it.built_ago_ms {
                table.row(["BUILT", &format!("{} ago", shown_duration(ago))]);
            }
            if let Some(error) = &it.error {
                let of = error
                    .revision
                    .map_or(String::new(), |revision| format!(" (revision {revision})"));
                table.row(["ERROR", &format!("{}: {}{of}", error.kind, error.message)]);
            }
            if let Some(retry_in) = it.retry_in_ms {
                table.row(["NEXT TRY", &format!("in {}", shown_duration(retry_in))]);
            }
            session.print(|output| table.write(output))?;
        }
    }
    Ok(Exit::Done)
}

/// The word for a state, for people.
pub(crate) fn state_word(state: InstanceState) -> &'static str {
    match state {
        InstanceState::Unloaded => "unloaded",
        InstanceState::Ready => "ready",
        InstanceState::Pending => "pending",
        InstanceState::Degraded => "degraded",
        InstanceState::Failed => "failed",
        InstanceState::Inactive => "inactive",
        InstanceState::Absent => "absent",
    }
}
