use super::problems::{Any, OfBot, OfId, WithBody};
use crate::body::{Read, read_json};
use crate::edge::RequestId;
use crate::fault::{Fault, Kind, chat_fault};
use crate::freshness::{MIN_REVISION, catch_up, degraded, is_last_good, served};
use crate::load::open_stream;
use crate::media::{Form, negotiate};
use crate::params::Params;
use crate::path_id::PathId;
use crate::state::Node;
use async_stream::stream;
use axum::Json;
use axum::extract::{Extension, Request, State};
use axum::http::Uri;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use hotbed_api::{ChatDelta, ChatReply, ChatRequest};
use hotbed_bots::{Bot, ChatError, ConversationId, Reply, ReplyEvent, ReplyStream, Turn};
use hotbed_cache::{Lease, Revision};
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Talk to a bot
///
/// Answers whole, or with `Accept: text/event-stream` piece by piece: events `delta` ({"text"}), then `done` (the
/// whole answer) or `error` (a problem). Whatever happens to the bot's registration meanwhile, the answer is that of
/// the revision it began with. With `X-Hotbed-Degraded: true` that is the last good one: a newer could not be built, or the
/// registry could not be asked whether there is one.
#[utoipa::path(
    post,
    path = "/{id}/chat",
    tag = "bots",
    params(
        ("id" = String, Path, description = "The bot."),
        ("min_revision" = Option<u64>, Query, description = "Wait until this node knows of this revision. Also as the header `X-Hotbed-Min-Revision`."),
    ),
    request_body = ChatRequest,
    responses(
        (status = 200, description = "The answer.", content((ChatReply = "application/json"), (ChatDelta = "text/event-stream"))),
        OfId,
        Any,
        WithBody,
        OfBot,
    ),
)]
pub(crate) async fn chat(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    Extension(request_id): Extension<RequestId>,
    uri: Uri,
    request: Request,
) -> Result<Response, Fault> {
    let params = Params::read(&uri, &[MIN_REVISION])?;
    let form = negotiate(request.headers())?;
    let (limits, memory) = (&node.limits(), &node.bodies);
    let Read {
        headers,
        body: (message, conversation),
        share: _share,
    } = read_json(request, limits, memory, understand).await?;
    catch_up(&node, &params, &headers).await?;

    let bot = node.state.bots.get_or_create(&id).await?;
    node.reader.note_access(&id);
    let revision = bot.revision();
    let is_last_good = is_last_good(&node, &id, revision);
    let turn = Turn {
        conversation,
        message,
        revision,
    };
    let response = match form {
        Form::Json => {
            let reply = bot.chat(turn).await.map_err(|error| chat_fault(&error))?;
            Json(spelled(reply, revision)).into_response()
        }
        Form::Events => {
            let permit = open_stream(&node)?;
            let mut pieces = bot.chat_stream(turn);
            // What fails before the first piece is a problem like any other.
            let first = match pieces.next().await {
                Some(Err(error)) => return Err(chat_fault(&error)),
                first => first,
            };
            let events = Answer {
                bot,
                pieces,
                request_id,
                _permit: permit,
            }
            .events(first);
            Sse::new(events)
                .keep_alive(KeepAlive::default())
                .into_response()
        }
    };
    let response = served(revision, response);
    Ok(if is_last_good {
        degraded(response)
    } else {
        response
    })
}

fn understand(body: ChatRequest) -> Result<(String, Option<ConversationId>), Fault> {
    let conversation = body
        .conversation_id
        .as_deref()
        .map(ConversationId::new)
        .transpose();
    let conversation = conversation
        .map_err(|error| Fault::new(Kind::Invalid, format!("conversation_id: {error}")))?;
    Ok((body.message, conversation))
}

/// An answer that is being streamed. Holds the lease, so that the bot lives as long as it speaks.
struct Answer {
    bot: Lease<Bot>,
    pieces: ReplyStream,
    request_id: RequestId,
    _permit: OwnedSemaphorePermit,
}

impl Answer {
    fn events(
        mut self,
        first: Option<Result<ReplyEvent, ChatError>>,
    ) -> impl Stream<Item = Result<Event, Infallible>> {
        stream! {
            let mut next = first;
            while let Some(piece) = next {
                yield Ok(self.event(piece));
                next = self.pieces.next().await;
            }
        }
    }

    fn event(&self, piece: Result<ReplyEvent, ChatError>) -> Event {
        match piece {
            Ok(ReplyEvent::Delta(text)) => event("delta", &ChatDelta { text }),
            Ok(ReplyEvent::Done(reply)) => event("done", &spelled(reply, self.bot.revision())),
            Err(error) => {
                let fault = chat_fault(&error);
                fault.log(&self.request_id.0);
                event("error", &fault.problem(Some(&self.request_id.0)))
            }
        }
    }
}

fn spelled(reply: Reply, revision: Revision) -> ChatReply {
    ChatReply {
        reply: reply.text,
        conversation_id: reply.conversation.to_string(),
        revision: revision.0,
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    Event::default()
        .event(name)
        .json_data(data)
        .expect("types on the wire are plain data")
}
