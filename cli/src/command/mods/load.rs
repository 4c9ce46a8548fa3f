use std::convert::Infallible;
use std::str::FromStr;

use clap::Args;
use hotbed_api::ModWrite;
use serde_json::Value;

use super::tell;
use crate::command::NoteArgs;
use crate::error::Error;
use crate::exit::Exit;
use crate::object_source::ObjectSource;
use crate::session::Session;

/// Which mod to load, and how.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed mods load openagents.mods.workspace.wiki
  hotbed mods load openagents.mods.core.shared_cache --id cache --config '{\"max_entries\": 1000}'
  hotbed mods load openagents.mods.workspace.project --config @project.yaml --scope town-square --by ada")]
pub struct LoadArgs {
    /// Where it comes from, as in `openagents.mods.workspace.wiki`
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    path: String,
    /// What it is to be called; the last part of its path unless given
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Its configuration: JSON, `@FILE` for a file of JSON or YAML, `-` for standard input
    #[arg(long, value_name = "JSON|@FILE|-")]
    config: Option<ObjectSource>,
    /// Only register it: it runs once it is enabled
    #[arg(long)]
    disabled: bool,
    /// Where it stands among others: a number, or `infrastructure`, `security`, `middleware`, `business` or
    /// `integration`
    #[arg(long, value_name = "PRIORITY")]
    priority: Option<ModPriority>,
    /// Grant it something: `service:NAME`, `event:PATTERN` or `*`; may be given several times
    #[arg(long = "permission", value_name = "PERMISSION")]
    permissions: Vec<String>,
    /// A channel in which its commands may be used, or `any`; may be given several times
    #[arg(long = "scope", value_name = "CHANNEL")]
    scopes: Vec<String>,
    #[command(flatten)]
    note: NoteArgs,
}

/// Where a mod stands among others, as a person typed it. Whether there is such a place is for the server to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModPriority(Value);

impl FromStr for ModPriority {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(match text.parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => text.into(),
        }))
    }
}

pub(super) async fn run(args: LoadArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let config = match args.config {
        Some(source) => Some(source.read(session).await?),
        None => None,
    };
    let said = |texts: Vec<String>| Some(texts).filter(|texts| !texts.is_empty());
    let write = ModWrite {
        id: args.id,
        path: args.path,
        config,
        enabled: args.disabled.then_some(Value::Bool(false)),
        priority: args.priority.map(|priority| priority.0),
        permissions: said(args.permissions),
        scopes: said(args.scopes),
        metadata: None,
    };
    let request = session.client.post(&["mods"]).json(&write);
    // Not `ask`: that there is no such mod yet is what is wanted.
    let answer = session.client.send(args.note.in_query(request)).await?;
    tell("loaded", &answer, session)
}
