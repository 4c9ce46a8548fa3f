//! JSON Schemas of environment and domain files, for editors and for those who check files without this program.
//!
//! They say what the parsers do, but for what a schema cannot: the same key twice, circles, what a variable brings in, and
//! keys that hold a variable where only known ones may stand.

use serde_json::{Value, json};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The JSON Schema of an environment file, as [`Environment::load`](crate::Environment::load) reads it.
pub fn environment_schema() -> Value {
    json!({
        "$schema": DRAFT,
        "title": "Environment",
        "description": "What differs between the places where bots run. `${VAR}` stands for a variable, \
            `${VAR:default}` for one that need not be set.",
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": {
            "extends": {
                "title": "Parent",
                "description": "The name of the environment that this file is put over. Objects are merged, all else \
                    is replaced, null takes a key away.",
                "type": ["string", "null"],
                "pattern": "^[A-Za-z0-9_-]+$",
            },
            "name": {
                "title": "Name",
                "description": "The name of this environment; that of the file if it is not given.",
                "type": ["string", "null"],
                "minLength": 1,
            },
            "description": {
                "title": "Description",
                "description": "What this environment is for.",
                "type": ["string", "null"],
                "minLength": 1,
            },
            "resources": {
                "title": "Resources",
                "description": "By type and name: what `{$resource: NAME, type: TYPE}` in a configuration stands for.",
                "type": ["object", "null"],
                "additionalProperties": { "$ref": "#/$defs/resources_of_a_type" },
            },
            "settings": {
                "title": "Settings",
                "description": "Settings of the program in this environment. They hold no secrets.",
                "type": ["object", "null"],
                "properties": {
                    "strict_resources": {
                        "$ref": "#/$defs/flag",
                        "title": "Strict resources",
                        "description": "Whether a reference to a resource that is not here is refused.",
                    },
                },
                "additionalProperties": { "$ref": "#/$defs/setting" },
                "not": { "type": "object", "required": ["$secret"] },
            },
        },
        "$defs": {
            "resources_of_a_type": {
                "description": "Resources by name; or, with a `backend`, the one resource of this type.",
                "type": ["object", "null"],
                "if": {
                    "required": ["backend"],
                    "properties": { "backend": { "type": "string" } },
                },
                "then": { "$ref": "#/$defs/resource" },
                "else": { "additionalProperties": { "$ref": "#/$defs/resource" } },
            },
            "resource": {
                "description": "The fields of one resource.",
                "type": ["object", "null"],
                "not": { "type": "object", "required": ["$secret"] },
                "additionalProperties": { "$ref": "#/$defs/value" },
            },
            "setting": {
                "not": { "type": "object", "required": ["$secret"] },
                "additionalProperties": { "$ref": "#/$defs/setting" },
                "items": { "$ref": "#/$defs/setting" },
            },
            "value": {
                "if": { "type": "object", "required": ["$secret"] },
                "then": { "$ref": "#/$defs/secret" },
                "else": {
                    "additionalProperties": { "$ref": "#/$defs/value" },
                    "items": { "$ref": "#/$defs/value" },
                },
            },
            "secret": secret_schema(),
            "flag": flag(),
        },
    })
}

/// The JSON Schema of one document of a domain file, as [`parse_domain`](crate::parse_domain) reads it and
/// [`Environment::resolve`](crate::Environment::resolve) takes what is in it. `bot` is the schema of what stands under
/// `bot:`, as people write it; it must not refer into itself.
pub fn domain_schema(mut bot: Value) -> Value {
    // It may stand only where a schema begins.
    if let Some(bot) = bot.as_object_mut() {
        bot.remove("$schema");
    }
    json!({
        "$schema": DRAFT,
        "title": "Domain",
        "description": "A bot, as it is kept in git and registered.",
        "type": ["object", "null"],
        "additionalProperties": false,
        "required": ["domain", "bot"],
        "properties": {
            "domain": {
                "title": "Domain",
                "description": "Who the bot is. What stands here beside `id` is kept as its metadata.",
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {
                        "title": "Id",
                        "description": "What the bot is registered as.",
                        "type": "string",
                        "minLength": 1,
                    },
                },
            },
            "bot": {
                "title": "Bot",
                "description": "The configuration of the bot. `${VAR}`, `{$resource: …}` and `{$secret: …}` are filled \
                    in on each node when it builds the bot.",
                "type": "object",
                "not": { "required": ["$secret"] },
                "allOf": [{ "$ref": "#/$defs/value" }, { "$ref": "#/$defs/bot" }],
            },
        },
        "$defs": {
            "bot": bot,
            "value": {
                "if": { "type": "object", "required": ["$secret"] },
                "then": { "$ref": "#/$defs/secret" },
                "else": {
                    "if": {
                        "type": "object",
                        "anyOf": [
                            { "required": ["$resource"] },
                            { "required": ["$required"] },
                            { "required": ["$requires"] },
                        ],
                    },
                    "then": { "$ref": "#/$defs/reference" },
                    "else": {
                        "additionalProperties": { "$ref": "#/$defs/value" },
                        "items": { "$ref": "#/$defs/value" },
                    },
                },
            },
            "reference": {
                "title": "Reference",
                "description": "A resource of the environment; what stands beside it is used where the resource says \
                    nothing.",
                "required": ["$resource"],
                "properties": {
                    "$resource": {
                        "description": "The name of the resource.",
                        "type": "string",
                        "minLength": 1,
                    },
                    "type": {
                        "description": "The type of the resource; `default` if it is not given.",
                        "type": "string",
                        "minLength": 1,
                    },
                    "$required": {
                        "$ref": "#/$defs/flag",
                        "description": "Whether a missing resource is refused.",
                    },
                    "$requires": {
                        "description": "What the resource must be capable of.",
                        "type": "array",
                        "items": { "type": "string" },
                    },
                },
                "patternProperties": {
                    r"^\$(?!(resource|required|requires)$)": false,
                    r"^[^$]": { "$ref": "#/$defs/value" },
                },
            },
            "secret": secret_schema(),
            "flag": flag(),
        },
    })
}

/// The JSON Schema of the name of a secret, for the schemas of configurations that may hold one.
pub fn secret_schema() -> Value {
    json!({
        "title": "Secret",
        "description": "The name of a secret, which is read when an instance is built.",
        "type": "object",
        "additionalProperties": false,
        "required": ["$secret"],
        "properties": {
            "$secret": {
                "description": "`env:NAME` or `file:/absolute/path`.",
                "type": "string",
                "pattern": r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:(?!.*\$\{)(/(?!\.\.(/|$))[^/\x00-\x1f\x7f]+)+)$",
                "examples": ["env:OPENAI_API_KEY", "file:/run/secrets/openai"],
            },
        },
    })
}

/// What `flag` of `reference` reads, or what a variable may turn into that.
fn flag() -> Value {
    json!({
        "anyOf": [
            { "type": "boolean" },
            { "type": "string", "pattern": r"^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$|\$\{" },
        ],
    })
}

#[cfg(test)]
mod tests;
