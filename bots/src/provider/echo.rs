use futures::StreamExt;
use futures::stream;

use super::{Deltas, Prompt, Provider};

/// Answers offline and always alike, with what makes a reload visible: the bot, its revision, its system prompt.
#[derive(Debug)]
pub(crate) struct Echo;

impl Provider for Echo {
    fn complete(&self, prompt: Prompt) -> Deltas {
        let words: Vec<_> = reply(&prompt)
            .split_inclusive(' ')
            .map(|word| Ok(word.to_owned()))
            .collect();
        stream::iter(words).boxed()
    }
}

fn reply(prompt: &Prompt) -> String {
    let Prompt {
        bot,
        revision,
        system,
        message,
        ..
    } = prompt;
    if system.is_empty() {
        format!("[{bot}@{revision}] you said: {message}")
    } else {
        format!("[{bot}@{revision}] {system} | you said: {message}")
    }
}

#[cfg(test)]
mod tests {
    use hotbed_cache::{Id, Revision};
    use tokio::time::Instant;

    use super::*;

    fn prompt(system: &str, revision: u64) -> Prompt {
        Prompt {
            bot: Id::new("support-bot").unwrap(),
            revision: Revision(revision),
            system: system.into(),
            history: Vec::new(),
            message: "hi".into(),
            deadline: Instant::now(),
        }
    }

    #[tokio::test]
    async fn a_reply_shows_bot_revision_prompt_and_message_word_by_word() {
        let words: Vec<_> = Echo
            .complete(prompt("You are helpful.", 42))
            .map(Result::unwrap)
            .collect()
            .await;
        assert_eq!(
            words,
            [
                "[support-bot@42] ",
                "You ",
                "are ",
                "helpful. ",
                "| ",
                "you ",
                "said: ",
                "hi"
            ]
        );
    }

    #[test]
    fn the_same_prompt_gives_the_same_reply_and_a_new_revision_shows() {
        assert_eq!(reply(&prompt("A.", 1)), reply(&prompt("A.", 1)));
        assert_eq!(reply(&prompt("", 7)), "[support-bot@7] you said: hi");
    }
}
