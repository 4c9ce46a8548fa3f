use super::ask::{Asked, ask};
use crate::fleet::record::{How, Op, Outcome, Seen, Span, Write};
use crate::fleet::schedule::NODES;
use crate::fleet::world::{Running, World};
use crate::harness::{Answer, echo};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Ids of one writer.
const IDS: usize = 2;
const WRITERS: usize = 3;
/// What a write waits for its answer.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: std::ops::Range<u64> = 10..60;

/// What is written to, and what was acknowledged of it: what readers demand.
#[derive(Debug)]
pub(in crate::fleet) struct Ids {
    all: Vec<String>,
    acknowledged: Mutex<BTreeMap<String, u64>>,
    value: AtomicU64,
}

impl Ids {
    pub(in crate::fleet) fn new() -> Self {
        Self {
            all: (0..WRITERS * IDS).map(|n| format!("bot-{n}")).collect(),
            acknowledged: Mutex::default(),
            value: AtomicU64::new(0),
        }
    }

    pub(super) fn any(&self, chance: &mut SmallRng) -> &str {
        &self.all[chance.random_range(0..self.all.len())]
    }

    /// The newest revision of an id that was acknowledged.
    pub(super) fn acknowledged(&self, id: &str) -> Option<u64> {
        let all = self.acknowledged.lock();
        all.unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }

    fn acknowledge(&self, id: &str, revision: u64) {
        let all = self.acknowledged.lock();
        all.unwrap_or_else(PoisonError::into_inner)
            .insert(id.to_owned(), revision);
    }

    /// Clients that write for as long as they may, each to ids of its own.
    pub(in crate::fleet) fn writers<'a>(
        &'a self,
        world: &'a World<'_>,
        chance: &mut SmallRng,
        stop: &'a CancellationToken,
    ) -> Vec<LocalBoxFuture<'a, ()>> {
        let ids = self.all.chunks(IDS);
        ids.map(|ids| {
            let chance = SmallRng::from_rng(chance);
            write(world, self, ids, chance, stop).boxed_local()
        })
        .collect()
    }
}

/// What a writer knows of one of its ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    At(u64),
    Gone,
    /// The last write may be done, or be done at any time.
    Nothing,
}

async fn write(
    world: &World<'_>,
    ids: &Ids,
    own: &[String],
    mut chance: SmallRng,
    stop: &CancellationToken,
) {
    let mut known = vec![Known::Gone; own.len()];
    while !stop.is_cancelled() {
        sleep(Duration::from_millis(chance.random_range(PAUSE))).await;
        let Some(running) = world.running(chance.random_range(0..NODES)) else {
            continue;
        };
        let which = chance.random_range(0..own.len());
        let (id, known) = (&own[which], &mut known[which]);
        if *known == Known::Nothing {
            *known = look(world, &running, id).await;
        }
        let base = match *known {
            Known::At(revision) => Some(revision),
            Known::Gone => None,
            Known::Nothing => continue,
        };
        let op = if base.is_some() && chance.random_ratio(1, 5) {
            Op::Delete
        } else {
            Op::Put {
                value: ids.value.fetch_add(1, Ordering::Relaxed),
                active: chance.random_ratio(9, 10),
            }
        };
        let request = conditional(request(&running, id, op), base).timeout(PATIENCE);
        let from = world.now();
        let answer = running.node.try_send(request).await;
        let span = Span {
            from,
            to: world.now(),
        };
        let outcome = outcome(answer);
        *known = match (outcome, op) {
            (Outcome::Done(_), Op::Delete) => Known::Gone,
            (Outcome::Done(revision), Op::Put { .. }) => Known::At(revision),
            (Outcome::Refused | Outcome::Unknown, _) => Known::Nothing,
        };
        if let Outcome::Done(revision) = outcome {
            ids.acknowledge(id, revision);
        }
        let write = Write {
            process: running.process,
            span,
            id: id.clone(),
            base,
            op,
            outcome,
        };
        world.recorder.note(|record| record.writes.push(write));
    }
}

/// How an id stands, by what is stored.
async fn look(world: &World<'_>, running: &Running, id: &str) -> Known {
    let asked = Asked {
        how: How::Stored,
        id: id.to_owned(),
        min_revision: None,
        patience: PATIENCE,
    };
    match ask(world, running, &asked).await.seen {
        Seen::At { revision, .. } => Known::At(revision),
        Seen::Gone => Known::Gone,
        _ => Known::Nothing,
    }
}

fn request(running: &Running, id: &str, op: Op) -> RequestBuilder {
    let path = format!("/api/v1/bots/{id}");
    match op {
        Op::Delete => running.node.request(Method::DELETE, &path),
        Op::Put { value, active } => {
            let mut body = echo(&format!("value {value}"));
            body["metadata"] = json!({"value": value});
            body["status"] = json!(if active { "active" } else { "inactive" });
            running.node.request(Method::PUT, &path).json(&body)
        }
    }
}

fn conditional(request: RequestBuilder, base: Option<u64>) -> RequestBuilder {
    match base {
        Some(revision) => request.header("if-match", format!("\"{revision}\"")),
        None => request.header("if-none-match", "*"),
    }
}

fn outcome(answer: Result<Answer, reqwest::Error>) -> Outcome {
    match answer {
        Ok(answer) if matches!(answer.status, 200 | 201 | 204) => {
            let revision = answer.header("x-hotbed-revision");
            let revision = revision.and_then(|text| text.parse().ok());
            Outcome::Done(revision.unwrap_or_else(|| panic!("no revision: {answer:?}")))
        }
        Ok(answer) if matches!(answer.status, 404 | 412) => Outcome::Refused,
        Ok(answer) => {
            assert_eq!(answer.status, 503, "{answer:?}");
            Outcome::Unknown
        }
        Err(_) => Outcome::Unknown,
    }
}
