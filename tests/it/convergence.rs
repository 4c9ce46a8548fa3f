//! Two processes on one registry, which hear of each other's changes only by asking for them.

use crate::harness::{Launch, Node, POLL, eventually};
use std::time::Duration;

/// Far longer than a poll interval, for the sake of busy machines; far shorter than the five minutes after which an
/// instance is confirmed anyway.
const SOON: Duration = Duration::from_secs(10);

async fn two_nodes() -> (Launch, Node, Node) {
    let launch = Launch::new().polling(POLL);
    let (a, b) = (launch.start().await, launch.named("b").start().await);
    (launch, a, b)
}

async fn serves(node: &Node, id: &str, revision: u64) {
    eventually(&format!("{id}@{revision} is served"), SOON, async || {
        let answer = node.chat(id, "hi").await;
        if answer.status == 200 && answer.revision() == revision {
            Ok(())
        } else {
            Err(answer.text)
        }
    })
    .await;
}

async fn serves_no_more(node: &Node, id: &str) {
    eventually(&format!("{id} is gone"), SOON, async || {
        let answer = node.chat(id, "hi").await;
        if answer.status == 404 {
            Ok(())
        } else {
            Err(answer.text)
        }
    })
    .await;
}

/// Caught: a loop that does not tell of deletions; one that advances its cursor over a gap.
#[tokio::test]
async fn convergence() {
    let (_launch, a, b) = two_nodes().await;
    let first = a.put_bot("changed", "one").await;
    let doomed = a.put_bot("deleted", "one").await;
    serves(&b, "changed", first).await;
    serves(&b, "deleted", doomed).await;

    let second = a.put_bot("changed", "two").await;
    serves(&b, "changed", second).await;
    let third = b.put_bot("changed", "three").await;
    assert_eq!(b.served("changed").await, third);
    serves(&a, "changed", third).await;
    // A node that hears of its own change has not heard of those before it.
    for version in 0..10 {
        let theirs = a.put_bot("changed", &format!("version {version}")).await;
        let ours = b.put_bot("ours", "p").await;
        assert_eq!(b.served("ours").await, ours);
        serves(&b, "changed", theirs).await;
    }
    a.delete("/api/v1/bots/deleted").await.expect(204);
    serves_no_more(&b, "deleted").await;
    b.terminate().await;
    a.terminate().await;
}

/// Caught: as `convergence`.
#[tokio::test]
async fn convergence_after_a_pause() {
    let (_launch, a, b) = two_nodes().await;
    for id in ["changed", "deleted", "recreated"] {
        let revision = a.put_bot(id, "one").await;
        serves(&b, id, revision).await;
    }
    b.pause();
    let mut newest = 0;
    for version in 0..20 {
        newest = a.put_bot("changed", &format!("version {version}")).await;
    }
    a.delete("/api/v1/bots/deleted").await.expect(204);
    a.delete("/api/v1/bots/recreated").await.expect(204);
    let recreated = a.put_bot("recreated", "two").await;
    b.resume();
    serves(&b, "changed", newest).await;
    serves(&b, "recreated", recreated).await;
    serves_no_more(&b, "deleted").await;
    b.terminate().await;
    a.terminate().await;
}

/// Caught: a write that is acknowledged before it is on the disk.
#[tokio::test]
async fn convergence_after_the_writer_was_killed() {
    let (launch, mut a, b) = two_nodes().await;
    let first = a.put_bot("b", "one").await;
    serves(&b, "b", first).await;
    for version in 0..5 {
        let revision = a.put_bot("b", &format!("version {version}")).await;
        a.kill().await;
        serves(&b, "b", revision).await;
        a = launch.start().await;
        assert_eq!(a.served("b").await, revision);
    }
    a.delete("/api/v1/bots/b").await.expect(204);
    a.kill().await;
    serves_no_more(&b, "b").await;
    b.terminate().await;
}
