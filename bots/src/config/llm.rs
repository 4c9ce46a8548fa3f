use std::net::IpAddr;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::fields::{Fields, Findings, either};
use super::{Api, LlmConfig, ProviderConfig, RemoteConfig};
use crate::keys::ProviderKeys;

const DEFAULT_TIMEOUT_MS: u64 = 60_000;
pub(super) const MAX_TIMEOUT_MS: u64 = 600_000;

pub(super) const PROVIDERS: [&str; 4] = ["echo", "openai", "anthropic", "ollama"];

/// Keys that mean something to a provider behind HTTP only. A model's name is harmless and often left in place.
const REMOTE_KEYS: [&str; 5] = [
    "base_url",
    "api_key",
    "api_key_env",
    "temperature",
    "max_tokens",
];

impl LlmConfig {
    pub(super) fn read(
        mut fields: Fields<'_>,
        keys: &ProviderKeys,
        findings: &mut Findings,
    ) -> Option<Self> {
        let name = fields.choice("provider", &PROVIDERS, findings);
        if fields.is_absent("provider") {
            let reason = format!("is missing: use {}", either(&PROVIDERS));
            findings.problem("llm.provider", reason);
        }
        // Read whoever the provider is: all problems are told at once.
        let given = Given::read(&mut fields, findings);
        let timeout_ms = fields.integer("timeout_ms", 1..=MAX_TIMEOUT_MS, findings);
        let provider = match name.map(Api::of_name) {
            None => None,
            Some(None) => {
                for key in REMOTE_KEYS.into_iter().filter(|key| !fields.is_absent(key)) {
                    findings.warning(format!(
                        "`llm.{key}` means nothing to the provider echo and is ignored"
                    ));
                }
                Some(ProviderConfig::Echo)
            }
            Some(Some(api)) => given
                .remote(api, &fields, keys, findings)
                .map(ProviderConfig::Remote),
        };
        fields.finish(findings);
        Some(Self {
            provider: provider?,
            timeout: Duration::from_millis(timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS)),
        })
    }
}

/// What a configuration says of a provider behind HTTP, each by itself in order.
struct Given<'a> {
    model: Option<&'a str>,
    base_url: Option<String>,
    key: Option<SecretString>,
    key_variable: Option<&'a str>,
    temperature: Option<f64>,
    max_tokens: Option<u32>,
}

impl<'a> Given<'a> {
    fn read(fields: &mut Fields<'a>, findings: &mut Findings) -> Self {
        Self {
            model: fields.text("model", findings),
            base_url: fields
                .text("base_url", findings)
                .and_then(|given| base_url(given, findings)),
            key: fields
                .secret("api_key", findings)
                .and_then(|given| given_key(&given, findings)),
            key_variable: fields.text("api_key_env", findings),
            temperature: fields.decimal("temperature", 0.0..=2.0, findings),
            max_tokens: fields
                .integer("max_tokens", 1..=u64::from(u32::MAX), findings)
                .and_then(|number| u32::try_from(number).ok()),
        }
    }

    fn remote(
        self,
        api: Api,
        fields: &Fields<'_>,
        keys: &ProviderKeys,
        findings: &mut Findings,
    ) -> Option<RemoteConfig> {
        let is_missing = self
            .model
            .map_or(fields.is_absent("model"), |model| model.trim().is_empty());
        if is_missing {
            let reason = format!("is missing: {} needs the name of a model", api.name());
            findings.problem("llm.model", reason);
        }
        let key = if fields.is_absent("api_key") {
            key(api, self.key_variable, fields, keys, findings)
        } else {
            if !fields.is_absent("api_key_env") {
                let reason = "stands beside `llm.api_key`: give one of them";
                findings.problem("llm.api_key_env", reason);
            }
            self.key
        };
        let base_url = match self.base_url {
            None if fields.is_absent("base_url") => api.public_base_url().to_owned(),
            given => given?,
        };
        if key.is_some() && is_overheard(&base_url) {
            let warning = format!("`llm.base_url` sends the key unencrypted to {base_url}");
            findings.warning(warning);
        }
        Some(RemoteConfig {
            api,
            model: self.model?.to_owned(),
            base_url,
            key,
            temperature: self.temperature,
            max_tokens: self.max_tokens,
        })
    }
}

impl Api {
    fn of_name(name: &str) -> Option<Self> {
        [Self::OpenAi, Self::Anthropic, Self::Ollama]
            .into_iter()
            .find(|api| api.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Ollama => "ollama",
        }
    }

    fn public_base_url(self) -> &'static str {
        match self {
            Self::OpenAi => "https://api.openai.com/v1/",
            Self::Anthropic => "https://api.anthropic.com/v1/",
            Self::Ollama => "http://localhost:11434/",
        }
    }

    /// The variable that holds the key for the public address, if it asks for one.
    fn key_variable(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => Some("OPENAI_API_KEY"),
            Self::Anthropic => Some("ANTHROPIC_API_KEY"),
            Self::Ollama => None,
        }
    }
}

fn key(
    api: Api,
    named: Option<&str>,
    fields: &Fields<'_>,
    keys: &ProviderKeys,
    findings: &mut Findings,
) -> Option<SecretString> {
    if let Some(variable) = named {
        if !ProviderKeys::is_name(variable) {
            // Not quoted: it may be the key itself.
            findings.problem(
                "llm.api_key_env",
                "must be the name of an environment variable that ends in _API_KEY (of A-Z, 0-9 and _), never the \
                 key itself",
            );
            return None;
        }
        let key = keys.get(variable);
        if key.is_none() {
            findings.problem(
                "llm.api_key_env",
                format!("{variable} is not set in the server's environment"),
            );
        }
        return key.cloned();
    }
    // Also when one of them is refused: what key it would have wanted is not known.
    if !fields.is_absent("base_url") || !fields.is_absent("api_key_env") {
        return None;
    }
    let variable = api.key_variable()?;
    let key = keys.get(variable);
    if key.is_none() {
        let reason = format!(
            "{} needs a key: set {variable} in the server's environment, or name another variable in \
             `llm.api_key_env` or a secret in `llm.api_key`",
            api.name()
        );
        findings.problem("llm.provider", reason);
    }
    key.cloned()
}

/// A key of the configuration's own, which is sent wherever the configuration says.
fn given_key(given: &SecretString, findings: &mut Findings) -> Option<SecretString> {
    let key = given.expose_secret().trim();
    if key.is_empty() || key.contains(char::is_control) {
        findings.problem("llm.api_key", "must be one line of text, and not blank");
        return None;
    }
    Some(SecretString::from(key))
}

fn base_url(given: &str, findings: &mut Findings) -> Option<String> {
    let parsed = Url::parse(given)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let reason = match parsed {
        None => "must be an http or https address, for example http://localhost:8000/v1",
        Some(url) if !url.username().is_empty() || url.password().is_some() => {
            "must not hold a user or a password: name a secret in `llm.api_key` instead"
        }
        Some(url) if url.query().is_some() || url.fragment().is_some() => {
            "must not hold a `?` or a `#`"
        }
        Some(url) => {
            let text = String::from(url);
            return Some(if text.ends_with('/') {
                text
            } else {
                text + "/"
            });
        }
    };
    findings.problem("llm.base_url", reason);
    None
}

/// Whether others may read along on the way to this address.
fn is_overheard(base_url: &str) -> bool {
    let Ok(url) = Url::parse(base_url) else {
        return false;
    };
    let host = url
        .host_str()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let is_here = host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    url.scheme() == "http" && !is_here
}
