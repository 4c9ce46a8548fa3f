//! Whether a directory can be deployed, found out without asking anybody.

mod assumed;

use std::collections::BTreeMap;
use std::path::PathBuf;

use hotbed_configs::{
    ConfigError, ConfigErrorKind, ConfigPath, ConfigWarning, Environment, ResolvedConfig,
    Variables, validate_portability,
};

use crate::collection::Collection;
use crate::deployment::{Deployment, Entry};
use crate::directory::{EnvironmentFile, Reading};
use crate::problem::{Place, Problem, locate};
use crate::variables::is_named_like_a_secret;
use assumed::{Assumed, Unset, Whose};

/// Tells of every file and every environment of a directory what is wrong with it.
#[derive(Debug)]
pub struct Check {
    /// The bots that are good by themselves.
    pub deployment: Deployment,
    /// What is doubtful about a bot or mod by itself, such as a secret that is written out; by [name](Collection::name).
    pub warnings: BTreeMap<String, Vec<ConfigWarning>>,
    /// How each environment looks, in the order of the names.
    pub environments: Vec<Outlook>,
    /// Everything that is wrong: files first, then environments. Nothing should be deployed while there is any.
    pub problems: Vec<Problem>,
}

/// What is demanded of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckTerms<'e> {
    /// The environment that must be fit for this machine.
    pub environment: Option<&'e str>,
    /// Whether bots may be tied to one machine.
    pub portability: Portability,
}

/// Whether bots may hold what means something else on another machine: paths of a home directory, addresses of the
/// machine itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Portability {
    /// They may not.
    Demanded,
    /// They may.
    Waived,
}

/// How the bots of a directory look in one environment.
#[derive(Clone, Debug, Default)]
pub struct Outlook {
    /// The environment.
    pub name: String,
    /// Its file.
    pub file: PathBuf,
    /// The variables without default that are not set here: they must be set where this environment is, and what their
    /// writer says of them. None of an environment that was named: there each is a problem.
    pub needs: BTreeMap<String, Option<String>>,
    /// What is doubtful about its file.
    pub file_warnings: Vec<ConfigWarning>,
    /// What is doubtful here about a bot or mod, by [name](Collection::name).
    pub warnings: BTreeMap<String, Vec<ConfigWarning>>,
}

impl Check {
    /// Looks at every bot by itself and in every environment.
    ///
    /// A `${VAR}` without default that is not set is a problem in the environment that is named; the others are not
    /// meant for this machine, and only [need](Outlook::needs) it.
    pub fn of(reading: &Reading, process: &[(String, String)], terms: CheckTerms<'_>) -> Self {
        let (deployment, problems) = Deployment::gather(reading);
        let all = Collection::ALL.into_iter().flat_map(|collection| {
            let entries = deployment.of(collection).iter();
            entries.map(move |(id, entry)| (collection.name(id), entry))
        });
        let doubtful = all.filter_map(|(name, entry)| {
            let warnings = entry.config.literal_secrets();
            (!warnings.is_empty()).then_some((name, warnings))
        });
        let mut check = Self {
            warnings: doubtful.collect(),
            deployment,
            environments: Vec::new(),
            problems: [reading.problems.clone(), problems].concat(),
        };
        if terms.portability == Portability::Demanded {
            check.demand_portability();
        }
        let named = terms.environment;
        let mut files: BTreeMap<&str, &EnvironmentFile> = BTreeMap::new();
        for file in &reading.environments {
            let first = reading.environment_file(&file.name).unwrap_or(file);
            if first.path == file.path {
                files.insert(&file.name, file);
            } else {
                check.problems.push(Problem::DuplicateEnvironment {
                    name: file.name.clone(),
                    file: file.path.clone(),
                    first: first.path.clone(),
                });
            }
        }
        for file in files.values() {
            let unset = if named == Some(&file.name) {
                Unset::IsWrong
            } else {
                Unset::IsNoted
            };
            check.environment(reading, file, process, unset);
        }
        if let Some(name) = named.filter(|name| !files.contains_key(name)) {
            // Why it could not be read is told already, if that is why.
            for problem in reading.no_environment(name) {
                if !check.problems.contains(&problem) {
                    check.problems.push(problem);
                }
            }
        }
        locate(&mut check.problems, &reading.domains);
        check
    }

    fn demand_portability(&mut self) {
        for (id, bot) in self.deployment.bots() {
            let issues = validate_portability(&bot.config).into_iter();
            self.problems
                .extend(issues.map(|issue| Problem::Unportable {
                    place: Place::in_file(&bot.file),
                    id: id.to_owned(),
                    issue: Box::new(issue),
                }));
        }
    }

    fn environment(
        &mut self,
        reading: &Reading,
        file: &EnvironmentFile,
        process: &[(String, String)],
        unset: Unset,
    ) {
        let mut outlook = Outlook {
            name: file.name.clone(),
            file: file.path.clone(),
            ..Outlook::default()
        };
        let mut set = Assumed::new(process, unset);
        let parsed = set.try_with(Whose::Environment, |variables| {
            reading.environment(file, variables)
        });
        match parsed {
            Ok(environment) => {
                outlook.file_warnings = environment.warnings().to_vec();
                for collection in Collection::ALL {
                    self.resolve(collection, &environment, &mut set, &mut outlook);
                }
                self.fit_schema(reading, file, &environment, &set);
            }
            Err(errors) => {
                let told = Problem::of_text(&file.path, &errors);
                self.problems
                    .extend(told.into_iter().filter(|problem| match problem {
                        Problem::Text(error) => !set.excuses(Whose::Environment, error),
                        _ => true,
                    }));
            }
        }
        outlook.needs = set.into_assumed();
        self.environments.push(outlook);
    }

    fn resolve(
        &mut self,
        collection: Collection,
        environment: &Environment,
        set: &mut Assumed<'_>,
        outlook: &mut Outlook,
    ) {
        for (id, entry) in self.deployment.of(collection) {
            let resolved = set.try_with(Whose::Entry, |variables| {
                let environment = environment.clone().with_variables(variables.clone());
                environment.resolve_without_secrets(&entry.config)
            });
            match resolved {
                Ok(resolved) if resolved.warnings().is_empty() => {}
                Ok(resolved) => {
                    let warnings = resolved.warnings().to_vec();
                    outlook.warnings.insert(collection.name(id), warnings);
                }
                Err(errors) => {
                    let wrong = errors
                        .iter()
                        .filter(|error| !set.excuses(Whose::Entry, error));
                    let told = wrong.map(|error| match collection {
                        Collection::Bots => unresolvable(id, entry, &outlook.name, error),
                        Collection::Mods => Problem::UnresolvableMod {
                            file: entry.file.clone(),
                            id: id.to_owned(),
                            environment: outlook.name.clone(),
                            error: error.clone(),
                        },
                    });
                    self.problems.extend(told);
                }
            }
        }
    }

    /// Holds the bots that resolve against the schema. What depends on a variable that is not set here is not judged.
    fn fit_schema(
        &mut self,
        reading: &Reading,
        file: &EnvironmentFile,
        environment: &Environment,
        set: &Assumed<'_>,
    ) {
        let Some(schema) = self.deployment.schema() else {
            return;
        };
        let resolve = |environment: &Environment, variables: &Variables, bot: &Entry| {
            let environment = environment.clone().with_variables(variables.clone());
            environment.resolve_without_secrets(&bot.config)
        };
        let other = set.other(Whose::Environment);
        let other = other.and_then(|variables| reading.environment(file, variables).ok());
        for (id, bot) in self.deployment.bots() {
            let Ok(resolved) = resolve(environment, set.given(Whose::Entry), bot) else {
                // Told already.
                continue;
            };
            let Err(errors) = schema.fit(&resolved) else {
                continue;
            };
            let other = other
                .as_ref()
                .zip(set.other(Whose::Entry))
                .and_then(|(environment, variables)| resolve(environment, variables, bot).ok());
            let depends = |error: &&ConfigError| match &other {
                Some(other) => differ(&resolved, other, error.path()),
                None => set.other(Whose::Entry).is_some(),
            };
            let wrong = errors.iter().filter(|error| !depends(error));
            let told = wrong.map(|error| unresolvable(id, bot, &file.name, error));
            self.problems.extend(told);
        }
    }
}

/// Tells where two resolved configurations are not the same.
fn differ(one: &ResolvedConfig, other: &ResolvedConfig, path: &ConfigPath) -> bool {
    path.find_in(one.as_map()) != path.find_in(other.as_map())
}

/// What it means for a bot that it cannot be resolved.
pub(crate) fn unresolvable(
    id: &str,
    bot: &Entry,
    environment: &str,
    error: &ConfigError,
) -> Problem {
    let (place, id) = (Place::in_file(&bot.file), id.to_owned());
    match error.kind() {
        ConfigErrorKind::MissingVariable { name, .. } if is_named_like_a_secret(name) => {
            Problem::Withheld {
                place,
                id,
                name: name.clone(),
                path: error.path().clone(),
            }
        }
        _ => Problem::Unresolvable {
            place,
            id,
            environment: environment.to_owned(),
            error: error.clone(),
        },
    }
}

#[cfg(test)]
mod tests;
