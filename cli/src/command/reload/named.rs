//! Builds anew what has an id: a bot, a mod, or both.

use hotbed_api::{Mod, Reloaded};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{serving, verdict, word};
use crate::client::Answer;
use crate::command::mods;
use crate::error::Error;
use crate::exit::Exit;
use crate::options::{Format, Name};
use crate::printable::Line;
use crate::session::Session;

/// What a server has under one id.
pub(super) struct Named {
    /// How the bot stands in memory, if there is one.
    pub(super) bot: Option<Answer>,
    /// How the mod is, if there is one.
    pub(super) module: Option<Answer>,
}

impl Named {
    pub(super) async fn find(id: &Name, session: &Session<'_>) -> Result<Self, Error> {
        let (client, name) = (&session.client, id.as_str());
        let bot = client.send(client.get(&["bots", name, "instance"])).await;
        let module = client.send(client.get(&["mods", name])).await;
        let found = Self {
            bot: if_there(bot)?,
            module: if_there(module)?,
        };
        if found.bot.is_none() && found.module.is_none() {
            return Err(Error::Nobody {
                name: name.to_owned(),
            });
        }
        Ok(found)
    }
}

fn if_there(answer: Result<Answer, Error>) -> Result<Option<Answer>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.exit() == Exit::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What was answered, for programs; nothing where there is nothing, or an error.
#[derive(Serialize)]
struct Document<'a> {
    bot: Option<&'a RawValue>,
    #[serde(rename = "mod")]
    module: Option<&'a RawValue>,
}

pub(super) async fn run(id: &Name, session: &mut Session<'_>) -> Result<Exit, Error> {
    let found = Named::find(id, session).await?;
    let mut answers = [None, None];
    let wanted = [("bots", found.bot), ("mods", found.module)];
    for (answer, (collection, there)) in answers.iter_mut().zip(wanted) {
        if there.is_some() {
            let request = session.client.post(&[collection, id.as_str(), "reload"]);
            *answer = Some(session.client.send(request).await);
        }
    }
    if session.format == Format::Json {
        let raw = |answer: &'_ Option<Result<Answer, Error>>| match answer {
            Some(Ok(answer)) => session.client.understand(&answer.body).map(Some),
            _ => Ok(None),
        };
        let [bot, module]: [Option<Box<RawValue>>; 2] = [raw(&answers[0])?, raw(&answers[1])?];
        let document = Document {
            bot: bot.as_deref(),
            module: module.as_deref(),
        };
        let json = serde_json::to_string(&document).expect("JSON can be written as JSON");
        session.print_json(&json)?;
    }
    let [bot, module] = answers;
    let bot = match bot {
        None => Exit::Done,
        Some(answer) => judge(answer, tell_bot, session)?,
    };
    let module = match module {
        None => Exit::Done,
        Some(answer) => judge(answer, tell_mod, session)?,
    };
    Ok(if bot == Exit::Done { module } else { bot })
}

/// Tells how one of two things went. What went wrong with it does not keep the other from being told.
fn judge(
    answer: Result<Answer, Error>,
    tell: fn(&Answer, &mut Session<'_>) -> Result<Exit, Error>,
    session: &mut Session<'_>,
) -> Result<Exit, Error> {
    match answer {
        Ok(answer) => tell(&answer, session),
        Err(error) => {
            error.report(session.streams.errors);
            Ok(error.exit())
        }
    }
}

fn tell_bot(answer: &Answer, session: &mut Session<'_>) -> Result<Exit, Error> {
    let it: Reloaded = session.client.understand(&answer.body)?;
    if session.format == Format::Table {
        let (what, now) = (word(it.outcome), serving(&it));
        session.print(|output| writeln!(output, "{what} the bot {}: {now}", Line(&it.id)))?;
    }
    Ok(verdict(&it, session))
}

fn tell_mod(answer: &Answer, session: &mut Session<'_>) -> Result<Exit, Error> {
    let it: Mod = session.client.understand(&answer.body)?;
    if session.format == Format::Table {
        mods::print("reloaded the mod", &it, session)?;
    }
    Ok(mods::verdict(&it, session))
}
