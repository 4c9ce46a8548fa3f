use std::net::IpAddr;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

use super::fields::{Fields, Findings};
use super::{Api, LlmConfig, ProviderConfig, RemoteConfig};
use crate::keys::ProviderKeys;

const DEFAULT_TIMEOUT_MS: u64 = 60_000;
const MAX_TIMEOUT_MS: u64 = 600_000;

/// Keys that mean something to a provider behind HTTP only.
const REMOTE_KEYS: [&str; 4] = ["base_url", "api_key_env", "temperature", "max_tokens"];

impl LlmConfig {
    pub(super) fn read(mut fields: Fields<'_>, keys: &ProviderKeys, findings: &mut Findings) -> Option<Self> {
        let name = fields.choice("provider", &["echo", "openai", "anthropic", "ollama"], findings);
        if fields.is_absent("provider") {
            findings.problem("llm.provider", "is missing: use echo, openai, anthropic or ollama");
        }
        // Also read when the provider is not known: all problems are told at once.
        let model = fields.text("model", findings);
        let base_url = fields.text("base_url", findings).map(|given| base_url(given, findings));
        let key_variable = fields.text("api_key_env", findings);
        let temperature = fields.decimal("temperature", 0.0..=2.0, findings);
        let max_tokens = fields.integer("max_tokens", 1..=u64::from(u32::MAX), findings);
        let timeout_ms = fields.integer("timeout_ms", 1..=MAX_TIMEOUT_MS, findings).unwrap_or(DEFAULT_TIMEOUT_MS);

        let provider = match name.and_then(Api::of_name) {
            None => {
                let idle = REMOTE_KEYS.into_iter().filter(|key| name.is_some() && !fields.is_absent(key));
                for key in idle {
                    findings.warning(format!("`llm.{key}` means nothing to the provider echo and is ignored"));
                }
                name.map(|_| ProviderConfig::Echo)
            }
            Some(api) => {
                if model.is_none_or(|model| model.trim().is_empty()) && !is_refused(&fields, "model", model) {
                    findings.problem("llm.model", format!("is missing: {} needs the name of a model", api.name()));
                }
                let key = key(api, key_variable, base_url.is_some(), &fields, keys, findings);
                let base_url = base_url.unwrap_or_else(|| Some(api.public_base_url().to_owned()));
                if let Some(url) = base_url.as_deref().filter(|url| key.is_some() && is_overheard(url)) {
                    findings.warning(format!("`llm.base_url` sends the key unencrypted to {url}"));
                }
                let remote = base_url.zip(model).map(|(base_url, model)| RemoteConfig {
                    api,
                    model: model.to_owned(),
                    base_url,
                    key,
                    temperature,
                    max_tokens: max_tokens.and_then(|number| u32::try_from(number).ok()),
                });
                remote.map(ProviderConfig::Remote)
            }
        };
        fields.finish(findings);
        Some(Self { provider: provider?, timeout: Duration::from_millis(timeout_ms) })
    }
}

impl Api {
    fn of_name(name: &str) -> Option<Self> {
        [Self::OpenAi, Self::Anthropic, Self::Ollama].into_iter().find(|api| api.name() == name)
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

/// Whether a value is there and was found to be a problem already.
fn is_refused<T>(fields: &Fields<'_>, key: &str, read: Option<T>) -> bool {
    read.is_none() && !fields.is_absent(key)
}

fn key(
    api: Api,
    named: Option<&str>,
    has_own_url: bool,
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
            findings.problem("llm.api_key_env", format!("{variable} is not set in the server's environment"));
        }
        return key.cloned();
    }
    if has_own_url || is_refused(fields, "api_key_env", named) || is_refused(fields, "base_url", None::<()>) {
        return None;
    }
    let variable = api.key_variable()?;
    let key = keys.get(variable);
    if key.is_none() {
        let reason = format!(
            "{} needs a key: set {variable} in the server's environment, or name another variable in \
             `llm.api_key_env`",
            api.name()
        );
        findings.problem("llm.provider", reason);
    }
    key.cloned()
}

fn base_url(given: &str, findings: &mut Findings) -> Option<String> {
    let parsed = Url::parse(given).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let reason = match parsed {
        None => "must be an http or https address, for example http://localhost:8000/v1",
        Some(url) if !url.username().is_empty() || url.password().is_some() => {
            "must not hold a user or a password: name a variable in `llm.api_key_env` instead"
        }
        Some(url) if url.query().is_some() || url.fragment().is_some() => "must not hold a `?` or a `#`",
        Some(url) => {
            let text = String::from(url);
            return Some(if text.ends_with('/') { text } else { text + "/" });
        }
    };
    findings.problem("llm.base_url", reason);
    None
}

/// Whether others may read along on the way to this address.
fn is_overheard(base_url: &str) -> bool {
    let Ok(url) = Url::parse(base_url) else { return false };
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    url.scheme() == "http" && !is_here
}
