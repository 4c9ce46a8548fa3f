//! Applying beside others, and not to the end.

use super::{command, hotbed, write_bot};
use crate::harness::{DEADLINE, Launch, Node, echo, eventually};
use hotbed_testkit::PostgresServer;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

/// Meant to catch: to write without a condition, to end at the first conflict or refusal, to end well all the same.
#[tokio::test]
async fn what_cannot_be_done_is_told_and_the_rest_is_done() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path();
    let node = Launch::new().arg("--admission", "strict").start().await;
    for id in ["a", "b", "c"] {
        write_bot(dir, id, "one");
    }
    hotbed(dir, Some(&node), "apply --owner web")
        .await
        .expect(0);
    let foreign = json!({"metadata": {"managed_by": "hotbed-apply:ops"}});
    let mut body = echo("theirs");
    body.as_object_mut()
        .unwrap()
        .extend(foreign.as_object().unwrap().clone());
    node.put("/api/v1/bots/b", &body).await.expect(200);
    write_bot(dir, "a", "two");
    write_bot(dir, "b", "two");
    write_bot(dir, "d", "one");
    fs::write(
        dir.join("configs/domains/c.yaml"),
        "domain: {id: c}\nbot: {llm: {provider: no-such}}\n",
    )
    .unwrap();

    let said = hotbed(dir, Some(&node), "apply --owner web")
        .await
        .expect(1);
    // Told in the order of the plan, written at once: either may come first.
    let told = |a: u64, d: u64| {
        format!(
            "updated a: revision {a}\ncreated d: revision {d}\n1 created, 1 updated, 0 deleted, 2 refused, 0 the same\n"
        )
    };
    assert!(
        [told(5, 6), told(6, 5)].contains(&said.output),
        "{}",
        said.output
    );
    let errors: Vec<_> = said.errors.lines().collect();
    assert!(
        errors[0].starts_with("error: b is refused: it belongs to ops"),
        "{said:?}"
    );
    assert!(errors[1].starts_with("error: c is refused: "), "{said:?}");

    let said = hotbed(
        dir,
        Some(&node),
        "apply --owner web --take-over --output json",
    )
    .await
    .expect(1);
    let counts = &said.json()["counts"];
    assert_eq!(
        (&counts["updated"], &counts["refused"]),
        (&json!(1), &json!(1))
    );
    node.terminate().await;
}

/// Two pipelines at once: each bot is written by one of them, and the other one says so.
///
/// Meant to catch: to write without a condition; to call a conflict anything else.
#[tokio::test]
async fn who_applies_at_the_same_time_is_told_of_conflicts_and_overwrites_nothing() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let node = Launch::new().start().await;
    for n in 0..200 {
        write_bot(one.path(), &format!("bot-{n}"), "one");
        write_bot(two.path(), &format!("bot-{n}"), "two");
    }
    let apply = async |dir| hotbed(dir, Some(&node), "apply --output json").await;
    let (first, second) = tokio::join!(apply(one.path()), apply(two.path()));
    let count = |said: &super::Said, what: &str| said.json()["counts"][what].as_u64().unwrap();
    let written = |said: &super::Said| count(said, "created") + count(said, "updated");
    let lost = |said: &super::Said| count(said, "in_conflict");
    assert_eq!(node.head().await, written(&first) + written(&second));
    for said in [&first, &second] {
        assert_eq!(said.code, i32::from(lost(said) > 0), "{said:?}");
        for step in said.json()["steps"].as_array().unwrap() {
            assert!(
                ["done", "conflict"].contains(&step["outcome"].as_str().unwrap()),
                "{step}"
            );
        }
    }
    node.terminate().await;
}

/// A run that has written some of its bots, and not all.
async fn half_done(dir: &Path, node: &Node, args: &str) -> Child {
    let mut running = command(dir, Some(node), args);
    let running = running
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("some are written", DEADLINE, async || {
        let head = node.head().await;
        if head > 20 {
            Ok(())
        } else {
            Err(format!("{head}"))
        }
    })
    .await;
    running
}

/// Meant to catch: to end at once, to go on, to forget a step in the account.
#[tokio::test]
async fn an_interrupted_run_says_what_was_done_and_what_was_not() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path();
    let node = Launch::new().start().await;
    for n in 0..3_000 {
        write_bot(dir, &format!("bot-{n:04}"), "one");
    }
    let running = half_done(dir, &node, "apply --output json").await;
    let pid = Pid::from_raw(running.id().unwrap().cast_signed());
    kill(pid, Signal::SIGINT).unwrap();
    let ended = running.wait_with_output().await.unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let document: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let counts = &document["counts"];
    let (created, not_sent) = (
        counts["created"].as_u64().unwrap(),
        counts["not_sent"].as_u64().unwrap(),
    );
    assert_eq!(created + not_sent, 3_000, "{counts}");
    assert_eq!(node.head().await, created);
    assert!(not_sent > 0, "it was at its end already");
    assert!(
        String::from_utf8(ended.stderr)
            .unwrap()
            .contains("stopping")
    );

    let said = hotbed(dir, Some(&node), "apply --output json")
        .await
        .expect(0);
    assert_eq!(said.json()["counts"]["created"], not_sent);
    node.terminate().await;
}

/// While its registry is away a node answers 503, and nobody knows what of the last writes was done. It is asked again, and
/// every bot is there once and is told of as done.
///
/// Meant to catch: a 503 is final; a write that was done although it was answered so is told of as a conflict.
#[tokio::test]
async fn a_registry_that_is_away_for_a_while_is_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path();
    let postgres = PostgresServer::start(&[]);
    let database = postgres.database();
    let node = Launch::new()
        .arg("--registry", database.tcp_url())
        .start()
        .await;
    for n in 0..3_000 {
        write_bot(dir, &format!("bot-{n:04}"), "one");
    }
    let mut running = half_done(dir, &node, "apply --output json --timeout 2m").await;
    postgres.kill();
    let mut told = BufReader::new(running.stderr.take().unwrap()).lines();
    let waits = async {
        while let Some(line) = told.next_line().await.unwrap() {
            if line.contains("is asked again") {
                return;
            }
        }
        panic!("it ended");
    };
    tokio::time::timeout(DEADLINE, waits).await.unwrap();
    postgres.resume();
    let rest = async {
        let mut rest = String::new();
        while let Some(line) = told.next_line().await.unwrap() {
            rest = rest + &line + "\n";
        }
        rest
    };
    let (told, ended) = tokio::join!(rest, running.wait_with_output());
    let ended = ended.unwrap();
    assert_eq!(ended.status.code(), Some(0), "{told}");
    let document: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(document["counts"]["created"], 3_000, "{told}");
    node.terminate().await;
}

/// Meant to catch: to go on against a server that is gone, or to call done what is not.
#[tokio::test]
async fn a_server_that_goes_away_ends_the_run() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path();
    let node = Launch::new().start().await;
    for n in 0..3_000 {
        write_bot(dir, &format!("bot-{n:04}"), "one");
    }
    let running = half_done(dir, &node, "apply --output json").await;
    node.kill().await;
    let ended = running.wait_with_output().await.unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let document: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let counts = &document["counts"];
    let of = |what: &str| counts[what].as_u64().unwrap();
    assert_eq!(
        of("created") + of("not_sent") + of("unknown"),
        3_000,
        "{counts}"
    );
    assert!(
        of("created") > 0 && of("not_sent") > 0 && of("unknown") <= 16,
        "{counts}"
    );
}

/// Meant to catch: to write what another one said, to write half, to lose a value on the way, to call an inactive bot active.
#[tokio::test]
async fn what_is_exported_is_the_same_and_nothing_else_is_overwritten() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path();
    let node = Launch::new().start().await;
    for (id, prompt) in [("a", "yes"), ("b", "one\ntwo: 3\n"), ("c c", "- \u{2028}")] {
        let mut body = echo(prompt);
        body["metadata"] = json!({"tier": 1, "note": "1_000"});
        node.put(&format!("/api/v1/bots/{}", id.replace(' ', "%20")), &body)
            .await
            .expect(201);
    }
    node.put_bot("resting", "zzz").await;
    node.post("/api/v1/bots/resting/deactivate")
        .await
        .expect(200);
    let said = hotbed(dir, Some(&node), "export configs").await.expect(0);
    assert!(said.output.ends_with("3 written, 0 the same\n"), "{said:?}");
    assert!(
        said.errors.contains("warning: resting is left out"),
        "{said:?}"
    );
    hotbed(dir, Some(&node), "diff configs").await.expect(0);

    let file = dir.join("configs/domains/a.yaml");
    let commented = format!("# mine\n{}", fs::read_to_string(&file).unwrap());
    fs::write(&file, &commented).unwrap();
    let said = hotbed(dir, Some(&node), "export configs").await.expect(0);
    assert_eq!(said.output, "0 written, 3 the same\n");
    assert_eq!(fs::read_to_string(&file).unwrap(), commented);

    node.put_bot("a", "changed").await;
    node.put_bot("new", "n").await;
    let said = hotbed(dir, Some(&node), "export configs").await.expect(1);
    assert!(
        said.errors
            .contains("a.yaml is there already and says something else"),
        "{said:?}"
    );
    assert!(
        !dir.join("configs/domains/new.yaml").exists(),
        "all or nothing"
    );
    hotbed(dir, Some(&node), "export configs --force")
        .await
        .expect(0);
    hotbed(dir, Some(&node), "diff configs").await.expect(0);
    node.terminate().await;
}
