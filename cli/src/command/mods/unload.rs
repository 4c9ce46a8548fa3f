use clap::Args;
use hotbed_api::Unloaded;

use super::ask;
use crate::command::NoteArgs;
use crate::error::Error;
use crate::exit::Exit;
use crate::options::{Format, Name};
use crate::printable::Line;
use crate::session::Session;

/// Which mod to unload, and who does so and why.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed mods unload wiki
  hotbed mods unload wiki --cascade --by ada --reason 'moved to another server'")]
pub struct UnloadArgs {
    /// The mod, by its id or its path
    id: Name,
    /// Also those that depend on it, directly or through others
    #[arg(long)]
    cascade: bool,
    #[command(flatten)]
    note: NoteArgs,
}

pub(super) async fn run(args: &UnloadArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let mut request = session.client.delete(&["mods", args.id.as_str()]);
    if args.cascade {
        request = request.query(&[("cascade", "true")]);
    }
    let answer = ask(args.note.in_query(request), session).await?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => {
            let gone: Unloaded = session.client.understand(&answer.body)?;
            session.print(|output| {
                let mut ids = gone.unloaded.iter();
                ids.try_for_each(|id| writeln!(output, "unloaded {}", Line(id)))
            })?;
        }
    }
    Ok(Exit::Done)
}
