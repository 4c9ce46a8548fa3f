//! What differs between the places where a configuration runs.

mod chain;
mod merge;
mod parse;

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::ConfigErrors;
use crate::origins::Origins;
use crate::portable::PortableConfig;
use crate::resolve::{References, Resolver, Secrets, Text};
use crate::resolved::ResolvedConfig;
use crate::secret::SecretSource;
use crate::variables::Variables;
use crate::warning::ConfigWarning;
use chain::Chain;

/// Holds what differs between the places where a configuration runs: resources by type and name, settings, and the
/// variables. [`resolve`](Self::resolve) makes a configuration fit for this place.
///
/// Its own texts were filled in when it was parsed; what it hands out may hold secrets. `Debug` shows names only.
#[derive(Clone)]
pub struct Environment {
    name: Arc<str>,
    description: Option<String>,
    resources: Resources,
    settings: Map<String, Value>,
    miss_policy: MissPolicy,
    variables: Variables,
    secrets: Option<Arc<dyn SecretSource>>,
    warnings: Arc<[ConfigWarning]>,
}

/// Holds the text of an environment file, and what the file is called in messages. `Debug` shows no text.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvironmentText {
    /// The name of the file, with or without its directory.
    pub file_name: String,
    /// The YAML.
    pub text: String,
}

/// By type and name.
type Resources = BTreeMap<String, BTreeMap<String, Resource>>;

/// One resource, with its variables filled in.
#[derive(Clone)]
pub(crate) struct Resource {
    pub(crate) fields: Map<String, Value>,
    /// Which of the fields came from variables.
    pub(crate) origins: Origins,
}

/// What happens to a reference whose resource is not there, where it does not say so itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MissPolicy {
    Refuse,
    Warn,
}

impl Environment {
    /// Makes an environment without resources, settings and variables, for programs that need none.
    pub fn empty(name: &str) -> Self {
        Self {
            name: name.into(),
            description: None,
            resources: Resources::new(),
            settings: Map::new(),
            miss_policy: MissPolicy::Warn,
            variables: Variables::default(),
            secrets: None,
            warnings: Arc::default(),
        }
    }

    /// Reads an environment from one YAML text, which may not say `extends`; as [`load`](Self::load) does otherwise.
    pub fn parse(file_name: &str, yaml: &str, variables: &Variables) -> Result<Self, ConfigErrors> {
        let own = EnvironmentText {
            file_name: file_name.to_owned(),
            text: yaml.to_owned(),
        };
        Self::load(own, variables, |_| {
            Err("the text that extends it is read without any other".to_owned())
        })
    }

    /// Reads an environment from YAML, filling in the variables; they are kept for [`resolve`](Self::resolve).
    ///
    /// Known keys are `extends`, `name` (else the stem of the file's name), `description`, `resources` (`{type: {name:
    /// {…}}}`) and `settings`. A type whose object has a `backend` is itself the one resource of that type, named like
    /// the type and `default`. The setting `strict_resources` refuses references to resources that are not there.
    ///
    /// `extends: NAME` puts the file over another one, which `parents` is asked for by its name: it answers `None` if
    /// there is none, and with a sentence if it cannot be read. The parent may extend another, up to [`MAX_PARENTS`].
    /// Objects are merged key by key; all else, lists too, replaces what the parent has. Below the top level, null takes
    /// a key of the parent away. The `name` of a parent is not inherited. Variables are filled in once, after merging: one
    /// that only a replaced value asks for need not be set. A type of resources that one file writes flat, with a
    /// `backend`, and the other by names is replaced as a whole.
    ///
    /// All problems of the files are reported together, each with the file in which it stands; a file that cannot be
    /// read at all is reported alone.
    ///
    /// [`MAX_PARENTS`]: crate::MAX_PARENTS
    pub fn load(
        own: EnvironmentText,
        variables: &Variables,
        mut parents: impl FnMut(&str) -> Result<Option<EnvironmentText>, String>,
    ) -> Result<Self, ConfigErrors> {
        parse::parse(&Chain::read(own, &mut parents)?, variables)
    }

    /// Gives the environment the variables which `${VAR}` stands for in the configurations it resolves.
    #[must_use]
    pub fn with_variables(mut self, variables: Variables) -> Self {
        self.variables = variables;
        self
    }

    /// Gives the environment what reads the secrets that `{"$secret": …}` names, in its resources and in the
    /// configurations it resolves. Without it, none can be read.
    #[must_use]
    pub fn with_secrets(mut self, secrets: Arc<dyn SecretSource>) -> Self {
        self.secrets = Some(secrets);
        self
    }

    /// Makes a configuration fit for this environment, for an instance to be built from it: binds its `$resource`
    /// references, fills in its `${VAR}` and reads its secrets.
    ///
    /// A reference becomes the resource and, beside it, the inline values whose keys the resource lacks. A missing
    /// resource is a problem if the reference has `$required: true`, or no `$required` and something in `$requires`,
    /// or neither and this environment is strict; else it is a warning and the inline values stand alone. Nothing in
    /// a resource or in a variable's value is filled in again. A `{"$secret": "env:NAME"}` or `{"$secret":
    /// "file:/path"}` becomes the text of the secret. All problems are reported together.
    pub fn resolve(&self, config: &PortableConfig) -> Result<ResolvedConfig, ConfigErrors> {
        self.resolve_with(config, Secrets::Read(self.secrets.as_deref()))
    }

    /// Does what [`resolve`](Self::resolve) does, but reads no secret: each becomes a text such as `[secret
    /// env:NAME]`, unless it is one that [may not be read](SecretSource::permits). What comes of it is for checking and
    /// showing, where secrets cannot be read or must not be.
    pub fn resolve_without_secrets(
        &self,
        config: &PortableConfig,
    ) -> Result<ResolvedConfig, ConfigErrors> {
        self.resolve_with(config, Secrets::Show(self.secrets.as_deref()))
    }

    fn resolve_with(
        &self,
        config: &PortableConfig,
        secrets: Secrets<'_>,
    ) -> Result<ResolvedConfig, ConfigErrors> {
        let mut resolver = Resolver::new(&self.variables, References::Bind(self), secrets);
        let map = resolver.object(config.as_map(), Text::Raw);
        let Resolver {
            problems,
            warnings,
            origins,
            ..
        } = resolver;
        problems.or(())?;
        let environment = Arc::clone(&self.name);
        Ok(ResolvedConfig::new(map, environment, warnings).with_origins(origins))
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for, in its author's words.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The settings of the program in this environment.
    pub fn settings(&self) -> &Map<String, Value> {
        &self.settings
    }

    /// One resource as the file gives it: references in it are not bound, and secrets are not read. To have that done,
    /// [`resolve`](Self::resolve) a configuration that is a reference to it.
    pub fn resource(&self, resource_type: &str, name: &str) -> Option<&Map<String, Value>> {
        let resource = self.filled_resource(resource_type, name)?;
        Some(&resource.fields)
    }

    pub(crate) fn filled_resource(&self, resource_type: &str, name: &str) -> Option<&Resource> {
        self.resources.get(resource_type)?.get(name)
    }

    /// The names of the resources of one type, sorted.
    pub fn resource_names(&self, resource_type: &str) -> impl Iterator<Item = &str> {
        let named = self.resources.get(resource_type);
        named
            .into_iter()
            .flat_map(BTreeMap::keys)
            .map(String::as_str)
    }

    /// What is doubtful about its files: texts that look like secrets written out, at most a hundred.
    pub fn warnings(&self) -> &[ConfigWarning] {
        &self.warnings
    }

    pub(crate) fn miss_policy(&self) -> MissPolicy {
        self.miss_policy
    }
}

impl Debug for EnvironmentText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvironmentText")
            .field("file_name", &self.file_name)
            .finish_non_exhaustive()
    }
}

impl Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resources: Vec<String> = self
            .resources
            .iter()
            .flat_map(|(kind, named)| named.keys().map(move |name| format!("{kind}/{name}")))
            .collect();
        f.debug_struct("Environment")
            .field("name", &self.name)
            .field("resources", &resources)
            .field("settings", &self.settings.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
