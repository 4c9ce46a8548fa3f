//! Which variables bots may refer to.

use hotbed_configs::Variables;

/// The words that make a variable's name look like that of a secret.
const SECRET: [&str; 13] = [
    "KEY", "TOKEN", "SECRET", "PASS", "PWD", "CRED", "AUTH", "PRIVATE", "SESSION", "COOKIE", "DSN",
    "CONN", "CERT",
];

/// The variables that a bot's configuration may refer to. Whoever may write configurations can have them echoed, so
/// what is named like a secret is withheld, and so are addresses with a login in them.
pub fn bot_variables(process: &[(String, String)]) -> Variables {
    let harmless = |(name, value): &&(String, String)| {
        // A URL with a user in it has a password in it, as a rule.
        let holds_login = value
            .split_once("://")
            .is_some_and(|(_, rest)| rest.contains('@'));
        !holds_login && !is_named_like_a_secret(name)
    };
    process.iter().filter(harmless).cloned().collect()
}

/// Whether a variable is withheld from bots whatever its value.
pub(crate) fn is_named_like_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SECRET.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Caught: to withhold by name only, or by value only.
    #[test]
    fn what_looks_like_a_secret_is_withheld_from_bots() {
        let process = [
            ("COMPANY", "Acme"),
            ("openai_api_key", "sk-1"),
            ("UPSTREAM", "https://me:hunter2@host"),
            ("PAGE", "https://host/a"),
        ];
        let process = process.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let variables = bot_variables(&process);
        assert_eq!(variables.get("COMPANY"), Some("Acme"));
        assert_eq!(variables.get("PAGE"), Some("https://host/a"));
        assert_eq!(variables.get("openai_api_key"), None);
        assert_eq!(variables.get("UPSTREAM"), None);
    }
}
