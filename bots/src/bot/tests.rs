use std::sync::Mutex;

use futures::stream;
use hotbed_configs::{PortableConfig, ResolvedConfig};
use serde_json::json;

use super::*;
use crate::conversation::Message;
use crate::conversations::ConversationLimits;
use crate::keys::ProviderKeys;
use crate::provider::{Deltas, Echo};

/// Answers each call with the next script, and remembers what it was told of the past.
#[derive(Debug, Default)]
struct Scripted {
    scripts: Mutex<Vec<Script>>,
    histories: Mutex<Vec<Vec<Message>>>,
}

#[derive(Debug)]
enum Script {
    Says(&'static str),
    SaysThenFails(&'static str),
    SaysThenHangs(&'static str),
    Babbles,
}

impl Provider for Scripted {
    fn complete(&self, prompt: Prompt) -> Deltas {
        self.histories.lock().unwrap().push(prompt.history);
        let unavailable = || ChatError::ProviderUnavailable {
            detail: "down".into(),
            retry_after: None,
        };
        match self.scripts.lock().unwrap().remove(0) {
            Script::Says(text) => stream::iter([Ok(text.to_owned())]).boxed(),
            Script::SaysThenFails(text) => {
                stream::iter([Ok(text.to_owned()), Err(unavailable())]).boxed()
            }
            Script::SaysThenHangs(text) => stream::iter([Ok(text.to_owned())])
                .chain(stream::pending())
                .boxed(),
            Script::Babbles => stream::repeat_with(|| Ok("x".repeat(64 << 10))).boxed(),
        }
    }
}

fn config(max_messages: usize) -> BotConfig {
    let config = json!({
        "llm": {"provider": "echo"}, "system_prompt": "Be kind.", "memory": {"max_messages": max_messages}
    });
    let config = ResolvedConfig::verbatim(&PortableConfig::from_value(config).unwrap());
    BotConfig::read(&config, &ProviderKeys::default())
        .unwrap()
        .0
}

fn conversations() -> Conversations {
    Conversations::new(ConversationLimits::default())
}

fn bot(provider: &Arc<Scripted>, conversations: &Conversations) -> Bot {
    let provider: Arc<dyn Provider> = Arc::clone(provider) as _;
    Bot::new(
        Id::new("b").unwrap(),
        &config(10),
        provider,
        conversations.clone(),
    )
}

fn scripted(scripts: Vec<Script>) -> Arc<Scripted> {
    Arc::new(Scripted {
        scripts: Mutex::new(scripts),
        histories: Mutex::default(),
    })
}

fn turn(message: &str) -> Turn {
    Turn {
        conversation: Some(ConversationId::new("c").unwrap()),
        message: message.into(),
        revision: Revision(7),
    }
}

fn texts(history: &[Message]) -> Vec<&str> {
    history.iter().map(|message| &*message.text).collect()
}

#[tokio::test]
async fn a_reply_is_the_same_whole_and_in_pieces() {
    let bot = Bot::new(
        Id::new("b").unwrap(),
        &config(10),
        Arc::new(Echo),
        conversations(),
    );
    let reply = bot.chat(turn("hi")).await.unwrap();
    assert_eq!(reply.text, "[b@7] Be kind. | you said: hi");
    assert_eq!(reply.conversation.as_str(), "c");
    let events: Vec<_> = bot
        .chat_stream(turn("hi"))
        .map(Result::unwrap)
        .collect()
        .await;
    let pieces: String = events
        .iter()
        .filter_map(|event| match event {
            ReplyEvent::Delta(delta) => Some(delta.as_str()),
            ReplyEvent::Done(_) => None,
        })
        .collect();
    assert_eq!(pieces, reply.text);
    assert_eq!(events.last(), Some(&ReplyEvent::Done(reply)));
}

#[tokio::test]
async fn without_a_conversation_one_is_begun_and_can_be_gone_on_with() {
    let conversations = conversations();
    let provider = scripted(vec![Script::Says("one"), Script::Says("two")]);
    let bot = bot(&provider, &conversations);
    let begun = bot
        .chat(Turn {
            conversation: None,
            ..turn("hi")
        })
        .await
        .unwrap()
        .conversation;
    bot.chat(Turn {
        conversation: Some(begun.clone()),
        ..turn("again")
    })
    .await
    .unwrap();
    assert_eq!(texts(&provider.histories.lock().unwrap()[1]), ["hi", "one"]);
    assert_eq!(conversations.len(), 1);
}

#[tokio::test]
async fn a_conversation_goes_on_when_its_bot_is_rebuilt() {
    let conversations = conversations();
    bot(&scripted(vec![Script::Says("old")]), &conversations)
        .chat(turn("hi"))
        .await
        .unwrap();
    let provider = scripted(vec![Script::Says("new")]);
    bot(&provider, &conversations)
        .chat(turn("still there?"))
        .await
        .unwrap();
    assert_eq!(texts(&provider.histories.lock().unwrap()[0]), ["hi", "old"]);
}

#[tokio::test]
async fn messages_that_are_blank_or_too_long_are_refused() {
    let conversations = conversations();
    let bot = bot(&scripted(Vec::new()), &conversations);
    for blank in ["", " \n"] {
        let error = bot.chat(turn(blank)).await.unwrap_err();
        assert_eq!(error.to_string(), "the message is empty");
    }
    let error = bot.chat(turn(&"x".repeat(65_537))).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the message is 65537 bytes long: at most 65536 are allowed"
    );
    assert!(conversations.is_empty());
}

#[tokio::test]
async fn a_turn_that_fails_half_way_leaves_the_conversation_as_it_was() {
    let conversations = conversations();
    let provider = scripted(vec![
        Script::Says("one"),
        Script::SaysThenFails("tw"),
        Script::Says("two"),
    ]);
    let bot = bot(&provider, &conversations);
    bot.chat(turn("first")).await.unwrap();
    let events: Vec<_> = bot.chat_stream(turn("second")).collect().await;
    assert_eq!(events[0], Ok(ReplyEvent::Delta("tw".into())));
    assert!(matches!(
        events[1],
        Err(ChatError::ProviderUnavailable { .. })
    ));
    assert_eq!(events.len(), 2);
    bot.chat(turn("third")).await.unwrap();
    assert_eq!(
        texts(&provider.histories.lock().unwrap()[2]),
        ["first", "one"]
    );
}

#[tokio::test]
async fn a_stream_that_is_dropped_leaves_the_conversation_as_it_was_and_lets_the_next_turn_in() {
    let conversations = conversations();
    let provider = scripted(vec![Script::SaysThenHangs("on"), Script::Says("one")]);
    let bot = bot(&provider, &conversations);
    let mut events = bot.chat_stream(turn("first"));
    assert_eq!(
        events.next().await,
        Some(Ok(ReplyEvent::Delta("on".into())))
    );
    drop(events);
    assert!(conversations.is_empty());
    bot.chat(turn("second")).await.unwrap();
    assert_eq!(texts(&provider.histories.lock().unwrap()[1]), [""; 0]);
}

#[tokio::test]
async fn a_stream_outlives_its_bot() {
    let bot = Bot::new(
        Id::new("b").unwrap(),
        &config(10),
        Arc::new(Echo),
        conversations(),
    );
    let events = bot.chat_stream(turn("hi"));
    drop(bot);
    assert!(matches!(
        events.map(Result::unwrap).collect::<Vec<_>>().await.last(),
        Some(ReplyEvent::Done(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_hangs_ends_at_the_timeout() {
    let conversations = conversations();
    let bot = bot(&scripted(vec![Script::SaysThenHangs("on")]), &conversations);
    let late = bot.chat(turn("hi")).await.unwrap_err();
    assert_eq!(
        late,
        ChatError::TimedOut {
            after: Duration::from_mins(1)
        }
    );
    assert_eq!(late.to_string(), "there was no whole reply within 60000 ms");
    assert!(conversations.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_turn_waits_for_an_earlier_one_no_longer_than_the_timeout() {
    let conversations = conversations();
    let earlier = conversations
        .begin(&Id::new("b").unwrap(), &ConversationId::new("c").unwrap())
        .await;
    let bot = bot(&scripted(Vec::new()), &conversations);
    assert!(matches!(
        bot.chat(turn("hi")).await,
        Err(ChatError::TimedOut { .. })
    ));
    drop(earlier);
    assert!(conversations.is_empty());
}

#[tokio::test]
async fn an_empty_reply_and_an_endless_one_are_refused() {
    let conversations = conversations();
    let bot = bot(
        &scripted(vec![Script::Says(""), Script::Babbles]),
        &conversations,
    );
    let errors = [
        bot.chat(turn("a")).await.unwrap_err(),
        bot.chat(turn("b")).await.unwrap_err(),
    ];
    assert_eq!(
        errors.map(|error| error.to_string()),
        [
            "the model provider's reply cannot be used: it is empty",
            "the model provider's reply cannot be used: it is longer than 1048576 bytes"
        ]
    );
    assert!(conversations.is_empty());
}

#[test]
fn debug_shows_neither_prompt_nor_conversations() {
    let shown = format!("{:?}", bot(&scripted(Vec::new()), &conversations()));
    assert!(
        shown.starts_with("Bot { id: \"b\", provider: Scripted"),
        "{shown}"
    );
    assert!(!shown.contains("Be kind"), "{shown}");
}
