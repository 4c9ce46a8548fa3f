use clap::Args;
use hotbed_api::{ChatDelta, ChatReply, ChatRequest};
use tokio::io::{AsyncBufReadExt, AsyncReadExt};

use crate::error::Error;
use crate::exit::Exit;
use crate::options::{Format, Name};
use crate::printable::Text;
use crate::session::Session;
use crate::streams::Reader;

/// Whom to talk to, and about what.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed bots chat greeter \"Hello, I am Ada.\"
  hotbed bots chat greeter --conversation ada-1 < question.txt
  hotbed bots chat greeter")]
pub struct ChatArgs {
    /// The bot
    id: Name,
    /// What to say to it
    message: Option<String>,
    /// The conversation to go on with, or to begin under this id; a new one unless given
    #[arg(long, value_name = "ID")]
    conversation: Option<String>,
}

pub(crate) async fn run(args: ChatArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let ChatArgs {
        id,
        message,
        conversation,
    } = args;
    let mut talk = Talk {
        id,
        conversation,
        revision: None,
    };
    match message {
        Some(message) => talk.say(message, session).await?,
        None if session.streams.reader == Reader::Program => {
            let message = read_message(session).await?;
            talk.say(message, session).await?;
        }
        None => talk.hold(session).await?,
    }
    Ok(Exit::Done)
}

/// A conversation as this end knows it.
struct Talk {
    id: Name,
    conversation: Option<String>,
    /// What the latest reply was made from.
    revision: Option<u64>,
}

impl Talk {
    /// Goes on until the person has nothing more to say.
    async fn hold(&mut self, session: &mut Session<'_>) -> Result<(), Error> {
        session.note(&format!("Talking to {}. Ctrl-D ends it.", self.id.as_str()));
        while let Some(message) = ask(session).await? {
            if message.trim().is_empty() {
                continue;
            }
            let before = self.revision;
            match self.say(message, session).await {
                Ok(()) => {}
                Err(error @ (Error::Output(_) | Error::Input { .. })) => return Err(error),
                Err(error) => error.report(session.streams.errors),
            }
            if let Some(revision) = self.revision.filter(|_| self.revision != before) {
                session.note(&format!("[revision {revision}]"));
            }
        }
        session.note("");
        if let Some(conversation) = &self.conversation {
            session.note(&format!(
                "go on with: hotbed bots chat {} --conversation {conversation}",
                self.id.as_str()
            ));
        }
        Ok(())
    }

    /// Says one thing and shows the reply, and goes on with that conversation from then on.
    async fn say(&mut self, message: String, session: &mut Session<'_>) -> Result<(), Error> {
        let request = ChatRequest {
            message,
            conversation_id: self.conversation.clone(),
        };
        let request = session
            .client
            .post(&["bots", self.id.as_str(), "chat"])
            .json(&request);
        let reply: ChatReply = match session.format {
            Format::Json => {
                let answer = session.client.send(request).await?;
                session.print_json_line(&answer.body)?;
                session.client.understand(&answer.body)?
            }
            Format::Table => stream(request, session).await?,
        };
        self.conversation = Some(reply.conversation_id);
        self.revision = Some(reply.revision);
        Ok(())
    }
}

/// Shows a reply while it comes in.
async fn stream(
    request: reqwest::RequestBuilder,
    session: &mut Session<'_>,
) -> Result<ChatReply, Error> {
    let mut events = session.client.open(request).await?;
    let mut begun = false;
    let result = loop {
        let event = match events.next().await {
            Ok(Some(event)) => event,
            Ok(None) => break Err(Error::BrokenOff),
            Err(error) => break Err(error),
        };
        match event.name.as_str() {
            "delta" => {
                let delta: ChatDelta = session.client.understand(&event.data)?;
                session.print(|output| write!(output, "{}", Text(&delta.text)))?;
                begun = true;
            }
            "done" => break session.client.understand(&event.data),
            "error" => {
                break Err(Error::Refused(Box::new(
                    session.client.understand(&event.data)?,
                )));
            }
            // Servers may come to tell more than this client knows of.
            _ => {}
        }
    };
    if begun {
        session.print(|output| writeln!(output))?;
    }
    result
}

/// The next line of the person, if there is one.
async fn ask(session: &mut Session<'_>) -> Result<Option<String>, Error> {
    let streams = &mut session.streams;
    write!(streams.errors, "> ")
        .and_then(|()| streams.errors.flush())
        .ok();
    let mut line = Vec::new();
    match streams.input.read_until(b'\n', &mut line).await {
        Ok(0) => Ok(None),
        Ok(_) => Ok(Some(as_message(&line))),
        Err(source) => Err(unreadable(source)),
    }
}

/// All of the input as one message.
async fn read_message(session: &mut Session<'_>) -> Result<String, Error> {
    let mut bytes = Vec::new();
    session
        .streams
        .input
        .read_to_end(&mut bytes)
        .await
        .map_err(unreadable)?;
    Ok(as_message(&bytes))
}

/// What was typed, without the end of its last line. A terminal in another encoding shall not end a talk.
fn as_message(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .trim_end_matches(['\r', '\n'])
        .to_owned()
}

fn unreadable(source: std::io::Error) -> Error {
    Error::Input {
        what: "standard input".into(),
        source,
    }
}
