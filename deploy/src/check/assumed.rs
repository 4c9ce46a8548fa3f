//! Variables that are not set here, and may be elsewhere.

use std::collections::BTreeMap;

use hotbed_configs::{ConfigError, ConfigErrorKind, ConfigErrors, Variables};

use crate::variables::{bot_variables, is_named_like_a_secret};

/// Stands in for a variable that is not set here, so that the rest can be looked at. A flag takes it, and so does
/// whatever takes any text.
const PLACEHOLDER: &str = "true";

/// Another one like it: what differs between the two depends on the variable.
const OTHER_PLACEHOLDER: &str = "false";

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
    Entry,
}

/// The variables of this process, and those that are assumed to be set elsewhere.
#[derive(Debug)]
pub(super) struct Assumed<'p> {
    process: &'p [(String, String)],
    unset: Unset,
    /// What the writer of each says of it.
    elsewhere: BTreeMap<String, Option<String>>,
    given: Given,
    /// The same, with something else in the place of what is not set.
    other: Given,
}

/// What there is for those who refer to variables.
#[derive(Debug, Default)]
struct Given {
    all: Variables,
    of_bots: Variables,
}

impl<'p> Assumed<'p> {
    pub(super) fn new(process: &'p [(String, String)], unset: Unset) -> Self {
        let mut new = Self {
            process,
            unset,
            elsewhere: BTreeMap::new(),
            given: Given::default(),
            other: Given::default(),
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
            let errors = match attempt(self.given(whose)) {
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

    /// The variables, with something in the place of those that are not set.
    pub(super) fn given(&self, whose: Whose) -> &Variables {
        self.given.to(whose)
    }

    /// The variables with something else in the place of those that are not set; `None` if all are.
    pub(super) fn other(&self, whose: Whose) -> Option<&Variables> {
        (!self.elsewhere.is_empty()).then(|| self.other.to(whose))
    }

    fn fill(&mut self) {
        self.given = self.filled(PLACEHOLDER);
        self.other = self.filled(OTHER_PLACEHOLDER);
    }

    fn filled(&self, placeholder: &str) -> Given {
        let assumed = self
            .elsewhere
            .keys()
            .map(|name| (name.clone(), placeholder.to_owned()));
        let together: Vec<_> = self.process.iter().cloned().chain(assumed).collect();
        Given {
            of_bots: bot_variables(&together),
            all: together.into_iter().collect(),
        }
    }
}

impl Given {
    fn to(&self, whose: Whose) -> &Variables {
        match whose {
            Whose::Environment => &self.all,
            Whose::Entry => &self.of_bots,
        }
    }
}

/// Whether setting a variable helps: what is withheld from bots here is withheld elsewhere too.
fn may_be_given(whose: Whose, name: &str) -> bool {
    whose == Whose::Environment || !is_named_like_a_secret(name)
}
