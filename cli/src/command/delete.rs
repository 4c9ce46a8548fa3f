use clap::Args;
use reqwest::header::IF_MATCH;

use crate::error::Error;
use crate::exit::Exit;
use crate::options::BotId;
use crate::session::Session;

/// Which bot to delete.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed bots delete greeter
  hotbed bots delete greeter --if-revision 41")]
pub struct DeleteArgs {
    /// The bot
    id: BotId,
    /// Only if it is at this revision; else nothing happens and the exit code is 4
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,
}

pub(crate) async fn run(args: DeleteArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let mut request = session.client.delete(&["bots", args.id.as_str()]);
    if let Some(revision) = args.if_revision {
        request = request.header(IF_MATCH, format!("\"{revision}\""));
    }
    let answer = session.client.send(request).await?;
    session.acknowledge(&answer, &format!("deleted {}", args.id.as_str()))?;
    Ok(Exit::Done)
}
