use std::time::Duration;

use chrono::DateTime;
use clap::Args;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};

use super::agent::{Agent, AgentArgs, Outgoing};
use super::visit::visit;
use crate::duration::parse_duration;
use crate::error::Error;
use crate::exit::Exit;
use crate::json::pretty;
use crate::object_source::ObjectSource;
use crate::options::Format;
use crate::printable::{Line, Text};
use crate::session::Session;
use crate::time::shown_time;

/// How often is looked for what waits.
const LOOK: Duration = Duration::from_millis(500);

/// Which event to send, to whom, and as whom.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed network send-event --event-name system.list_agents
  hotbed network send-event --event-name wiki.page.create --payload '{\"page_path\": \"start\", \"title\": \"Start\"}'
  hotbed network send-event --event-name chat.said --payload '{\"text\": \"hello\"}' --to agent:bob --wait 10s
  hotbed network send-event --event-name system.mod.load --payload @wiki.json --group admin --password-hash-file hash")]
pub struct SendArgs {
    /// What is asked or told, as in `project.run.completed`
    #[arg(long, value_name = "NAME")]
    event_name: String,
    /// What about: JSON, `@FILE` for a file of JSON or YAML, `-` for standard input
    #[arg(long, value_name = "JSON|@FILE|-", default_value = "{}")]
    payload: ObjectSource,
    /// Who is meant: `agent:ID`, `agent:broadcast`, `channel:NAME`, `group:NAME` or `mod:PATH`; the network and whichever
    /// mod knows the event unless given
    #[arg(
        long = "to",
        value_name = "DEST",
        default_value = "",
        hide_default_value = true
    )]
    to: String,
    /// Stay for so long, and print what comes until then
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    wait: Option<Duration>,
    #[command(flatten)]
    agent: AgentArgs,
}

pub(super) async fn run(args: SendArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let event = Outgoing {
        name: args.event_name,
        to: args.to,
        payload: args.payload.read(session).await?,
    };
    visit(&args.agent, session, async |agent, session| {
        let (body, answered) = agent.send(event).await?;
        match session.format {
            Format::Json if args.wait.is_some() => session.print_json_line(&body)?,
            Format::Json => session.print_json(&body)?,
            Format::Table => {
                if answered.success {
                    let message = answered.message().to_owned();
                    session.print(|output| writeln!(output, "{}", Text(&message)))?;
                }
                if !answered.data.is_null() {
                    let data = pretty(&answered.data.to_string());
                    session.print(|output| writeln!(output, "{data}"))?;
                }
            }
        }
        if !answered.success {
            session.complain(answered.message());
            return Ok(Exit::Failed);
        }
        if let Some(wait) = args.wait {
            listen(agent, wait, session).await?;
        }
        Ok(Exit::Done)
    })
    .await
}

/// Prints what comes for an agent until the time is over.
async fn listen(agent: &Agent, wait: Duration, session: &mut Session<'_>) -> Result<(), Error> {
    let deadline = Instant::now() + wait;
    loop {
        let polled = agent.poll().await?;
        if polled.dropped > 0 {
            session.warn(&format!(
                "{} events were lost: too many waited",
                polled.dropped
            ));
        }
        for event in &polled.messages {
            tell(event, session)?;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        sleep(LOOK.min(left)).await;
    }
}

/// What is told of an event.
#[derive(Deserialize)]
struct Incoming {
    #[serde(default)]
    event_name: String,
    #[serde(default)]
    source_id: String,
    /// Whole seconds; of some networks with a fraction.
    #[serde(default)]
    timestamp: Value,
    #[serde(default)]
    payload: Value,
}

fn tell(event: &RawValue, session: &mut Session<'_>) -> Result<(), Error> {
    if session.format == Format::Json {
        return session.print_json_line(event.get());
    }
    let it: Incoming = session.client.understand(event.get())?;
    let line = sentence(&it);
    session.print(|output| writeln!(output, "{}", Line(&line)))
}

fn sentence(it: &Incoming) -> String {
    let text = it.timestamp.to_string();
    let seconds = text.split('.').next().and_then(|whole| whole.parse().ok());
    let time = seconds
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .map_or_else(|| "-".to_owned(), shown_time);
    format!(
        "{time}  {} from {}: {}",
        it.event_name, it.source_id, it.payload
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_one_line_with_its_time() {
        let shown = |event: Value| sentence(&serde_json::from_value(event).unwrap());
        let event = json!({
            "event_name": "chat.said", "source_id": "bob", "timestamp": 1_767_323_045, "payload": {"text": "hi\n"}
        });
        assert_eq!(
            shown(event),
            "2026-01-02 03:04:05Z  chat.said from bob: {\"text\":\"hi\\n\"}"
        );
        assert_eq!(
            shown(json!({"event_name": "a.b", "source_id": "c", "timestamp": 0.5})),
            "1970-01-01 00:00:00Z  a.b from c: null"
        );
        assert_eq!(shown(json!({"event_name": "a.b"})), "-  a.b from : null");
    }
}
