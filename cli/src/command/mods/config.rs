use clap::Args;
use hotbed_api::ModConfig;
use reqwest::header::IF_MATCH;
use serde_json::Value;

use super::{ask, tell};
use crate::command::NoteArgs;
use crate::error::Error;
use crate::exit::Exit;
use crate::json::pretty;
use crate::object_source::ObjectSource;
use crate::options::{Format, Name};
use crate::session::Session;

/// Which configuration to show, or what to make of it.
#[derive(Debug, Clone, Args)]
#[command(
    mut_arg("by", |by| by.requires("set")),
    mut_arg("reason", |reason| reason.requires("set")),
    after_help = "\
Examples:
  hotbed mods config wiki
  hotbed mods config wiki --set '{\"max_pages\": 100}' --merge --by ada
  hotbed mods config wiki --set @wiki.yaml --if-revision 41"
)]
pub struct ModConfigArgs {
    /// The mod, by its id or its path
    id: Name,
    /// What it is to be: JSON, `@FILE` for a file of JSON or YAML, `-` for standard input
    #[arg(long, value_name = "JSON|@FILE|-")]
    set: Option<ObjectSource>,
    /// Put it over what is there: objects key by key, and null takes a key away
    #[arg(long, requires = "set")]
    merge: bool,
    /// Only if the mod is at this revision; else nothing happens and the exit code is 4
    #[arg(long, value_name = "N", requires = "set")]
    if_revision: Option<u64>,
    #[command(flatten)]
    note: NoteArgs,
}

pub(super) async fn run(args: ModConfigArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let path = ["mods", args.id.as_str(), "config"];
    let Some(source) = args.set else {
        let answer = ask(session.client.get(&path), session).await?;
        match session.format {
            Format::Json => session.print_json(&answer.body)?,
            Format::Table => {
                let it: ModConfig = session.client.understand(&answer.body)?;
                let config = pretty(&Value::Object(it.config).to_string());
                session.print(|output| writeln!(output, "{config}"))?;
            }
        }
        return Ok(Exit::Done);
    };
    let config = source.read(session).await?;
    let mut request = session.client.put(&path).json(&ModConfig { config });
    if args.merge {
        request = request.query(&[("merge", "true")]);
    }
    if let Some(revision) = args.if_revision {
        request = request.header(IF_MATCH, format!("\"{revision}\""));
    }
    let answer = ask(args.note.in_query(request), session).await?;
    tell("configured", &answer, session)
}
