//! Bots against a local server that speaks the providers' formats, as their public documentation describes them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod wire;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use hotbed_bots::{
    Bot, BotFactory, ChatError, ConversationId, ConversationLimits, Conversations, ProviderKeys,
    Reply, ReplyEvent, Turn,
};
use hotbed_cache::{Id, InstanceFactory, Revision};
use hotbed_configs::{Environment, PortableConfig, ResolvedConfig, SecretRef, WrittenIn};
use serde_json::{Value, json};

use wire::{Answer, End, Server};

const KEY: &str = "test-key-0123456789abcdef";
const APIS: [&str; 3] = ["openai", "anthropic", "ollama"];

fn factory() -> BotFactory {
    let keys = ProviderKeys::from_iter([("TEST_API_KEY".to_owned(), KEY.to_owned())]);
    BotFactory::new(keys, Conversations::new(ConversationLimits::default()))
}

fn id() -> Id {
    Id::new("b").unwrap()
}

fn resolved(config: &Value) -> ResolvedConfig {
    ResolvedConfig::verbatim(&PortableConfig::from_value(config.clone()).unwrap())
}

async fn build(config: Value) -> Bot {
    factory()
        .create(&id(), Revision(1), resolved(&config))
        .await
        .unwrap()
}

/// A bot that has everything set and speaks to this server.
async fn bot(server: &Server, api: &str) -> Bot {
    let llm = json!({
        "provider": api, "model": "small", "base_url": server.base_url(api), "api_key_env": "TEST_API_KEY",
        "temperature": 0.5, "max_tokens": 100, "timeout_ms": 20_000
    });
    build(json!({"llm": llm, "system_prompt": "Be kind."})).await
}

async fn say(bot: &Bot, message: &str) -> Result<Reply, ChatError> {
    let conversation = Some(ConversationId::new("c").unwrap());
    bot.chat(Turn {
        conversation,
        message: message.into(),
        revision: Revision(1),
    })
    .await
}

fn assert_tells_no_secret(error: &ChatError) {
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains(&KEY[..8]) && shown.len() < 400, "{shown}");
    }
}

#[tokio::test]
async fn openai_is_sent_model_prompt_history_settings_and_key() {
    let server = Server::start([
        Answer::says("openai", &["Hel", "lo"]),
        Answer::says("openai", &["Fine"]),
    ])
    .await;
    let bot = bot(&server, "openai").await;
    assert_eq!(say(&bot, "hi").await.unwrap().text, "Hello");
    assert_eq!(say(&bot, "how are you?").await.unwrap().text, "Fine");
    let request = server.requests().pop().unwrap();
    assert_eq!(request.path, "/v1/chat/completions");
    assert_eq!(
        request.header("authorization"),
        Some(format!("Bearer {KEY}").as_str())
    );
    assert_eq!(
        request.body,
        json!({
            "model": "small", "stream": true, "temperature": 0.5, "max_tokens": 100,
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": "Hello"},
                {"role": "user", "content": "how are you?"}
            ]
        })
    );
}

/// Caught: to send a key of the configuration's own to the public address only, to build a bot that tells a secret.
#[tokio::test]
async fn a_secret_of_the_configuration_is_sent_as_the_key_and_told_to_nobody() {
    let server = Server::start([Answer::says("openai", &["Hello"])]).await;
    let source = |_: &SecretRef, _: WrittenIn| Ok(Some(KEY.to_owned()));
    let environment = Environment::empty("here").with_secrets(Arc::new(source));
    let resolve = |config: Value| {
        let config = PortableConfig::from_value(config).unwrap();
        environment.resolve(&config).unwrap()
    };
    let secret = json!({"$secret": "env:MINE"});
    let llm = json!({
        "provider": "openai", "model": "small", "base_url": server.base_url("openai"), "api_key": secret
    });
    let config = resolve(json!({ "llm": llm }));
    let bot = factory().create(&id(), Revision(1), config).await.unwrap();
    assert_eq!(say(&bot, "hi").await.unwrap().text, "Hello");
    let request = server.requests().pop().unwrap();
    let sent = format!("Bearer {KEY}");
    assert_eq!(request.header("authorization"), Some(sent.as_str()));
    let shown = format!("{bot:?}");
    assert!(!shown.contains(KEY), "{shown}");

    let told = resolve(json!({"llm": {"provider": "echo"}, "system_prompt": secret}));
    let checked = factory().check(&id(), &told).unwrap_err().to_string();
    assert_eq!(
        checked,
        "system_prompt: a secret may stand in `llm.api_key` only"
    );
    let built = factory().create(&id(), Revision(1), told).await;
    assert_eq!(built.unwrap_err().to_string(), checked);
}

#[tokio::test]
async fn anthropic_is_sent_model_prompt_history_settings_and_key() {
    let answers = [
        Answer::says("anthropic", &["Hel", "lo"]),
        Answer::says("anthropic", &["Fine"]),
    ];
    let server = Server::start(answers).await;
    let bot = bot(&server, "anthropic").await;
    assert_eq!(say(&bot, "hi").await.unwrap().text, "Hello");
    assert_eq!(say(&bot, "how are you?").await.unwrap().text, "Fine");
    let request = server.requests().pop().unwrap();
    assert_eq!(request.path, "/v1/messages");
    assert_eq!(request.header("x-api-key"), Some(KEY));
    assert_eq!(request.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(
        request.body,
        json!({
            "model": "small", "stream": true, "temperature": 0.5, "max_tokens": 100, "system": "Be kind.",
            "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": "Hello"},
                {"role": "user", "content": "how are you?"}
            ]
        })
    );
}

#[tokio::test]
async fn ollama_is_sent_model_prompt_history_settings_and_key() {
    let server = Server::start([
        Answer::says("ollama", &["Hel", "lo"]),
        Answer::says("ollama", &["Fine"]),
    ])
    .await;
    let bot = bot(&server, "ollama").await;
    assert_eq!(say(&bot, "hi").await.unwrap().text, "Hello");
    assert_eq!(say(&bot, "how are you?").await.unwrap().text, "Fine");
    let request = server.requests().pop().unwrap();
    assert_eq!(request.path, "/api/chat");
    assert_eq!(
        request.header("authorization"),
        Some(format!("Bearer {KEY}").as_str())
    );
    assert_eq!(
        request.body,
        json!({
            "model": "small", "stream": true, "options": {"temperature": 0.5, "num_predict": 100},
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": "Hello"},
                {"role": "user", "content": "how are you?"}
            ]
        })
    );
}

#[tokio::test]
async fn replies_are_streamed_as_they_come_spaces_and_all() {
    for api in APIS {
        let server = Server::start([Answer::says(api, &[" größe", " 机器", "\n\n", "人 "])]).await;
        let bot = bot(&server, api).await;
        let turn = Turn {
            conversation: None,
            message: "hi".into(),
            revision: Revision(1),
        };
        let events: Vec<_> = bot.chat_stream(turn).map(Result::unwrap).collect().await;
        let deltas: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                ReplyEvent::Delta(delta) => Some(delta.as_str()),
                ReplyEvent::Done(_) => None,
            })
            .collect();
        assert_eq!(deltas, [" größe", " 机器", "\n\n", "人 "], "{api}");
        let Some(ReplyEvent::Done(reply)) = events.last() else {
            panic!("{api}: not done")
        };
        assert_eq!(reply.text, " größe 机器\n\n人 ");
    }
}

#[tokio::test]
async fn without_a_key_none_is_sent_to_an_own_server() {
    for (api, path) in [
        ("openai", "/v1/chat/completions"),
        ("anthropic", "/v1/messages"),
        ("ollama", "/api/chat"),
    ] {
        let server = Server::start([Answer::says(api, &["ok"])]).await;
        let llm = json!({"provider": api, "model": "small", "base_url": server.base_url(api)});
        let bot = build(json!({"llm": llm})).await;
        assert_eq!(say(&bot, "hi").await.unwrap().text, "ok", "{api}");
        let request = server.requests().pop().unwrap();
        assert_eq!(request.path, path);
        assert_eq!(
            (request.header("authorization"), request.header("x-api-key")),
            (None, None)
        );
        assert!(
            request.body.pointer("/system").is_none(),
            "no prompt, no system message"
        );
        assert_eq!(
            request.body["messages"],
            json!([{"role": "user", "content": "hi"}])
        );
    }
}

/// The library takes `-max` for an effort and `a::` for a namespace, and cuts both off.
#[tokio::test]
async fn a_models_name_is_sent_as_it_is_written() {
    for api in APIS {
        for model in ["qwen-max", "mistral-medium", "org::model:7b", "gpt-high"] {
            let server = Server::start([Answer::says(api, &["ok"])]).await;
            let llm = json!({"provider": api, "model": model, "base_url": server.base_url(api), "max_tokens": 5});
            say(&build(json!({"llm": llm})).await, "hi").await.unwrap();
            let body = server.requests().pop().unwrap().body;
            assert_eq!(body["model"], model, "{api}");
            for added in ["reasoning_effort", "thinking", "output_config", "think"] {
                assert_eq!(body.get(added), None, "{api}");
            }
        }
    }
}

#[tokio::test]
async fn a_provider_that_is_busy_is_asked_again() {
    for api in APIS {
        let busy = Answer::fails(429, &json!({"error": {"message": "slow down"}}))
            .with_header("retry-after", "0");
        let server = Server::start([busy.clone(), busy, Answer::says(api, &["ok"])]).await;
        assert_eq!(
            say(&bot(&server, api).await, "hi").await.unwrap().text,
            "ok",
            "{api}"
        );
        assert_eq!(server.requests().len(), 3);
    }
}

#[tokio::test]
async fn a_provider_that_asks_for_more_time_than_there_is_is_left_alone_and_its_wait_passed_on() {
    let busy = Answer::fails(429, &json!({"error": {"message": "slow down"}}))
        .with_header("retry-after", "120");
    let server = Server::start([busy]).await;
    let error = say(&bot(&server, "openai").await, "hi").await.unwrap_err();
    assert_eq!(
        error,
        ChatError::ProviderUnavailable {
            detail: "429 Too Many Requests: slow down".into(),
            retry_after: Some(Duration::from_mins(2))
        }
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_provider_that_keeps_failing_is_asked_three_times() {
    for api in APIS {
        let down = Answer::fails(503, &json!("out of order")).with_header("retry-after", "0");
        let server = Server::start([down.clone(), down.clone(), down.clone(), down]).await;
        let error = say(&bot(&server, api).await, "hi").await.unwrap_err();
        assert!(
            matches!(error, ChatError::ProviderUnavailable { .. }),
            "{api}: {error}"
        );
        let shown = "the model provider is not available: 503 Service Unavailable: out of order";
        assert_eq!(error.to_string(), shown);
        assert_eq!(server.requests().len(), 3);
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_named() {
    let server = Server::start([]).await;
    let bot = bot(&server, "openai").await;
    let address = server.stop().await;
    let error = say(&bot, "hi").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the model provider is not available: cannot connect to http://{address}")
    );
}

#[tokio::test]
async fn a_refusal_is_passed_on_short_and_without_the_key_and_not_tried_again() {
    for api in APIS {
        let told = format!(
            "Incorrect API key provided: {KEY}. You can find it at {}",
            "x".repeat(5000)
        );
        let server =
            Server::start([Answer::fails(401, &json!({"error": {"message": told}}))]).await;
        let error = say(&bot(&server, api).await, "hi").await.unwrap_err();
        assert_tells_no_secret(&error);
        let shown = error.to_string();
        let begins = "the model provider refused the call: 401 Unauthorized: Incorrect API key provided: [redacted] You can";
        assert!(shown.starts_with(begins), "{api}: {shown}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_page_in_place_of_an_explanation_is_not_passed_on() {
    let page = Answer::raw(404, "text/html", format!("<html>{KEY}</html>"));
    let server = Server::start([page]).await;
    let error = say(&bot(&server, "openai").await, "hi").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the model provider refused the call: 404 Not Found"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_key() {
    let elsewhere = Server::start([]).await;
    let server = Server::start(APIS.map(|_| {
        Answer::raw(307, "text/plain", String::new())
            .with_header("location", &elsewhere.base_url(""))
    }))
    .await;
    for api in APIS {
        let error = say(&bot(&server, api).await, "hi").await.unwrap_err();
        assert!(
            matches!(error, ChatError::ProviderRefused { .. }),
            "{error}"
        );
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_reply_that_breaks_off_is_not_taken_for_whole_nor_begun_again() {
    for api in APIS {
        for how in [End::Clean, End::Abort] {
            let cut = Answer::says(api, &["Hel", "lo"]).cut(how);
            let server = Server::start([cut, Answer::says(api, &["ok"])]).await;
            let bot = bot(&server, api).await;
            let error = say(&bot, "hi").await.unwrap_err();
            assert_eq!(
                error,
                ChatError::BrokenReply {
                    detail: "it broke off".into()
                },
                "{api}"
            );
            say(&bot, "again").await.unwrap();
            let messages = server.requests().pop().unwrap().body["messages"].to_string();
            assert!(
                !messages.contains("Hel") && !messages.contains("hi"),
                "{api}: {messages}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_no_reply_at_all_is_told_so() {
    for api in APIS {
        let nonsense = Answer::raw(200, "text/event-stream", "data: {{{\n\n".into());
        let server = Server::start([nonsense]).await;
        let error = say(&bot(&server, api).await, "hi").await.unwrap_err();
        assert!(
            matches!(error, ChatError::BrokenReply { .. }),
            "{api}: {error}"
        );
        assert_tells_no_secret(&error);
    }
}

#[tokio::test]
async fn an_error_in_place_of_a_reply_is_passed_on_and_tried_again_if_it_may_pass() {
    let overloaded = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\
                      \"message\":\"Overloaded\"}}\n\n";
    let overloaded = Answer::raw(200, "text/event-stream", overloaded.into());
    let server = Server::start([overloaded, Answer::says("anthropic", &["ok"])]).await;
    assert_eq!(
        say(&bot(&server, "anthropic").await, "hi")
            .await
            .unwrap()
            .text,
        "ok"
    );

    let refused =
        "data: {\"error\":{\"type\":\"invalid_request_error\",\"message\":\"too long\"}}\n\n";
    let server = Server::start([Answer::raw(200, "text/event-stream", refused.into())]).await;
    let error = say(&bot(&server, "openai").await, "hi").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the model provider refused the call: too long"
    );
}

#[tokio::test]
async fn a_provider_that_never_answers_is_given_up_at_the_timeout() {
    let server = Server::start([Answer::Never]).await;
    let llm = json!({
        "provider": "openai", "model": "small", "base_url": server.base_url("openai"), "timeout_ms": 50
    });
    let error = say(&build(json!({"llm": llm})).await, "hi")
        .await
        .unwrap_err();
    assert_eq!(
        error,
        ChatError::TimedOut {
            after: Duration::from_millis(50)
        }
    );
}

#[tokio::test]
async fn building_calls_no_network_and_shows_no_key() {
    let server = Server::start([]).await;
    for api in APIS {
        let bot = bot(&server, api).await;
        assert!(!format!("{bot:?}").contains(KEY), "{bot:?}");
    }
    assert!(server.requests().is_empty());
    assert!(!format!("{:?}", factory()).contains(KEY));
}

#[tokio::test]
async fn the_factory_checks_what_it_builds() {
    let factory = factory();
    let good = resolved(&json!({"llm": {"provider": "echo"}, "reasoning": {}}));
    assert_eq!(
        factory.check(&id(), &good).unwrap(),
        ["`reasoning` is not understood here and is ignored"]
    );
    let bot = factory.create(&id(), Revision(42), good).await.unwrap();
    let turn = Turn {
        conversation: None,
        message: "hi".into(),
        revision: Revision(42),
    };
    assert_eq!(bot.chat(turn).await.unwrap().text, "[b@42] you said: hi");

    let bad = resolved(&json!({"llm": {"provider": "openai", "model": "m"}}));
    let refused = factory.check(&id(), &bad).unwrap_err().to_string();
    assert_eq!(
        refused,
        "llm.provider: openai needs a key: set OPENAI_API_KEY in the server's environment, or name another variable \
         in `llm.api_key_env` or a secret in `llm.api_key`"
    );
    assert_eq!(
        factory
            .create(&id(), Revision(1), bad)
            .await
            .unwrap_err()
            .to_string(),
        refused
    );
}
