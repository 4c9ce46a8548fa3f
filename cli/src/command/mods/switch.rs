use super::{SwitchArgs, ask, tell};
use crate::error::Error;
use crate::exit::Exit;
use crate::session::Session;

pub(super) async fn reload(args: &SwitchArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let request = session.client.post(&["mods", args.id.as_str(), "reload"]);
    let answer = ask(args.note.in_query(request), session).await?;
    tell("reloaded", &answer, session)
}

pub(super) async fn enable(args: &SwitchArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let request = session.client.post(&["mods", args.id.as_str(), "enable"]);
    let answer = ask(args.note.in_query(request), session).await?;
    tell("enabled", &answer, session)
}

pub(super) async fn disable(args: &SwitchArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let request = session.client.post(&["mods", args.id.as_str(), "disable"]);
    let answer = ask(args.note.in_query(request), session).await?;
    tell("disabled", &answer, session)
}
