//! Variables that are not set here, and may be elsewhere.

use std::collections::BTreeMap;

use hotbed_configs::{ConfigError, ConfigErrorKind, ConfigErrors, Variables};

use crate::variables::{bot_variables, is_named_like_a_secret};

/// Stands in for a variable that is not set here, so that the rest can be looked at. A flag takes it, and so does
/// whatever takes any text.
const PLACEHOLDER: &str = "true";

/// What it means that a variable is not set here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unset {
    IsWrong,
    IsNoted,
}

/// Whose variables are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Those that an environment file may refer to: all.
    Environment,
    /// Those that a bot may refer to.
    Bot,
}

/// The variables of this process, and those that are assumed to be set elsewhere.
#[derive(Debug)]
pub(super) struct Assumed<'p> {
    process: &'p [(String, String)],
    unset: Unset,
    /// What the writer of each says of it.
    elsewhere: BTreeMap<String, Option<String>>,
    all: Variables,
    of_bots: Variables,
}

impl<'p> Assumed<'p> {
    pub(super) fn new(process: &'p [(String, String)], unset: Unset) -> Self {
        let mut new = Self {
            process,
            unset,
            elsewhere: BTreeMap::new(),
            all: Variables::default(),
            of_bots: Variables::default(),
        };
        new.fill();
        new
    }

    pub(super) fn into_assumed(self) -> BTreeMap<String, Option<String>> {
        self.elsewhere
    }

    /// Whether an error only says that a variable is not set which may be set elsewhere.
    pub(super) fn excuses(&self, whose: Whose, error: &ConfigError) -> bool {
        let ConfigErrorKind::MissingVariable { name, .. } = error.kind() else {
            return false;
        };
        may_be_given(whose, name) && self.elsewhere.contains_key(name)
    }

    /// Tries something with variables, and again with those that it lacks, for as long as that brings it further.
    pub(super) fn try_with<T>(
        &mut self,
        whose: Whose,
        mut attempt: impl FnMut(&Variables) -> Result<T, ConfigErrors>,
    ) -> Result<T, ConfigErrors> {
        loop {
            let errors = match attempt(self.variables(whose)) {
                Ok(done) => return Ok(done),
                Err(errors) if self.unset == Unset::IsWrong => return Err(errors),
                Err(errors) => errors,
            };
            let known = self.elsewhere.len();
            for error in &errors {
                if let ConfigErrorKind::MissingVariable { name, message } = error.kind()
                    && may_be_given(whose, name)
                {
                    self.elsewhere.insert(name.clone(), message.clone());
                }
            }
            if self.elsewhere.len() == known {
                return Err(errors);
            }
            self.fill();
        }
    }

    fn variables(&self, whose: Whose) -> &Variables {
        match whose {
            Whose::Environment => &self.all,
            Whose::Bot => &self.of_bots,
        }
    }

    fn fill(&mut self) {
        let assumed = self
            .elsewhere
            .keys()
            .map(|name| (name.clone(), PLACEHOLDER.to_owned()));
        let together: Vec<_> = self.process.iter().cloned().chain(assumed).collect();
        self.of_bots = bot_variables(&together);
        self.all = together.into_iter().collect();
    }
}

/// Whether setting a variable helps: what is withheld from bots here is withheld elsewhere too.
fn may_be_given(whose: Whose, name: &str) -> bool {
    whose == Whose::Environment || !is_named_like_a_secret(name)
}
