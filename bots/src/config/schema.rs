//! The JSON Schema of a bot's configuration: for editors, and for texts that came from a variable to be read as numbers.
//!
//! It says what [`BotConfig::read`](super::BotConfig::read) does, but for what a schema cannot: whether a variable with a
//! key is set, the length of a prompt in bytes, odd spellings of addresses, and that `10.0` is no whole number.

use std::sync::LazyLock;

use hotbed_configs::secret_schema;
use serde_json::{Value, json};

use super::llm::{MAX_TIMEOUT_MS, PROVIDERS};
use super::{MAX_MESSAGES, MAX_SYSTEM_PROMPT_BYTES};

/// A key of a provider where none belongs, however it is spelled.
const KEY_ELSEWHERE: &str = "^[^A-Za-z0-9]*[Aa][^A-Za-z0-9]*[Pp][^A-Za-z0-9]*[Ii][^A-Za-z0-9]*[Kk][^A-Za-z0-9]*[Ee]\
                             [^A-Za-z0-9]*[Yy][^A-Za-z0-9]*$";

/// The form of a configuration.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As people write it.
    Written,
    /// With nothing left to fill in.
    Resolved,
}

/// The JSON Schema of a bot's configuration as people write it, with `${VAR}`, `$resource` and `$secret`.
pub fn bot_schema() -> Value {
    bot(Form::Written)
}

/// The same of a configuration in which nothing is left to fill in.
pub(crate) fn resolved_bot_schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| bot(Form::Resolved));
    &SCHEMA
}

impl Form {
    /// An object, or what stands for one.
    fn object(self, schema: Value) -> Value {
        match self {
            Self::Resolved => schema,
            Self::Written => json!({
                "if": { "type": "object", "required": ["$resource"] },
                "else": schema,
            }),
        }
    }

    /// A value that is given or not, or a text that becomes one.
    fn value(self, description: &str, schema: Value) -> Value {
        let mut any = vec![json!({ "type": "null" }), schema];
        if self == Self::Written {
            any.push(json!({ "type": "string", "pattern": r"\$\{" }));
        }
        json!({ "description": description, "anyOf": any })
    }
}

fn bot(form: Form) -> Value {
    let mut schema = form.object(json!({
        "type": "object",
        "required": ["llm"],
        "properties": {
            "llm": form.object(llm(form)),
            "system_prompt": {
                "description": "How the bot is told to behave, in at most 256 KiB.",
                "type": ["string", "null"],
                "maxLength": MAX_SYSTEM_PROMPT_BYTES,
            },
            "memory": form.object(memory(form)),
        },
        "patternProperties": { KEY_ELSEWHERE: { "type": "null" } },
    }));
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Bot");
    schema["description"] = json!(
        "What a bot is built from. Keys that are not known here are ignored, with a warning."
    );
    schema
}

fn llm(form: Form) -> Value {
    let [echo, remote @ ..] = PROVIDERS;
    let key_variable = match form {
        Form::Written => r"^[A-Z0-9_]*_API_KEY$|\$\{",
        Form::Resolved => "^[A-Z0-9_]*_API_KEY$",
    };
    json!({
        "description": "What thinks, and how long it may.",
        "type": "object",
        "required": ["provider"],
        "properties": {
            "provider": provider(form, echo, &remote),
            "model": {
                "description": "The name of the model, as the provider knows it.",
                "type": ["string", "null"],
            },
            "base_url": form.value(
                "What the paths of the API are appended to; the provider's public address if it is not given.",
                json!({ "type": "string", "pattern": r"^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@\s]+(/[^?#]*)?$" }),
            ),
            "api_key": api_key(form),
            "api_key_env": {
                "description": "The variable of the server's environment that holds the key to send.",
                "type": ["string", "null"],
            },
            "temperature": form.value(
                "The provider's own default if it is not given.",
                json!({ "type": "number", "minimum": 0, "maximum": 2 }),
            ),
            "max_tokens": form.value(
                "The longest reply; the provider's own default if it is not given.",
                json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX }),
            ),
            "timeout_ms": form.value(
                "How long a turn may take, in milliseconds; one minute if it is not given.",
                json!({ "type": "integer", "minimum": 1, "maximum": MAX_TIMEOUT_MS }),
            ),
        },
        "patternProperties": { without_api_key(): { "type": "null" } },
        "if": { "properties": { "provider": { "enum": remote } } },
        "then": {
            "required": ["model"],
            "properties": { "model": { "type": "string", "pattern": r"\S" } },
            "anyOf": [
                { "properties": { "api_key_env": { "type": "null" } } },
                { "properties": {
                    "api_key": { "type": "null" },
                    "api_key_env": { "type": ["string", "null"], "pattern": key_variable },
                } },
            ],
        },
    })
}

fn provider(form: Form, echo: &str, remote: &[&str]) -> Value {
    let known: Vec<_> = std::iter::once(&echo).chain(remote).copied().collect();
    let mut any = vec![json!({ "enum": known })];
    if form == Form::Written {
        any.push(json!({ "type": "string", "pattern": r"\$\{" }));
    }
    json!({ "description": "Who answers. `echo` needs no account and no network.", "anyOf": any })
}

fn api_key(form: Form) -> Value {
    let line = r"^\s*[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?\s*$";
    let mut any = vec![
        json!({ "type": "null" }),
        json!({ "type": "string", "pattern": line }),
    ];
    if form == Form::Written {
        any.push(secret_schema());
    }
    json!({
        "description": "The key to send, wherever `base_url` leads; best a secret, as in {\"$secret\": \"env:NAME\"}.",
        "anyOf": any,
    })
}

fn memory(form: Form) -> Value {
    json!({
        "description": "What the bot remembers of a conversation.",
        "type": ["object", "null"],
        "properties": {
            "type": form.value(
                "`buffer`: the last messages, word for word.",
                json!({ "enum": ["buffer"] }),
            ),
            "max_messages": form.value(
                "How many messages, of both sides; 10 if it is not given.",
                json!({ "type": "integer", "minimum": 0, "maximum": MAX_MESSAGES }),
            ),
        },
        "patternProperties": { KEY_ELSEWHERE: { "type": "null" } },
    })
}

/// Where `api_key` itself may stand.
fn without_api_key() -> String {
    KEY_ELSEWHERE.replacen('^', "^(?!api_key$)", 1)
}

#[cfg(test)]
mod tests;
