//! A node whose registry is another node.

use crate::harness::{Launch, Node, eventually};
use std::time::Duration;

/// Far less than the poll interval here: what is seen within it was announced.
const SOON: Duration = Duration::from_secs(10);

/// A node and one whose registry it is, which asks for changes once in an hour.
async fn chain() -> (Launch, Node, Launch, Node) {
    let first_launch = Launch::new();
    let first = first_launch.start().await;
    let registry = format!("{}/api/v1", first.url);
    let launch = Launch::new()
        .arg("--registry", registry)
        .polling(Duration::from_hours(1));
    let second = launch.start().await;
    (first_launch, first, launch, second)
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

/// Caught: a bus that carries only what is published in its own process.
#[tokio::test]
async fn a_node_whose_registry_is_another_node_is_told_of_its_changes() {
    let (_first_launch, first, _launch, second) = chain().await;
    let one = first.put_bot("greeter", "one").await;
    serves(&second, "greeter", one).await;
    let two = first.put_bot("greeter", "two").await;
    serves(&second, "greeter", two).await;
    // What is written through it is there at once, here and there.
    let three = second.put_bot("greeter", "three").await;
    assert_eq!(three, two + 1);
    assert_eq!(second.served("greeter").await, three);
    serves(&first, "greeter", three).await;
    second.delete("/api/v1/bots/greeter").await.expect(204);
    assert_eq!(first.chat("greeter", "hi").await.status, 404);
    second.terminate().await;
    first.terminate().await;
}

/// Caught: a read that takes whatever fails for an answer.
#[tokio::test]
async fn it_serves_on_while_the_other_is_away_and_follows_it_again() {
    let (first_launch, first, _launch, second) = chain().await;
    let one = first.put_bot("greeter", "one").await;
    serves(&second, "greeter", one).await;
    let address = first.address().to_owned();
    first.terminate().await;
    assert_eq!(second.served("greeter").await, one);
    let refused = second
        .put("/api/v1/bots/greeter", &crate::harness::echo("x"))
        .await;
    assert_eq!(refused.status, 503);

    let first = first_launch.arg("--listen", address).start().await;
    let two = first.put_bot("greeter", "two").await;
    serves(&second, "greeter", two).await;
    second.terminate().await;
    first.terminate().await;
}
