//! What was probably meant by a word that is not known.

/// How alike two words must be; `hotbed-backends` uses the same.
const ALIKE: f64 = 0.8;

/// Longer words are no misspelt keys, and comparing them costs time.
const LONGEST: usize = 64;

/// Finds the known word that is most alike, if one is alike enough.
pub(crate) fn nearest(word: &str, known: &[&'static str]) -> Option<&'static str> {
    if word.len() > LONGEST {
        return None;
    }
    let word = word.to_lowercase();
    let alike = |other: &&'static str| strsim::jaro_winkler(&word, other);
    let best = known
        .iter()
        .copied()
        .max_by(|a, b| alike(a).total_cmp(&alike(b)));
    best.filter(|best| alike(best) >= ALIKE)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Caught: the least alike taken, no threshold, upper case taken for another word.
    #[test]
    fn the_word_that_is_most_alike_is_meant() {
        let known = &["name", "description", "resources", "settings"];
        for (word, meant) in [
            ("descripton", Some("description")),
            ("Setings", Some("settings")),
            ("NAME", Some("name")),
            ("resource", Some("resources")),
            ("xyz", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
        assert_eq!(nearest("name", &[]), None);
        assert_eq!(nearest(&"name".repeat(1_000_000), known), None);
    }
}
