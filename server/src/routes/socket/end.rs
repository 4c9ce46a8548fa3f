use futures::StreamExt;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// How long the other side may take to close too.
const CLOSING: Duration = Duration::from_secs(1);

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The other side closes it, or is gone.
    Gone,
    /// The other side says nothing, not even that it is there.
    Silent,
    /// The server ends.
    Shutdown,
    /// A message is too large.
    TooLarge,
    /// It did not begin as it must. What is wrong was told.
    NotJoined,
    /// The agent left, was kicked, or registered anew somewhere.
    Left,
    /// There are too many connections of this agent.
    TooMany,
}

impl End {
    fn frame(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::Gone => return None,
            Self::Silent => (CloseCode::Policy, "nothing was heard for too long"),
            Self::Shutdown => (CloseCode::Away, "the server ends: resume"),
            Self::TooLarge => (CloseCode::Size, "a message is at most 1 MiB"),
            Self::NotJoined => (CloseCode::Policy, "register or resume first"),
            Self::Left => (CloseCode::Policy, "the agent left or registered anew"),
            Self::TooMany => (CloseCode::Again, "the agent has too many streams"),
        };
        Some(CloseFrame {
            code,
            reason: reason.into(),
        })
    }
}

/// Says why a connection ends, and gives the other side a moment to read it.
pub(super) async fn close(mut socket: Socket, end: End) {
    let closing = async {
        let Some(frame) = end.frame() else {
            // Answers the other side's farewell, if there was one.
            return while let Some(Ok(_)) = socket.next().await {};
        };
        if socket.close(Some(frame)).await.is_err() {
            return;
        }
        if end == End::TooLarge {
            discard(socket.get_mut()).await;
        } else {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    if tokio::time::timeout(CLOSING, closing).await.is_err() {
        tracing::debug!(?end, "websocket is cut");
    }
}

/// Throws away the rest of a message that is too large: a connection that ended with something unread would be reset, and
/// the farewell with it.
async fn discard(stream: &mut TokioIo<Upgraded>) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut chunk = [0; 4_096];
    while let Ok(1..) = stream.read(&mut chunk).await {}
}
