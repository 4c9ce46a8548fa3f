use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use hotbed_cli::{Exit, Reader};
use serde_json::{Value, json};

use crate::harness::{
    Closed, Seen, Server, hotbed, hotbed_in, json_answer, problem, respond, run_into,
};

const SECRET: &str = "s3cr3t-of-the-agent";
const HASH: &str = "aa11bb22";

fn joined() -> Response<Body> {
    json_answer(
        200,
        &json!({
            "success": true, "network_name": "net", "network_id": "net", "secret": SECRET, "assigned_group": "guest"
        }),
    )
}

fn left() -> Response<Body> {
    json_answer(200, &json!({"success": true}))
}

fn answered(success: bool, message: &str, data: &Value) -> Response<Body> {
    json_answer(
        200,
        &json!({
            "success": success, "message": message, "event_id": "e1", "data": data, "event_name": "a.b"
        }),
    )
}

fn polled(messages: &Value) -> Response<Body> {
    json_answer(
        200,
        &json!({"success": true, "messages": messages, "agent_id": "alice"}),
    )
}

fn paths(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(|it| it.uri.path()).collect()
}

const ONE_VISIT: [&str; 3] = ["/api/register", "/api/send_event", "/api/unregister"];

/// Meant to catch: to stay in the network, to send what is needed to leave to somebody else, to show the secret.
#[tokio::test]
async fn an_event_is_sent_by_an_agent_that_comes_and_goes() {
    let data = json!({"mod_id": "wiki", "x": "\u{1b}[2J"});
    let server = Server::answering([
        joined(),
        answered(true, "Successfully loaded mod: wiki", &data),
        left(),
    ])
    .await;
    let args = [
        "network",
        "send-event",
        "--event-name",
        "system.mod.load",
        "--payload",
        "{\"mod_path\": \"a.wiki\"}",
        "--to",
        "agent:bob",
    ];
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!((outcome.exit, outcome.errors.as_str()), (Exit::Done, ""));
    assert_eq!(
        outcome.output,
        "Successfully loaded mod: wiki\n{\n  \"mod_id\": \"wiki\",\n  \"x\": \"\\u001b[2J\"\n}\n"
    );
    let seen = server.seen();
    assert_eq!(paths(&seen), ONE_VISIT);
    assert!(seen.iter().all(|it| it.method == "POST"));
    let (join, event, leave) = (seen[0].json(), seen[1].json(), seen[2].json());
    let id = join["agent_id"].as_str().unwrap();
    assert!(id.starts_with("cli-"), "{id}");
    assert_eq!(
        join,
        json!({"agent_id": id, "metadata": {}, "password_hash": ""})
    );
    assert_eq!(
        event,
        json!({
            "event_id": event["event_id"], "event_name": "system.mod.load", "source_id": id,
            "target_agent_id": "agent:bob", "payload": {"mod_path": "a.wiki"}, "metadata": {},
            "visibility": "network", "secret": SECRET
        })
    );
    assert!(event["event_id"].is_string());
    assert_eq!(leave, json!({"agent_id": id, "secret": SECRET}));
}

#[tokio::test]
async fn an_agent_may_have_a_name_a_group_and_the_hash_of_its_password() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{HASH}\n")).unwrap();
    let refused =
        json!({"success": false, "error_message": "Registration failed: the id is in use"});
    let server = Server::answering([json_answer(200, &refused)]).await;
    let args = [
        "network",
        "send-event",
        "--event-name",
        "a.b",
        "--source-id",
        "alice",
        "--group",
        "admin",
        "--password-hash-file",
        file.path().to_str().unwrap(),
    ];
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!((outcome.exit, outcome.output.as_str()), (Exit::Failed, ""));
    assert_eq!(
        outcome.errors,
        "error: the network refuses the agent \"alice\": Registration failed: the id is in use\n"
    );
    let seen = server.seen();
    assert_eq!(
        paths(&seen),
        ["/api/register"],
        "who has not joined does not leave"
    );
    assert_eq!(
        seen[0].json(),
        json!({"agent_id": "alice", "metadata": {}, "password_hash": HASH, "agent_group": "admin"})
    );
}

/// Caught: to leave only when there was an answer, or only when it was a good one.
#[tokio::test]
async fn the_agent_leaves_whatever_came_of_the_event() {
    let refused = answered(false, "Access denied. Admin group required.", &json!(null));
    let malformed = json!({"success": false, "error_message": "event_name is wrong: x"});
    for (answer, told) in [
        (refused, "error: Access denied. Admin group required.\n"),
        (
            json_answer(400, &malformed),
            "error: event_name is wrong: x\n",
        ),
        (problem(503, "busy"), "error: busy\n"),
        (respond(502, "text/html", "<html>"), "and not as a hotbed"),
    ] {
        let server = Server::answering([joined(), answer, left()]).await;
        let args = ["network", "send-event", "--event-name", "a.b"];
        let outcome = hotbed(&server.url, &args).await;
        assert_eq!(outcome.exit, Exit::Failed, "{outcome:?}");
        assert!(outcome.errors.contains(told), "{outcome:?}");
        assert_eq!(paths(&server.seen()), ONE_VISIT, "{told}");
    }
    let server = Server::answering([joined(), answered(true, "ok", &json!(null)), left()]).await;
    let exit = run_into(
        &server.url,
        &["network", "send-event", "--event-name", "a.b"],
        Reader::Program,
        b"",
        &mut Closed,
        &mut Closed,
    )
    .await;
    assert_eq!(exit, Exit::Done, "whoever reads along has seen enough");
    assert_eq!(paths(&server.seen()), ONE_VISIT);
}

#[tokio::test]
async fn an_agent_that_cannot_leave_is_told_of() {
    let stays = json!({"success": false, "error_message": "no such agent"});
    let server = Server::answering([
        joined(),
        answered(true, "", &json!(null)),
        json_answer(200, &stays),
    ])
    .await;
    let args = [
        "network",
        "send-event",
        "--event-name",
        "a.b",
        "--source-id",
        "alice",
    ];
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!(
        (outcome.exit, outcome.output.as_str()),
        (Exit::Done, "done\n")
    );
    assert_eq!(
        outcome.errors,
        "warning: alice is still in the network: the network refuses the agent \"alice\": no such agent\n"
    );
    assert!(!outcome.errors.contains(SECRET));
}

/// Caught: to end with the first that comes.
#[tokio::test]
async fn what_comes_until_the_time_is_over_is_printed() {
    let said = |text: &str| {
        let payload = json!({"text": text});
        json!([{"event_name": "chat.said", "source_id": "bob", "timestamp": 1, "payload": payload}])
    };
    let server = Server::answering([
        joined(),
        answered(true, "sent", &json!(null)),
        polled(&said("one")),
        polled(&said("two")),
        left(),
        joined(),
        answered(true, "sent", &json!(null)),
        polled(&said("one")),
        polled(&json!([])),
        left(),
    ])
    .await;
    let args = [
        "network",
        "send-event",
        "--event-name",
        "a.b",
        "--wait",
        "200ms",
    ];
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!((outcome.exit, outcome.errors.as_str()), (Exit::Done, ""));
    assert_eq!(
        outcome.output,
        "sent\n\
         1970-01-01 00:00:01Z  chat.said from bob: {\"text\":\"one\"}\n\
         1970-01-01 00:00:01Z  chat.said from bob: {\"text\":\"two\"}\n"
    );
    let seen = server.seen();
    let poll = seen[2].uri.query().unwrap();
    assert!(
        poll.starts_with("agent_id=cli-") && poll.ends_with(&format!("&secret={SECRET}")),
        "{poll}"
    );
    assert_eq!(seen[4].uri.path(), "/api/unregister");
    let outcome = hotbed(&server.url, &[&args[..], &["--output", "json"]].concat()).await;
    let lines: Vec<Value> = outcome
        .output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "{outcome:?}");
    assert_eq!(lines[0]["message"], "sent");
    assert_eq!(lines[1]["payload"]["text"], "one");
}

/// Caught: to stay in the network when it falls silent.
#[tokio::test]
async fn no_error_shows_the_secret() {
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let server = Server::answering([
        joined(),
        answered(true, "sent", &json!(null)),
        respond(200, "application/json", never),
        left(),
    ])
    .await;
    let args = [
        "network",
        "send-event",
        "--event-name",
        "a.b",
        "--wait",
        "5s",
        "--timeout",
        "100ms",
    ];
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!(outcome.exit, Exit::Unreachable);
    assert!(outcome.errors.contains("stopped answering"), "{outcome:?}");
    assert!(!outcome.errors.contains(SECRET), "{outcome:?}");
    assert_eq!(
        server.seen().last().unwrap().uri.path(),
        "/api/unregister",
        "a silence is no reason to stay"
    );
}

#[tokio::test]
async fn the_mods_of_a_network_are_listed_as_agents_see_them() {
    let mods = json!({"type": "system_response", "command": "list_mods", "mods": [
        {"name": "a.b.wiki", "version": "1.0.0", "description": "Pages", "requires_adapter": false}
    ]});
    let server = Server::answering([joined(), answered(true, "ok", &mods), left()]).await;
    let args = ["network", "list-mods", "--source-id", "alice"];
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!(
        (outcome.exit, outcome.output.as_str()),
        (
            Exit::Done,
            "MOD       VERSION  WHAT\na.b.wiki  1.0.0    Pages\n"
        )
    );
    let seen = server.seen();
    assert_eq!(paths(&seen), ONE_VISIT);
    assert_eq!(seen[1].json()["event_name"], "system.list_mods");
    assert_eq!(seen[1].json()["payload"], json!({"agent_id": "alice"}));
}

/// Caught: to show the token, to take whoever answers for a network.
#[tokio::test]
async fn networks_are_found_and_nobody_is_shown_a_token() {
    let health = json!({"success": true, "status": "degraded", "data": {
        "network_id": "net-1", "network_name": "The\nnet", "agent_count": 2, "mods": [{}, {}, {}],
        "uptime_seconds": 61.5
    }});
    let server = Server::answering([json_answer(200, &health), json_answer(200, &health)]).await;
    let process = [("HOTBED_ADMIN_TOKEN", "0123456789abcdef")];
    let outcome = hotbed_in(&server.url, &["network", "list"], &process).await;
    assert_eq!(outcome.exit, Exit::Done);
    let line = |cells: &[&str]| cells.join(" ");
    let words = |output: &str, of: &str| {
        let found = output.lines().find(|line| line.starts_with(of)).unwrap();
        line(&found.split_whitespace().collect::<Vec<_>>())
    };
    assert_eq!(
        words(&outcome.output, &server.url),
        format!("{} The\\nnet net-1", server.url)
    );
    let args = ["network", "list", "--status"];
    let outcome = hotbed_in(&server.url, &args, &process).await;
    assert_eq!(
        words(&outcome.output, &server.url),
        format!("{} The\\nnet net-1 degraded 2 3 1m 1s", server.url)
    );
    let seen = server.seen();
    assert_eq!(paths(&seen), ["/api/health", "/api/health"]);
    assert!(seen.iter().all(|it| it.header("authorization").is_none()));
    let other = Server::answering([json_answer(200, &json!({"status": "ok"}))]).await;
    let outcome = hotbed(&other.url, &["network", "list", "--output", "json"]).await;
    assert_eq!(outcome.exit, Exit::Done);
    assert!(!outcome.output.contains(&other.url), "{outcome:?}");
}

#[tokio::test]
async fn a_payload_that_cannot_be_read_is_told_before_anybody_joins() {
    let server = Server::answering([]).await;
    let args = [
        "network",
        "send-event",
        "--event-name",
        "a.b",
        "--payload",
        "@/no/such/file",
        "--timeout",
        "1s",
    ];
    let ran = tokio::time::timeout(Duration::from_secs(5), hotbed(&server.url, &args)).await;
    let outcome = ran.unwrap();
    assert_eq!(outcome.exit, Exit::Failed);
    assert!(outcome.errors.contains("/no/such/file"), "{outcome:?}");
    assert!(server.seen().is_empty());
}
