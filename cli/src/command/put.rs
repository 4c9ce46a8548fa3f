use std::path::PathBuf;

use clap::Args;
use hotbed_api::{RegistrationWrite, Written};
use reqwest::StatusCode;
use reqwest::header::{IF_MATCH, IF_NONE_MATCH};
use serde_json::{Map, Value};

use super::{NoteArgs, Status, status_word};
use crate::document::parse_object;
use crate::error::Error;
use crate::exit::Exit;
use crate::object_source::read_file;
use crate::options::{Format, Name};
use crate::printable::Line;
use crate::session::Session;

/// What a bot shall be.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed bots put greeter --config '{\"llm\": {\"provider\": \"echo\", \"model\": \"echo-1\"}}'
  hotbed bots put greeter --file greeter.yaml --metadata '{\"team\": \"support\"}'
  hotbed bots put greeter --file - --if-revision 41 < greeter.json")]
pub struct PutArgs {
    /// The bot
    id: Name,
    #[command(flatten)]
    source: ConfigSource,
    /// The status; active unless given
    #[arg(long)]
    status: Option<Status>,
    /// Replaces the metadata; unless given, it stays as it is, but for who wrote last and why
    #[arg(long, value_name = "JSON", value_parser = parse_object)]
    metadata: Option<Map<String, Value>>,
    #[command(flatten)]
    note: NoteArgs,
    /// Only if it is at this revision; else nothing happens and the exit code is 4
    #[arg(long, value_name = "N", conflicts_with = "create_only")]
    if_revision: Option<u64>,
    /// Only if it is not registered yet; else nothing happens and the exit code is 4
    #[arg(long)]
    create_only: bool,
}

/// Where the configuration comes from.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct ConfigSource {
    /// A file that holds the configuration as JSON or YAML; `-` is standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The configuration as JSON
    #[arg(long, value_name = "JSON", value_parser = parse_object)]
    config: Option<Map<String, Value>>,
}

pub(crate) async fn run(args: PutArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let config = if let Some(config) = args.source.config {
        config
    } else {
        let file = args.source.file;
        let file = file.expect("clap demands one source or the other");
        read_file(&file, session).await?
    };
    let write = RegistrationWrite {
        bot_id: None,
        id: None,
        config,
        status: args.status.map(Into::into),
        metadata: args.metadata,
    };
    let request = session.client.put(&["bots", args.id.as_str()]).json(&write);
    let mut request = args.note.in_query(request);
    if let Some(revision) = args.if_revision {
        request = request.header(IF_MATCH, format!("\"{revision}\""));
    }
    if args.create_only {
        request = request.header(IF_NONE_MATCH, "*");
    }
    let answer = session.client.send(request).await?;
    let written: Written = session.client.understand(&answer.body)?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => {
            let done = if answer.status == StatusCode::CREATED {
                "created"
            } else {
                "updated"
            };
            let it = &written.registration;
            session.print(|output| {
                writeln!(
                    output,
                    "{done} {}: revision {}, {}",
                    Line(&it.id),
                    it.revision,
                    status_word(it.status)
                )
            })?;
        }
    }
    for warning in &written.warnings {
        session.warn(warning);
    }
    Ok(Exit::Done)
}
