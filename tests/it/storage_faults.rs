//! A disk that is full, and a registry that another process has locked.

use crate::harness::{Launch, Node, POLL, WriteLock, echo, eventually};
use std::process::Command;
use std::time::Duration;

/// The largest file that a process may write from now on, until it is told another.
fn limit_files(node: &Node, limit: &str) {
    let done = Command::new("prlimit")
        .args([
            "--pid",
            &node.pid().to_string(),
            &format!("--fsize={limit}:"),
        ])
        .status()
        .expect("prlimit is part of util-linux");
    assert!(done.success());
}

#[tokio::test]
async fn a_full_disk_refuses_writes_loses_nothing_and_is_got_over() {
    // Without this the limit would end the process, which no full disk does.
    let launch = Launch::new().shell("trap '' XFSZ");
    let node = launch.start().await;
    let prompt = "x".repeat(10_000);
    let mut stored = vec![("first".to_owned(), node.put_bot("first", &prompt).await)];
    node.served("first").await;

    limit_files(&node, "200000");
    let refusal = loop {
        let id = format!("bot-{}", stored.len());
        let answer = node
            .put(&format!("/api/v1/bots/{id}"), &echo(&prompt))
            .await;
        if answer.status == 201 {
            stored.push((id, answer.revision()));
            assert!(stored.len() < 100, "the disk is never full");
        } else {
            break answer;
        }
    };
    let said = refusal.problem(503);
    assert!(said.contains("registry"), "{said}");
    let logged = node.errors();
    assert!(logged.contains("the disk with"), "{logged}");
    for (id, revision) in &stored {
        let read = node.get(&format!("/api/v1/bots/{id}")).await.expect(200);
        assert_eq!(read.revision(), *revision);
    }
    assert_eq!(node.chat("first", "hi").await.status, 200);

    limit_files(&node, "unlimited");
    let (_, newest) = stored.last().unwrap();
    let next = node.put_bot("after", &prompt).await;
    assert_eq!(next, newest + 1, "what was refused is not in the log");
    stored.push(("after".into(), next));
    node.terminate().await;

    let node = launch.start().await;
    let list = node.get("/api/v1/bots").await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), stored.len());
    for (id, revision) in &stored {
        assert_eq!(node.served(id).await, *revision);
    }
    node.terminate().await;
}

#[tokio::test]
async fn a_registry_locked_by_another_process_is_read_and_refuses_writes_until_it_is_free() {
    let launch = Launch::new().polling(POLL);
    let node = launch.start().await;
    let revision = node.put_bot("b", "p").await;
    node.put_bot("unused", "p").await;
    let lock = WriteLock::take(&launch.registry()).await;

    let next = echo("q");
    let (one, other, served, unused) = tokio::join!(
        node.put("/api/v1/bots/b", &next),
        node.delete("/api/v1/bots/b"),
        node.served("b"),
        node.served("unused"),
    );
    for refused in [one, other] {
        let said = refused.problem(503);
        assert!(said.contains("registry"), "{said}");
    }
    assert_eq!((served, unused), (revision, revision + 1));
    let logged = node.errors();
    assert!(logged.contains("locked by another process"), "{logged}");

    drop(lock);
    let written = eventually("it is written again", Duration::from_secs(10), async || {
        let answer = node.put("/api/v1/bots/b", &next).await;
        if answer.status == 200 {
            Ok(answer)
        } else {
            Err(answer.text)
        }
    })
    .await;
    assert_eq!(written.revision(), revision + 2);
    assert_eq!(node.served("b").await, written.revision());
    node.terminate().await;
}
