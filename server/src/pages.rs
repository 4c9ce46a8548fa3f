//! Long lists: read page by page, sent as one JSON document.

use crate::edge::RequestId;
use crate::fault::{Fault, Kind};
use crate::freshness::know_revision;
use crate::load::open_stream;
use crate::state::Node;
use crate::wire;
use async_stream::stream;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use hotbed_registry::{Page, Query, Revision};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Registrations in the first page: few, for nothing is known yet of how large they are.
const FIRST: u64 = 4;
/// Registrations in a page, at most.
const MOST: u64 = 200;
/// What a page should hold.
const PAGE_BYTES: u64 = 1 << 20;

/// A list that is being sent.
struct Pages {
    node: Arc<Node>,
    /// Of the next page.
    query: Query,
    /// How many more may be sent; `None` for all there are.
    wanted: Option<u64>,
    written: u64,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// There may be more.
    Open,
    /// The document is complete.
    Complete,
}

/// Whether a list can be read in pages and is worth it.
pub(crate) fn is_long(query: &Query) -> bool {
    query.sort.is_empty() && query.offset == 0 && query.limit.is_none_or(|limit| limit > FIRST)
}

/// Answers a [long](is_long) list. It is in id order, and each page is as the registry is when it is read.
///
/// What fails before anything is sent is the fault. What fails later cuts the connection: a document that ended there
/// would look like all there is.
pub(crate) async fn send(
    node: Arc<Node>,
    query: Query,
    request_id: RequestId,
) -> Result<Response, Fault> {
    let mut pages = Pages {
        node,
        wanted: query.limit,
        query: Query {
            limit: Some(FIRST),
            ..query
        },
        written: 0,
        stage: Stage::Open,
    };
    let mut first = br#"{"items":["#.to_vec();
    first.extend(pages.piece().await?);
    let body = if pages.stage == Stage::Complete {
        Body::from(first)
    } else {
        let permit = open_stream(&pages.node)?;
        Body::from_stream(stream! {
            let _permit = permit;
            yield Ok(first);
            while pages.stage == Stage::Open {
                match pages.piece().await {
                    Ok(piece) => yield Ok(piece),
                    Err(fault) => {
                        fault.log(&request_id.0);
                        yield Err(io::Error::other("the list cannot be read to its end"));
                        return;
                    }
                }
            }
        })
    };
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

impl Pages {
    /// The next piece of the document.
    async fn piece(&mut self) -> Result<Vec<u8>, Fault> {
        let Page { items, next } = self.read().await?;
        let newest = items.iter().map(|item| item.revision).max();
        know_revision(&self.node, newest.unwrap_or(Revision::ZERO)).await;

        let count = items.len() as u64;
        let mut piece = Vec::new();
        for item in items {
            if self.written > 0 {
                piece.push(b',');
            }
            self.written += 1;
            serde_json::to_writer(&mut piece, &wire::registration(item))
                .expect("a registration is plain data");
        }
        self.wanted = self.wanted.map(|wanted| wanted.saturating_sub(count));
        let is_enough = self.wanted == Some(0);
        if is_enough || next.is_none() {
            let next = next.filter(|_| is_enough).map(|id| id.to_string());
            piece.extend_from_slice(br#"],"next":"#);
            serde_json::to_writer(&mut piece, &next).expect("a text is plain data");
            piece.push(b'}');
            self.stage = Stage::Complete;
        } else {
            let each = (piece.len() as u64 / count.max(1)).max(1);
            let limit = (PAGE_BYTES / each).clamp(1, MOST);
            self.query.limit = Some(self.wanted.map_or(limit, |wanted| wanted.min(limit)));
            self.query.after = next;
        }
        Ok(piece)
    }

    async fn read(&self) -> Result<Page, Fault> {
        let limit = self.node.limits().request;
        let read = self.node.reader.list(&self.query);
        match tokio::time::timeout(limit, read).await {
            Ok(page) => Ok(page?),
            Err(_) => Err(Fault::new(
                Kind::Unavailable,
                format!("the registry did not list within {} s", limit.as_secs()),
            )
            .retry_after(Duration::from_secs(1))),
        }
    }
}
