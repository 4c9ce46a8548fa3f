use crate::fleet::record::{How, Process, Read, Seen, Span};
use crate::fleet::world::{Running, World};
use crate::harness::Answer;
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

/// What is asked of a node.
#[derive(Debug, Clone)]
pub(in crate::fleet) struct Asked {
    pub(in crate::fleet) how: How,
    pub(in crate::fleet) id: String,
    pub(in crate::fleet) min_revision: Option<u64>,
    /// For how long an answer is waited for.
    pub(in crate::fleet) patience: Duration,
}

/// Reads once. Nothing is noted.
pub(in crate::fleet) async fn ask(world: &World<'_>, running: &Running, asked: &Asked) -> Read {
    let Running { process, node } = running;
    let id = &asked.id;
    let mut request = match asked.how {
        How::Chat => node.chat_request(id, "hi"),
        How::Stored => node.request(Method::GET, &format!("/api/v1/bots/{id}")),
    };
    request = request.timeout(asked.patience);
    if let Some(demanded) = asked.min_revision {
        request = request.header("x-hotbed-min-revision", demanded);
    }
    let from = world.now();
    let answer = node.try_send(request).await;
    let span = Span {
        from,
        to: world.now(),
    };
    let (seen, degraded) = match answer {
        Err(error) => (Seen::Unanswered(format!("{error:?}")), false),
        Ok(answer) => (seen(&answer), answer.header("x-hotbed-degraded").is_some()),
    };
    Read {
        process: *process,
        span,
        how: asked.how,
        id: id.clone(),
        min_revision: asked.min_revision,
        seen,
        degraded,
    }
}

fn seen(answer: &Answer) -> Seen {
    let refused = || Seen::Refused {
        status: answer.status,
        text: answer.text.clone(),
    };
    let Ok(body) = serde_json::from_str::<Value>(&answer.text) else {
        return refused();
    };
    let kind = body["type"].as_str().unwrap_or_default();
    match (answer.status, body["revision"].as_u64()) {
        (200, Some(revision)) => Seen::At {
            revision,
            value: body["metadata"]["value"].as_u64(),
        },
        // It is out of service: that is how it stands.
        (409, Some(revision)) => Seen::At {
            revision,
            value: None,
        },
        (404, _) => Seen::Gone,
        (503, Some(revision)) if kind.ends_with(":behind") => Seen::Behind(revision),
        _ => refused(),
    }
}

impl Process {
    /// Whether that is still the process of its node that takes requests.
    pub(super) fn is_running(self, world: &World<'_>) -> bool {
        world
            .running(self.node)
            .is_some_and(|running| running.process == self)
    }
}
