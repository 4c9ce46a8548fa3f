//! Secrets of agents: shown once to the agent, kept as digests only.

use rand::distr::{Alphanumeric, SampleString as _};
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::{Choice, ConstantTimeEq as _};

/// How long a secret is, in letters and digits.
const LENGTH: usize = 64;

/// What an agent proves by that it is who it says: 64 letters and digits from a cryptographic random source.
///
/// `Debug` does not show it.
#[derive(Clone)]
pub struct Secret(String);

/// A text that somebody says is a secret. `Debug` does not show it.
#[derive(Clone, Default)]
pub struct Claimed(Option<String>);

/// Recognises a secret without keeping it.
#[derive(Clone)]
pub(crate) struct SecretDigest([u8; 32]);

impl Secret {
    pub(crate) fn random() -> Self {
        Self(Alphanumeric.sample_string(&mut rand::rng(), LENGTH))
    }

    /// The text, to be handed to the agent and to nobody else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn digest(&self) -> SecretDigest {
        SecretDigest::of(&self.0)
    }
}

impl Claimed {
    /// The text, if there is one: nothing and an empty text are the same.
    pub fn new(text: Option<String>) -> Self {
        Self(text.filter(|text| !text.is_empty()))
    }

    /// Nothing.
    pub fn nothing() -> Self {
        Self(None)
    }

    pub(crate) fn expose(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Of what was claimed, to be compared with that of an agent. What is not as long as a secret is none, so nothing of it
    /// is read.
    pub(crate) fn digest(&self) -> SecretDigest {
        let shown = self.expose().filter(|text| text.len() == LENGTH);
        SecretDigest::of(shown.unwrap_or_default())
    }
}

impl From<&Secret> for Claimed {
    fn from(secret: &Secret) -> Self {
        Self(Some(secret.0.clone()))
    }
}

impl SecretDigest {
    fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// A digest that nobody knows a text for.
    pub(crate) fn of_nothing() -> Self {
        Self([0; 32])
    }

    /// Whether the other is the same. Takes as long for one as for another.
    pub(crate) fn is(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Debug for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Some(_) => "Claimed(…)",
            None => "Claimed(nothing)",
        })
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_secret_is_64_letters_and_digits_and_never_the_same_twice() {
        let secrets: HashSet<String> = (0..1_000).map(|_| Secret::random().0).collect();
        assert_eq!(secrets.len(), 1_000);
        for secret in secrets {
            assert_eq!(secret.len(), 64);
            assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
    }

    #[test]
    fn a_digest_is_that_of_its_secret_and_of_nothing_else() {
        let secret = Secret::random();
        let claimed = |text: &str| Claimed::new(Some(text.to_owned())).digest();
        assert!(bool::from(secret.digest().is(&claimed(secret.expose()))));
        for other in ["", "x", Secret::random().expose(), &secret.expose()[1..]] {
            assert!(!bool::from(secret.digest().is(&claimed(other))), "{other}");
        }
        let nothing = Claimed::nothing().digest();
        assert!(!bool::from(SecretDigest::of_nothing().is(&nothing)));
    }

    /// Whatever is hashed of a text of any length, each who polls can make the network hash.
    ///
    /// Caught: a text of any length hashed.
    #[test]
    fn nothing_is_hashed_that_is_not_as_long_as_a_secret() {
        let nothing = Claimed::nothing().digest();
        for length in [1, LENGTH - 1, LENGTH + 1, 10_000_000] {
            let digest = Claimed::new(Some("x".repeat(length))).digest();
            assert!(bool::from(digest.is(&nothing)), "{length}");
        }
        let digest = Claimed::new(Some("x".repeat(LENGTH))).digest();
        assert!(!bool::from(digest.is(&nothing)));
    }

    #[test]
    fn no_debug_shows_a_secret() {
        let secret = Secret::random();
        let shown = format!(
            "{secret:?} {:?} {:?}",
            Claimed::from(&secret),
            secret.digest()
        );
        assert!(!shown.contains(&secret.expose()[..8]), "{shown}");
    }
}
