mod upgrades;

use crate::state::ServerState;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tower_http::metrics::in_flight_requests::{InFlightRequests, InFlightRequestsCounter};

pub(crate) use upgrades::Upgrades;

/// The wait after the system refused a connection, for want of file descriptors most likely.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// How often an HTTP/2 peer is asked whether it is still there, and how long it may take to answer.
const HTTP2_PING: Duration = Duration::from_secs(20);
/// Requests under way on one HTTP/2 connection.
const HTTP2_STREAMS: u32 = 256;

/// How long a connection may be quiet while the server ends.
const QUIET: Duration = Duration::from_secs(1);

/// Why a server did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Some connections were still at work at the drain deadline, and were cut.
    #[error("{open} connections were still at work after {} s and were cut", .after.as_secs())]
    Cut {
        /// How many.
        open: usize,
        /// The drain deadline.
        after: Duration,
    },
}

/// Serves HTTP/1 and HTTP/2 on a listener until `state.shutdown` is cancelled, then finishes what is under way.
///
/// Ends when every connection has; those that have not by the drain deadline are cut, which is the error. Dropping the
/// future cuts all of them.
pub async fn serve(listener: TcpListener, state: ServerState) -> Result<(), ServeError> {
    let (limits, shutdown) = (*state.limits.borrow(), state.shutdown.clone());
    let server = Arc::new(builder(limits.head_read));
    let router = crate::router(state);
    let free = Arc::new(Semaphore::new(limits.connections));
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            // Ended connections are reaped here, so that the set holds those that are open.
            Some(_) = open.join_next() => continue,
            accepted = accept(&listener, &free) => accepted,
        };
        match accepted {
            Ok((stream, permit)) => {
                open.spawn(connection(
                    Arc::clone(&server),
                    stream,
                    router.clone(),
                    shutdown.clone(),
                    permit,
                ));
            }
            Err(error) => {
                tracing::warn!(%error, "connection is not accepted");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
    drop(listener);
    let all_ended = async { while open.join_next().await.is_some() {} };
    match tokio::time::timeout(limits.drain, all_ended).await {
        Ok(()) => Ok(()),
        Err(_) => Err(ServeError::Cut {
            open: open.len(),
            after: limits.drain,
        }),
    }
}

fn builder(head_read: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(head_read);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HTTP2_PING)
        .keep_alive_timeout(HTTP2_PING)
        .max_concurrent_streams(HTTP2_STREAMS);
    builder
}

/// Cancel-safe: what is lost is the place in the queue for a permit.
async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> io::Result<(TcpStream, Option<OwnedSemaphorePermit>)> {
    // The semaphore is never closed, so there is always a permit.
    let permit = Arc::clone(free).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Ok((stream, permit)),
            // The client went away again while it waited.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

async fn connection(
    server: Arc<Builder<TokioExecutor>>,
    stream: TcpStream,
    router: Router,
    shutdown: CancellationToken,
    _permit: Option<OwnedSemaphorePermit>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "connection keeps its delay");
    }
    let (router, requests) = InFlightRequests::pair(router);
    let (upgrades, mut begun) = Upgrades::new();
    let service = TowerToHyperService::new(router.map_request(move |mut request: Request<_>| {
        request.extensions_mut().insert(upgrades.clone());
        request.map(Body::new)
    }));
    let stream = TokioIo::new(stream);
    let mut connection = pin!(server.serve_connection_with_upgrades(stream, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                // Half the head of a request is no request, and would be waited for.
                () = quiet(&requests) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended early");
    }
    // What it became has its permit, and is waited for and cut as it would be.
    if let Ok(upgraded) = begun.try_recv() {
        upgraded.await;
    }
}

/// Waits until a connection has had no request under way for a while, long enough to have sent its last answer.
async fn quiet(requests: &InFlightRequestsCounter) {
    let mut was_quiet = false;
    loop {
        let is_quiet = requests.get() == 0;
        if is_quiet && was_quiet {
            return;
        }
        was_quiet = is_quiet;
        tokio::time::sleep(QUIET).await;
    }
}
