//! Turns text into configurations that can be trusted, in steps that are types.
//!
//! ```text
//! domain file ── parse_domain ──► DomainBot ─► PortableConfig ──┐
//!                                                               ├─ Environment::resolve ─► ResolvedConfig
//! environment files + Variables ─ Environment::load ────────────┘
//! ```
//!
//! A [`PortableConfig`] is what is stored and sent between nodes: it may hold `${VAR}` and `$resource`, and means the
//! same everywhere. A [`ResolvedConfig`] is what an instance is built from on one node; nothing in it is left to fill
//! in. Secrets are named and not written, as in `{"$secret": "env:OPENAI_API_KEY"}`; a [`SecretSource`] reads them on the
//! way to an instance, and what people are shown never holds one. Everything wrong with a text is reported together, each problem with its place and with what to do about it.
//!
//! This crate reads no file, no clock, no network and no process environment: texts, variables and secrets are handed in.
//!
//! ```
//! use hotbed_configs::{Environment, Variables, parse_domain};
//!
//! let variables = Variables::from_iter([("LLM_MODEL".to_owned(), "small".to_owned())]);
//! let environment = Environment::parse(
//!     "development.yaml",
//!     "resources: {llms: {chat: {provider: echo, model: '${LLM_MODEL}'}}}",
//!     &variables,
//! )?;
//! let bots = parse_domain(
//!     "greeter.yaml",
//!     "domain: {id: greeter}\nbot: {llm: {$resource: chat, type: llms}}",
//! )?;
//!
//! let resolved = environment.resolve(&bots[0].config)?;
//! assert_eq!(resolved.as_map()["llm"]["model"], "small");
//! # Ok::<(), hotbed_configs::ConfigErrors>(())
//! ```

mod config_schema;
mod detect;
mod did_you_mean;
mod domain;
mod environment;
mod error;
mod interpolate;
mod limits;
mod literal_secret;
mod mods_file;
mod object;
mod origins;
mod path;
mod portability;
mod portable;
mod reference;
mod registration_file;
mod resolve;
mod resolved;
mod schema;
mod secret;
mod shown;
mod texts;
mod variables;
mod warning;
mod yaml;

pub use config_schema::ConfigSchema;
pub use detect::{Detected, detect_environment};
pub use domain::{DomainBot, DomainPlace, locate_in_domain, parse_domain};
pub use environment::{Environment, EnvironmentText};
pub use error::{ConfigError, ConfigErrorKind, ConfigErrors, Location, MissingResource};
pub use limits::{MAX_EXPANDED_UNITS, MAX_NESTING, MAX_PARENTS, MAX_TEXT_BYTES};
pub use mods_file::{DeclaredMod, parse_mods};
pub use object::canonical_json;
pub use path::ConfigPath;
pub use portability::{
    PortabilityIssue, has_resource_references, is_portable, validate_portability,
};
pub use portable::PortableConfig;
pub use registration_file::RegistrationFile;
pub use resolved::{ResolvedConfig, ResolvedDigest};
pub use schema::{domain_schema, environment_schema, secret_schema};
pub use secret::{SecretKeeper, SecretRef, SecretSource, WrittenIn};
pub use variables::Variables;
pub use warning::ConfigWarning;
pub use yaml::Syntax;
