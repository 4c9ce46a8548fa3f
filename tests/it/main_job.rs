//! The main job, end to end: a bot is registered, served, changed, and served anew, with no restart.

use crate::harness::{Launch, SlowModel, echo};
use serde_json::json;

#[tokio::test]
async fn a_bot_is_registered_served_changed_and_served_anew_without_a_restart() {
    let node = Launch::new().start().await;
    node.chat("greeter", "hi").await.problem(404);

    let first = node.put_bot("greeter", "You greet.").await;
    let reply = node.chat("greeter", "hi").await.expect(200);
    assert_eq!(
        reply.json()["reply"],
        format!("[greeter@{first}] You greet. | you said: hi")
    );
    assert_eq!(reply.revision(), first);

    let second = node.put_bot("greeter", "You greet in French.").await;
    assert!(second > first);
    let reply = node.chat("greeter", "hi").await.expect(200);
    assert_eq!(
        reply.json()["reply"],
        format!("[greeter@{second}] You greet in French. | you said: hi")
    );
    node.terminate().await;
}

#[tokio::test]
async fn a_bot_answers_409_while_it_is_out_of_service_and_404_once_it_is_deleted() {
    let node = Launch::new().start().await;
    node.put_bot("b", "p").await;
    node.served("b").await;

    node.post("/api/v1/bots/b/deactivate").await.expect(200);
    node.chat("b", "hi").await.problem(409);
    let activated = node.post("/api/v1/bots/b/activate").await.expect(200);
    assert_eq!(node.served("b").await, activated.revision());

    node.delete("/api/v1/bots/b").await.expect(204);
    node.chat("b", "hi").await.problem(404);
    node.get("/api/v1/bots/b").await.problem(404);
    let recreated = node.put_bot("b", "q").await;
    assert_eq!(node.served("b").await, recreated);
    node.terminate().await;
}

#[tokio::test]
async fn a_conversation_goes_on_across_a_reload_of_its_bot() {
    let node = Launch::new().start().await;
    let model = SlowModel::start().await;
    model.release();
    node.put("/api/v1/bots/b", &model.bot()).await.expect(201);
    let say = async |message: &str| {
        let body = json!({"message": message, "conversation_id": "ada-1"});
        let request = node.chat_request("b", message).json(&body);
        node.send(request).await.expect(200)
    };
    say("I am Ada.").await;

    let mut changed = model.bot();
    changed["config"]["system_prompt"] = json!("You are new.");
    node.put("/api/v1/bots/b", &changed).await.expect(200);
    let reply = say("Who am I?").await;
    assert_eq!(reply.json()["conversation_id"], "ada-1");

    let heard = model.heard();
    let last = heard.last().unwrap();
    for said in ["You are new.", "I am Ada.", "Hello you", "Who am I?"] {
        assert!(last.contains(said), "{said:?} is not in {last}");
    }
    node.terminate().await;
}

#[tokio::test]
async fn a_streamed_reply_comes_in_pieces_and_then_whole() {
    let node = Launch::new().start().await;
    let revision = node.put_bot("b", "p").await;
    let events = node.chat_events("b", "hi there").await.rest().await;
    let (done, deltas) = events.split_last().unwrap();
    assert!(deltas.len() > 1);
    assert!(deltas.iter().all(|event| event.name == "delta"));
    let text: String = deltas
        .iter()
        .map(|event| event.data["text"].as_str().unwrap())
        .collect();
    assert_eq!(text, format!("[b@{revision}] p | you said: hi there"));
    assert_eq!(done.name, "done");
    assert_eq!(done.data["reply"], text);
    assert_eq!(done.data["revision"], revision);
    node.terminate().await;
}

#[tokio::test]
async fn a_watcher_hears_of_every_change_in_order() {
    let node = Launch::new().start().await;
    let mut watcher = node.watch().await;
    node.put("/api/v1/bots/b", &echo("p")).await.expect(201);
    node.put("/api/v1/bots/b", &echo("q")).await.expect(200);
    node.post("/api/v1/bots/b/deactivate").await.expect(200);
    node.post("/api/v1/bots/b/activate").await.expect(200);
    node.delete("/api/v1/bots/b").await.expect(204);
    let kinds = ["created", "updated", "deactivated", "activated", "deleted"];
    for (revision, kind) in (1..).zip(kinds) {
        let event = watcher.next().await.unwrap();
        assert_eq!(event.name, "change");
        let change = event.data;
        assert_eq!(
            (&change["id"], &change["revision"], &change["kind"]),
            (&json!("b"), &json!(revision), &json!(kind))
        );
    }
    node.terminate().await;
}
