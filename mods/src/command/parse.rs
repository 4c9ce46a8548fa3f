//! Finds the commands in what somebody wrote.

/// How many commands of one post are looked at.
const MAX_COMMANDS: usize = 16;
/// How many lines of one post are looked at, and how long a word may be to be one of a command, in bytes: for each, the
/// words of all mods are looked through.
const MAX_LINES: usize = 1024;
const MAX_WORD_BYTES: usize = 256;
/// How many words of one line are looked at.
const MAX_WORDS: usize = 1024;

/// One command as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invocation {
    /// In lower case.
    pub(super) word: String,
    pub(super) params: Vec<String>,
}

/// The commands of a text: each line that begins with a word of a command is one, and the rest of the line are its
/// parameters, other commands' words included.
pub(super) fn invocations(text: &str, is_word: impl Fn(&str) -> bool) -> Vec<Invocation> {
    let lines = text.lines().take(MAX_LINES).filter_map(|line| {
        let mut words = line.split_whitespace().take(MAX_WORDS);
        let word = words.next().filter(|word| word.len() <= MAX_WORD_BYTES)?;
        is_word(word).then(|| Invocation {
            word: word.to_lowercase(),
            params: words.map(str::to_owned).collect(),
        })
    });
    lines.take(MAX_COMMANDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Vec<(String, Vec<String>)> {
        let is_word = |word: &str| ["@dice", "!help", "@wiki"].contains(&&*word.to_lowercase());
        invocations(text, is_word)
            .into_iter()
            .map(|one| (one.word, one.params))
            .collect()
    }

    /// M11: the word before the first was taken to be the last one of the post, and `@dice 1d6 !help` came apart.
    ///
    /// Caught: words looked for in the whole line.
    #[test]
    fn a_command_begins_a_line_and_the_rest_of_the_line_is_its_parameters() {
        let one = |word: &str, params: &[&str]| {
            (
                word.to_owned(),
                params.iter().map(|param| (*param).to_owned()).collect(),
            )
        };
        for (text, commands) in [
            ("@dice 1d6 !help", vec![one("@dice", &["1d6", "!help"])]),
            ("!help", vec![one("!help", &[])]),
            ("  @Dice\t1d6  ", vec![one("@dice", &["1d6"])]),
            (
                "@dice 1\n\nhello @dice\n!help @dice",
                vec![one("@dice", &["1"]), one("!help", &["@dice"])],
            ),
            ("hello @dice", vec![]),
            ("@dicey", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(parsed(text), commands, "{text:?}");
        }
    }

    #[test]
    fn a_post_of_very_many_commands_is_cut() {
        assert_eq!(parsed(&"@dice\n".repeat(1_000)).len(), MAX_COMMANDS);
        let long = format!("@dice {}", "x ".repeat(10_000));
        assert_eq!(parsed(&long)[0].1.len(), MAX_WORDS - 1);
    }

    /// Caught: every line of a long post, and every word however long, compared with the words of all mods.
    #[test]
    fn no_more_of_a_post_is_compared_than_there_may_be() {
        let compared = std::cell::Cell::new(0);
        let compare = |_: &str| {
            compared.set(compared.get() + 1);
            false
        };
        assert_eq!(invocations(&"hello\n".repeat(100_000), compare), []);
        assert_eq!(compared.take(), MAX_LINES);
        assert_eq!(invocations(&"x".repeat(100_000), compare), []);
        assert_eq!(compared.take(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_read_and_every_command_in_it_begins_a_line(text in "[@!a-z \n\t\u{3000}é]{0,60}") {
            for found in invocations(&text, |word| word.starts_with('@')) {
                prop_assert!(text.lines().any(|line| line.trim_start().to_lowercase().starts_with(&found.word)));
            }
        }
    }
}
