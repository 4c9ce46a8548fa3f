//! What clients ask of a node.

use super::{Answer, Events, Node};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// The body of a write that makes a bot with this prompt.
pub(crate) fn echo(prompt: &str) -> Value {
    let llm = json!({"provider": "echo", "model": "echo-1"});
    json!({"config": {"llm": llm, "system_prompt": prompt}})
}

impl Node {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// What the node answered, or why there is no answer.
    pub(crate) async fn try_send(&self, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        Answer::of(request.send().await?).await
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request)
            .await
            .unwrap_or_else(|error| panic!("no answer: {error:?}"))
    }

    pub(crate) async fn try_get(&self, path: &str) -> Result<Answer, reqwest::Error> {
        self.try_send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// A POST without a body.
    pub(crate) async fn post(&self, path: &str) -> Answer {
        self.send(self.request(Method::POST, path)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    /// Registers an echo bot, or changes its prompt. Answers the revision.
    pub(crate) async fn put_bot(&self, id: &str, prompt: &str) -> u64 {
        let answer = self.put(&format!("/api/v1/bots/{id}"), &echo(prompt)).await;
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
        answer.revision()
    }

    pub(crate) fn chat_request(&self, id: &str, message: &str) -> RequestBuilder {
        self.request(Method::POST, &format!("/api/v1/bots/{id}/chat"))
            .json(&json!({"message": message}))
    }

    pub(crate) async fn chat(&self, id: &str, message: &str) -> Answer {
        self.send(self.chat_request(id, message)).await
    }

    /// The revision of the bot that answers now.
    pub(crate) async fn served(&self, id: &str) -> u64 {
        self.chat(id, "hi").await.expect(200).revision()
    }

    /// What a bot answers piece by piece.
    pub(crate) async fn chat_events(&self, id: &str, message: &str) -> Events {
        let request = self
            .chat_request(id, message)
            .header("accept", "text/event-stream");
        Events::of(request.send().await.unwrap())
    }

    /// What happens from now on.
    pub(crate) async fn watch(&self) -> Events {
        let request = self
            .request(Method::GET, "/api/v1/changes")
            .header("accept", "text/event-stream");
        Events::of(request.send().await.unwrap())
    }

    pub(crate) async fn health(&self) -> Value {
        self.get("/api/v1/health").await.json()
    }

    /// The registry's newest revision.
    pub(crate) async fn head(&self) -> u64 {
        self.get("/api/v1/changes").await.expect(200).number("head")
    }

    pub(crate) async fn instance(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/bots/{id}/instance"))
            .await
            .expect(200)
            .json()
    }
}
