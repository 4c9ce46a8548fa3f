//! What was acknowledged survives the death of the process, whenever it comes, and nothing else appears.

mod ledger;

use crate::harness::{Launch, Node};
use futures::future::join_all;
use ledger::{Ledger, Op, Writer, body};
use nix::sys::signal::Signal;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use std::time::Duration;
use tokio::time::sleep;

const LANES: usize = 2;
/// Per lane.
const KILLS: usize = 110;
const WRITERS: usize = 4;
/// The longest life of a server that is written to.
const LONGEST: Duration = Duration::from_millis(60);

/// Caught: a write that is answered before it is committed; a log entry outside of its write's transaction.
#[tokio::test]
async fn no_acknowledged_write_is_lost_to_a_kill_and_no_other_is_half_there() {
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let lanes = (0..LANES).map(|lane| kill_again_and_again(seed.wrapping_add(lane as u64)));
    let writes: usize = join_all(lanes).await.into_iter().sum();
    eprintln!("{writes} writes were acknowledged");
    assert!(
        writes > LANES * KILLS,
        "{writes} writes are too few to show anything"
    );
}

/// Answers how many writes were acknowledged.
async fn kill_again_and_again(seed: u64) -> usize {
    let mut chance = SmallRng::seed_from_u64(seed);
    let launch = Launch::new();
    let mut ledger = Ledger::default();
    let mut acknowledged = 0;
    let mut node = launch.start().await;
    for _ in 0..KILLS {
        let moment = LONGEST.mul_f64(chance.random());
        let killed = async {
            sleep(moment).await;
            node.signal(Signal::SIGKILL);
        };
        let writing = ledger
            .writers(WRITERS)
            .into_iter()
            .map(|writer| write_until_killed(&node, writer, SmallRng::from_rng(&mut chance)));
        let (writers, ()) = tokio::join!(join_all(writing), killed);
        acknowledged += writers
            .iter()
            .map(|writer| writer.acknowledged.len())
            .sum::<usize>();
        node.ended().await;
        node = launch.start().await;
        ledger.check(&node, writers).await;
    }
    node.terminate().await;
    acknowledged
}

/// Writes to ids at random until a write is not answered.
async fn write_until_killed(node: &Node, mut writer: Writer, mut chance: SmallRng) -> Writer {
    loop {
        let which = chance.random_range(0..writer.ids.len());
        let (id, exists) = &mut writer.ids[which];
        let path = format!("/api/v1/bots/{id}");
        let (op, request) = if *exists && chance.random_ratio(1, 4) {
            let op = Op { value: None };
            (op, node.request(Method::DELETE, &path))
        } else {
            writer.next += 1;
            let op = Op {
                value: Some(writer.next),
            };
            let request = node.request(Method::PUT, &path);
            (op, request.json(&body(writer.next)))
        };
        let Ok(answer) = node.try_send(request).await else {
            writer.unanswered = Some((id.clone(), op));
            return writer;
        };
        let expected = match (op.value, *exists) {
            (None, _) => 204,
            (Some(_), false) => 201,
            (Some(_), true) => 200,
        };
        assert_eq!(answer.status, expected, "{answer:?}");
        let revision = answer.header("x-hotbed-revision").unwrap().parse().unwrap();
        *exists = op.value.is_some();
        writer.acknowledged.insert(revision, (id.clone(), op));
    }
}
