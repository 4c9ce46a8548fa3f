//! The network of agents from the command line.

use crate::harness::{DEADLINE, HOTBED, Launch, Node, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

/// What was said, and how it ended.
#[derive(Debug)]
struct Ran {
    code: i32,
    output: String,
    errors: String,
}

fn hotbed(node: &Node, args: &[&str]) -> Command {
    let mut command = Command::new(HOTBED);
    command.args(args).env_clear();
    command.env("HOTBED_SERVER", &node.url);
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn run(node: &Node, args: &[&str]) -> Ran {
    let ran = hotbed(node, args).output().await.unwrap();
    Ran {
        code: ran.status.code().unwrap(),
        output: String::from_utf8(ran.stdout).unwrap(),
        errors: String::from_utf8(ran.stderr).unwrap(),
    }
}

async fn agents(node: &Node) -> Vec<String> {
    let health = node.get("/api/health").await.expect(200).json();
    let agents = health["data"]["agents"].as_object().unwrap();
    agents.keys().cloned().collect()
}

/// Meant to catch: a field that the client spells otherwise than the network, an agent that stays.
#[tokio::test]
async fn events_are_sent_and_answered_and_no_agent_stays() {
    let node = Launch::new().start().await;
    let send = ["network", "send-event", "--event-name"];
    let load = [
        &send[..],
        &["system.mod.load", "--payload"],
        &[r#"{"mod_path": "openagents.mods.workspace.wiki"}"#],
    ]
    .concat();
    let create = [
        &send[..],
        &["wiki.page.create", "--payload"],
        &[r#"{"page_path": "start", "title": "Start", "wiki_content": "Hello"}"#],
    ]
    .concat();
    let nameless = [&send[..], &["NotAName"]].concat();
    for (args, code, told) in [
        (&load, 0, "Successfully loaded mod: wiki\n"),
        (&load, 1, "error: Mod 'wiki' is already loaded\n"),
        (&create, 0, "start"),
        (&nameless, 1, "event_name is wrong"),
    ] {
        let ran = run(&node, args).await;
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        let said = format!("{}{}", ran.output, ran.errors);
        assert!(said.contains(told), "{args:?}: {said}");
    }
    let ran = run(&node, &["network", "list-mods"]).await;
    assert!(
        ran.output.contains("openagents.mods.workspace.wiki"),
        "{ran:?}"
    );
    let ran = run(&node, &["network", "list", "--status"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.output.contains(&node.url), "{ran:?}");
    assert_eq!(agents(&node).await, [""; 0]);
    node.terminate().await;
}

/// Meant to catch: to be ended by the signal before the agent has left.
#[tokio::test]
async fn an_agent_that_waits_prints_what_comes_and_leaves_on_ctrl_c() {
    let node = Launch::new().start().await;
    let wait = [
        "network",
        "send-event",
        "--event-name",
        "system.list_agents",
        "--source-id",
        "alice",
        "--wait",
        "1h",
    ];
    let mut waiting = hotbed(&node, &wait);
    waiting.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut waiting = waiting.spawn().unwrap();
    eventually("joined", DEADLINE, async || {
        let agents = agents(&node).await;
        (agents == ["alice"])
            .then_some(())
            .ok_or_else(|| format!("{agents:?}"))
    })
    .await;
    let said = [
        "network",
        "send-event",
        "--event-name",
        "chat.said",
        "--payload",
        r#"{"text": "hello"}"#,
        "--to",
        "agent:alice",
    ];
    let ran = run(&node, &said).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut lines = BufReader::new(waiting.stdout.take().unwrap()).lines();
    let heard = timeout(DEADLINE, async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("chat.said from cli-") && line.contains("hello") {
                return;
            }
        }
        panic!("it ended before anything came");
    });
    heard.await.unwrap();
    let pid = Pid::from_raw(waiting.id().unwrap().cast_signed());
    kill(pid, Signal::SIGINT).unwrap();
    let ended = timeout(DEADLINE, waiting.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(1));
    assert_eq!(agents(&node).await, [""; 0]);
    node.terminate().await;
}
