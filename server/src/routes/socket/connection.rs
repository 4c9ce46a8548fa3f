use super::end::{End, Socket, close};
use super::joining::{Present, join};
use super::told;
use super::work::work;
use crate::state::Node;
use futures::stream::FuturesUnordered;
use futures::{SinkExt, Stream, StreamExt};
use hotbed_agents::EventStream;
use hotbed_agents::wire::PollRequest;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::collections::VecDeque;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

/// The largest message of an agent.
const MESSAGE_BYTES: usize = 1 << 20;
/// How long an agent may take to say who it is, and to take the answer.
const FIRST: Duration = Duration::from_secs(10);
/// How often the other side is asked whether it is there.
const PING: Duration = Duration::from_secs(20);
/// How long nothing may be heard of it.
const SILENCE: Duration = Duration::from_secs(50);
/// How long is waited for the answers to an agent that left.
const LAST: Duration = Duration::from_secs(1);
/// How many requests of one connection are worked on, or not yet told the answer of, at once. No other is read meanwhile.
const AT_ONCE: usize = 8;

/// A connection of an agent.
pub(super) struct Connection {
    node: Arc<Node>,
    /// Whether whoever opened it may change mods, whatever the agent may.
    is_admin: bool,
    _permit: OwnedSemaphorePermit,
}

/// What comes in over a connection.
type Incoming = Result<Message, Error>;

impl Connection {
    pub(super) fn new(node: Arc<Node>, is_admin: bool, permit: OwnedSemaphorePermit) -> Self {
        Self {
            node,
            is_admin,
            _permit: permit,
        }
    }

    /// Serves the agent until one of the two ends.
    pub(super) async fn run(self, upgrade: OnUpgrade) {
        let upgraded = match upgrade.await {
            Ok(upgraded) => upgraded,
            Err(error) => return tracing::debug!(%error, "no websocket came of a request"),
        };
        let config = WebSocketConfig::default()
            // For each of the connections that say nothing, so small.
            .read_buffer_size(4 << 10)
            .write_buffer_size(4 << 10)
            .max_message_size(Some(MESSAGE_BYTES))
            .max_frame_size(Some(MESSAGE_BYTES));
        let stream = TokioIo::new(upgraded);
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
        let shutdown = &self.node.state.shutdown;
        let end = shutdown.run_until_cancelled(self.serve(&mut socket)).await;
        let end = end.unwrap_or(End::Shutdown);
        tracing::debug!(?end, "websocket ends");
        close(socket, end).await;
    }

    async fn serve(&self, socket: &mut Socket) -> End {
        let first = match timeout(FIRST, first(socket)).await {
            Ok(Ok(first)) => first,
            Ok(Err(end)) => return end,
            Err(_) => return End::NotJoined,
        };
        let (answer, joined) = join(&self.node.state.agents, &first);
        let Ok(Ok(())) = timeout(FIRST, socket.send(answer)).await else {
            return End::Gone;
        };
        let Present {
            who,
            waited,
            events,
        } = match joined {
            Ok(present) => present,
            Err(end) => return end,
        };
        let (mut sink, incoming) = socket.split();
        let (answers, answered) = mpsc::channel(AT_ONCE);
        // Neither waits for the other: whoever does not read what it is told holds up its own answers, and nothing that
        // works on them.
        tokio::select! {
            end = self.read(incoming, &who, answers) => end,
            end = self.write(&mut sink, &who, waited, events, answered) => end,
        }
    }

    /// Works on what the agent says, on a few things at once. Each has a place among the answers from the beginning.
    async fn read(
        &self,
        mut incoming: impl Stream<Item = Incoming> + Unpin,
        who: &PollRequest,
        answers: mpsc::Sender<Message>,
    ) -> End {
        let mut under_way = FuturesUnordered::new();
        let answer = async |said: Result<Utf8Bytes, &'static str>, place: OwnedPermit<Message>| {
            place.send(match said {
                Ok(text) => work(&self.node, who, self.is_admin, &text).await,
                Err(why) => told::error(None, why),
            });
        };
        let mut heard = Instant::now();
        loop {
            let was_full = answers.capacity() == 0;
            let next = async {
                let place = answers.clone().reserve_owned().await;
                // What was said while there was no place is heard only now.
                let since = if was_full { Instant::now() } else { heard };
                let message = timeout_at(since + SILENCE, incoming.next()).await;
                (place, message)
            };
            let (place, message) = tokio::select! {
                Some(()) = under_way.next() => {
                    if was_full {
                        heard = Instant::now();
                    }
                    continue;
                }
                next = next => next,
            };
            let Ok(place) = place else {
                return End::Gone;
            };
            heard = Instant::now();
            match message {
                Err(_) => return End::Silent,
                Ok(None | Some(Ok(Message::Close(_)))) => return End::Gone,
                Ok(Some(Err(error))) => return end_of(&error),
                Ok(Some(Ok(Message::Text(text)))) => under_way.push(answer(Ok(text), place)),
                Ok(Some(Ok(Message::Binary(_)))) => {
                    under_way.push(answer(Err("a message is a text"), place));
                }
                Ok(Some(Ok(_))) => {}
            }
        }
    }

    /// Tells the agent what comes to it and what is answered.
    async fn write(
        &self,
        sink: &mut (impl SinkExt<Message> + Unpin),
        who: &PollRequest,
        mut waited: VecDeque<hotbed_agents::StreamItem>,
        mut events: EventStream,
        mut answered: mpsc::Receiver<Message>,
    ) -> End {
        let mut pings = interval_at(Instant::now() + PING, PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut has_told = false;
        loop {
            let next = async {
                match waited.pop_front() {
                    Some(item) => Some(item),
                    None => events.next().await,
                }
            };
            let message = tokio::select! {
                biased;
                _ = pings.tick() => Message::Ping(Bytes::new()),
                Some(answer) = answered.recv() => answer,
                item = next => {
                    let Some(item) = item else {
                        timeout(LAST, rest(sink, &mut answered)).await.ok();
                        return End::Left;
                    };
                    has_told = true;
                    told::item(&item)
                }
                () = ready(()), if has_told => {
                    // All was told that waits for a poll as well, so that waits no longer.
                    self.node.state.agents.poll(who);
                    has_told = false;
                    continue;
                }
            };
            if sink.send(message).await.is_err() {
                return End::Gone;
            }
        }
    }
}

/// Tells what was asked before the agent left and is answered by now or soon.
async fn rest(sink: &mut (impl SinkExt<Message> + Unpin), answered: &mut mpsc::Receiver<Message>) {
    // One place is that of what is read next.
    while answered.capacity() + 1 < answered.max_capacity() {
        let Some(answer) = answered.recv().await else {
            return;
        };
        if sink.send(answer).await.is_err() {
            return;
        }
    }
}

/// The first text that comes.
async fn first(socket: &mut Socket) -> Result<Utf8Bytes, End> {
    loop {
        match socket.next().await {
            None | Some(Ok(Message::Close(_))) => return Err(End::Gone),
            Some(Err(error)) => return Err(end_of(&error)),
            Some(Ok(Message::Text(text))) => return Ok(text),
            Some(Ok(Message::Binary(_))) => return Err(End::NotJoined),
            Some(Ok(_)) => {}
        }
    }
}

fn end_of(error: &Error) -> End {
    match error {
        Error::Capacity(_) => End::TooLarge,
        _ => End::Gone,
    }
}
