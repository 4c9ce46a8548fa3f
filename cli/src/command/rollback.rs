use clap::Args;
use hotbed_api::{Rollback, Written};
use reqwest::header::IF_MATCH;

use super::{NoteArgs, status_word};
use crate::error::Error;
use crate::exit::Exit;
use crate::options::{Format, Name};
use crate::printable::Line;
use crate::session::Session;

/// To which version a bot shall go back.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed bots history greeter
  hotbed bots rollback greeter --to 41 --by ada --reason 'the new prompt was worse'
  hotbed bots rollback greeter --to 41 --if-revision 43")]
pub struct RollbackArgs {
    /// The bot
    id: Name,
    /// The revision of the version to go back to
    #[arg(long, value_name = "N")]
    to: u64,
    #[command(flatten)]
    note: NoteArgs,
    /// Only if it is at this revision; else nothing happens and the exit code is 4
    #[arg(long, value_name = "N", visible_alias = "if-match")]
    if_revision: Option<u64>,
}

pub(crate) async fn run(args: RollbackArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let body = Rollback {
        revision: args.to,
        by: args.note.by,
        reason: args.note.reason,
    };
    let path = ["bots", args.id.as_str(), "rollback"];
    let mut request = session.client.post(&path).json(&body);
    if let Some(revision) = args.if_revision {
        request = request.header(IF_MATCH, format!("\"{revision}\""));
    }
    let answer = session.client.send(request).await?;
    let written: Written = session.client.understand(&answer.body)?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => {
            let it = &written.registration;
            session.print(|output| {
                writeln!(
                    output,
                    "rolled back {}: revision {} is what revision {} was, {}",
                    Line(&it.id),
                    it.revision,
                    args.to,
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
