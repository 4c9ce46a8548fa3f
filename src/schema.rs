//! The JSON Schemas of what people write, for their editors.

use clap::{Args, ValueEnum};
use hotbed::bots::bot_schema;
use hotbed::configs::{domain_schema, environment_schema};
use hotbed::mods::mod_schema;
use std::io;

/// Print the JSON Schema of a kind of file, for editors and other programs
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed schema domain > domain.schema.json")]
pub(crate) struct SchemaArgs {
    /// What is described
    kind: Kind,
}

/// What people write.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// A file of environments/
    Environment,
    /// A file of domains/
    Domain,
    /// The configuration of a bot, as it is registered
    Bot,
    /// A mod, as it is registered
    Mod,
}

impl SchemaArgs {
    pub(crate) fn write(&self, output: &mut dyn io::Write) -> io::Result<()> {
        let schema = match self.kind {
            Kind::Environment => environment_schema(),
            Kind::Domain => domain_schema(bot_schema()),
            Kind::Bot => bot_schema(),
            Kind::Mod => mod_schema(),
        };
        writeln!(output, "{schema:#}")?;
        output.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotbed::configs::parse_domain;
    use serde_json::{Value, json};

    /// Caught: a domain whose bot may be anything.
    #[test]
    fn the_schema_of_a_domain_has_that_of_a_bot_in_it() {
        let schema = jsonschema::validator_for(&domain_schema(bot_schema())).unwrap();
        let domain = |llm: Value| json!({"domain": {"id": "a"}, "bot": {"llm": llm}});
        assert!(schema.is_valid(&domain(json!({"provider": "echo"}))));
        assert!(schema.is_valid(&domain(json!({"$resource": "chat", "type": "llms"}))));
        assert!(!schema.is_valid(&domain(json!({"provider": "echo", "max_tokens": 0}))));
        for example in [
            include_str!("../configs/domains/greeter.yaml"),
            include_str!("../configs/domains/support-bot.yaml"),
        ] {
            for bot in parse_domain("example.yaml", example).unwrap() {
                let domain = json!({"domain": {"id": bot.id}, "bot": bot.config.as_map()});
                assert!(schema.is_valid(&domain), "{domain}");
            }
        }
    }

    /// Caught: to print another kind, or what is no JSON.
    #[test]
    fn the_schema_of_each_kind_is_printed() {
        for (kind, title) in [
            (Kind::Environment, "Environment"),
            (Kind::Domain, "Domain"),
            (Kind::Bot, "Bot"),
            (Kind::Mod, "Mod"),
        ] {
            let mut printed = Vec::new();
            SchemaArgs { kind }.write(&mut printed).unwrap();
            let schema: Value = serde_json::from_slice(&printed).unwrap();
            assert_eq!(schema["title"], title);
            assert_eq!(
                schema["$schema"],
                "https://json-schema.org/draft/2020-12/schema"
            );
        }
    }
}
