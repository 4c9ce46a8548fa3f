//! Reads a directory of environments and domains. Which text means what is decided in `hotbed_configs`; here is only
//! which files there are.

use anyhow::{Context, bail};
use hotbed::configs::{DomainBot, Environment, Variables, detect_environment, parse_domain};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The directory that is used without being named.
const DEFAULT: &str = "configs";
/// The endings of the files that are read; JSON is YAML too.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];
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
        let file = dir
            .as_deref()
            .map(|dir| dir.join("environments"))
            .and_then(|dir| with_ending(&dir, &name));
        let mut warnings = Vec::new();
        let (environment, from) = match (&file, &dir) {
            (Some(file), _) => {
                let environment =
                    Environment::parse(&file.display().to_string(), &read(file)?, &variables)?;
                (environment, format!("from {}", file.display()))
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
        let mut domains = Vec::new();
        for file in domains_dir
            .as_deref()
            .map(yaml_files)
            .transpose()?
            .unwrap_or_default()
        {
            let bots = parse_domain(&file.display().to_string(), &read(&file)?)?;
            domains.push(DomainFile { path: file, bots });
        }
        Ok(Self {
            environment: environment.with_variables(for_bots(process)),
            environment_note: format!("{name} ({reason}), {from}"),
            domains,
            domains_dir,
            warnings,
        })
    }
}

/// The variables that a bot's configuration may refer to. Whoever may write configurations can have them echoed, so
/// what is named like a secret is withheld.
fn for_bots(process: &[(String, String)]) -> Variables {
    const SECRET: [&str; 13] = [
        "KEY", "TOKEN", "SECRET", "PASS", "PWD", "CRED", "AUTH", "PRIVATE", "SESSION", "COOKIE",
        "DSN", "CONN", "CERT",
    ];
    let harmless = |(name, value): &&(String, String)| {
        let name = name.to_ascii_uppercase();
        // A URL with a user in it has a password in it, as a rule.
        let holds_login = value
            .split_once("://")
            .is_some_and(|(_, rest)| rest.contains('@'));
        !holds_login && !SECRET.iter().any(|word| name.contains(word))
    };
    process.iter().filter(harmless).cloned().collect()
}

fn with_ending(dir: &Path, name: &str) -> Option<PathBuf> {
    ENDINGS
        .iter()
        .map(|ending| dir.join(format!("{name}.{ending}")))
        .find(|file| file.is_file())
}

/// The YAML files of a directory, in the order of their names.
fn yaml_files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.with_context(|| format!("cannot list {}", dir.display()))?;
    let is_yaml = |file: &PathBuf| {
        file.extension()
            .and_then(|e| e.to_str())
            .is_some_and(|e| ENDINGS.contains(&e))
            && file.is_file()
    };
    let mut files: Vec<PathBuf> = entries
        .into_iter()
        .map(|entry| entry.path())
        .filter(is_yaml)
        .collect();
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        anyhow::anyhow!(
            "{} is not UTF-8: byte {at} is wrong; save it as UTF-8",
            file.display()
        )
    })
}
