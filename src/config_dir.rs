//! Which environment this node runs in, and which bots its directory holds. Which files there are and what they say is
//! decided in `hotbed_deploy`.

use anyhow::bail;
use hotbed::configs::{DomainBot, Environment, Variables, detect_environment};
use hotbed::deploy::{Directory, Reading, bot_variables};
use std::path::{Path, PathBuf};

/// The directory that is used without being named.
const DEFAULT: &str = "configs";
/// The environment that needs no file.
const UNNAMED: &str = "development";

/// What a configuration directory holds for one environment.
#[derive(Debug)]
pub(crate) struct ConfigDir {
    pub(crate) environment: Environment,
    /// Says which environment this is, why, and from which file, for a person.
    pub(crate) environment_note: String,
    pub(crate) domains: Vec<DomainFile>,
    /// Where the domains came from.
    pub(crate) domains_dir: Option<PathBuf>,
    /// What whoever runs this node should know.
    pub(crate) warnings: Vec<String>,
}

/// The bots of one file.
#[derive(Debug)]
pub(crate) struct DomainFile {
    pub(crate) path: PathBuf,
    pub(crate) bots: Vec<DomainBot>,
}

impl ConfigDir {
    /// Reads `dir`, or `./configs` if there is one, or nothing. What was named and is missing is an error.
    pub(crate) fn read(
        dir: Option<&Path>,
        env: Option<&str>,
        process: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let variables: Variables = process.iter().cloned().collect();
        let dir = match dir {
            Some(dir) if dir.is_dir() => Some(dir.to_owned()),
            Some(dir) => bail!("configuration directory {} does not exist", dir.display()),
            None => Some(PathBuf::from(DEFAULT)).filter(|dir| dir.is_dir()),
        };
        let detected = detect_environment(&variables);
        // Empty is not set: that is how a variable is taken back in many a deployment.
        let env = env.map(str::trim).filter(|name| !name.is_empty());
        let chosen = env.is_some();
        let (name, reason) = match env {
            Some(name) => (name.to_lowercase(), "it was chosen".to_owned()),
            None => (detected.name, detected.reason),
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !name.chars().all(is_plain) {
            bail!("environment {name:?} is not a name: use letters, digits, '-' and '_'");
        }
        let reading = dir.as_ref().map(|dir| Directory::new(dir).read());
        let file = reading
            .as_ref()
            .and_then(|reading| Some((reading, reading.environment_file(&name)?)));
        if let (None, Some(reading)) = (&file, &reading)
            && let Some(problem) = reading.unread_environment(&name)
        {
            bail!("{problem}");
        }
        let mut warnings = Vec::new();
        let (environment, from) = match (&file, &dir) {
            (Some((reading, file)), _) => {
                let environment = reading.environment(file, &variables)?;
                (environment, format!("from {}", file.path.display()))
            }
            (None, Some(dir)) if chosen || name != UNNAMED => {
                let file = dir.join("environments").join(format!("{name}.yaml"));
                bail!(
                    "environment {name:?} ({reason}) has no file: {} is missing",
                    file.display()
                )
            }
            (None, None) if chosen => {
                bail!(
                    "environment {name:?} has no file: there is no configuration directory, name one with --config"
                )
            }
            (None, None) if name != UNNAMED => {
                warnings.push(format!(
                    "environment {name:?} ({reason}) is empty: there is no configuration directory"
                ));
                (
                    Environment::empty(&name),
                    "empty: it has no file".to_owned(),
                )
            }
            (None, _) => (
                Environment::empty(&name),
                "empty: it has no file".to_owned(),
            ),
        };
        let domains_dir = dir
            .map(|dir| dir.join("domains"))
            .filter(|dir| dir.is_dir());
        let domains = reading.as_ref().map(domains).transpose()?;
        Ok(Self {
            environment: environment.with_variables(bot_variables(process)),
            environment_note: format!("{name} ({reason}), {from}"),
            domains: domains.unwrap_or_default(),
            domains_dir,
            warnings,
        })
    }
}

/// The bots of the domain files, or everything that is wrong with those.
fn domains(reading: &Reading) -> anyhow::Result<Vec<DomainFile>> {
    let environments = reading.root.join("environments");
    let unread = reading.problems.iter();
    let unread = unread.filter(|it| {
        it.path()
            .is_none_or(|path| !path.starts_with(&environments))
    });
    let mut wrong: Vec<_> = unread.map(ToString::to_string).collect();
    let mut domains = Vec::new();
    for file in &reading.domains {
        match &*file.bots {
            Ok(bots) => domains.push(DomainFile {
                path: file.path.clone(),
                bots: bots.clone(),
            }),
            Err(errors) => wrong.push(errors.to_string()),
        }
    }
    if wrong.is_empty() {
        Ok(domains)
    } else {
        bail!("{}", wrong.join("\n"))
    }
}
