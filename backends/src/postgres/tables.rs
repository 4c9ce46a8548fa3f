use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// As long as the longest name made from it may be, `…_collections`, of the 63 bytes of an identifier.
const MAX_TABLE: usize = 50;
const MAX_SCHEMA: usize = 63;

/// Names the table that holds the registrations, and so the others beside it.
///
/// Only names that mean the same with and without quotes, so that nobody is surprised in `psql`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableName {
    schema: Option<String>,
    table: String,
}

impl Default for TableName {
    fn default() -> Self {
        Self {
            schema: None,
            table: "registrations".into(),
        }
    }
}

impl FromStr for TableName {
    type Err = String;

    /// Parses `table` or `schema.table`; the error says what is allowed.
    fn from_str(text: &str) -> Result<Self, String> {
        let (schema, table) = match text.split_once('.') {
            Some((schema, table)) => (Some(schema), table),
            None => (None, text),
        };
        if schema.is_none_or(|schema| is_identifier(schema, MAX_SCHEMA))
            && is_identifier(table, MAX_TABLE)
        {
            Ok(Self {
                schema: schema.map(str::to_owned),
                table: table.to_owned(),
            })
        } else {
            Err(format!(
                "names a table that cannot be: use `table` or `schema.table`, each of a-z, 0-9 and '_', no digit \
                 first, the table of at most {MAX_TABLE} characters"
            ))
        }
    }
}

fn is_identifier(text: &str, longest: usize) -> bool {
    !text.is_empty()
        && text.len() <= longest
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

impl TableName {
    pub(super) fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The channel on which commits are told, which is also the name of the log's table.
    pub(super) fn channel(&self) -> String {
        format!("{}_changes", self.table)
    }

    /// Where sqlx notes which migrations were done, apart from those of whoever else uses the database.
    pub(super) fn migrations(&self) -> String {
        self.beside("_migrations")
    }

    /// A statement from a text that names its tables in braces.
    pub(super) fn sql(&self, template: &str) -> SqlStr {
        let filled = template
            .replace("{registrations}", &self.beside(""))
            .replace("{changes}", &self.beside("_changes"))
            .replace("{collections}", &self.beside("_collections"))
            .replace("{history}", &self.beside("_history"))
            .replace("{nodes}", &self.beside("_nodes"))
            .replace("{migrations}", &self.migrations())
            // An index lies in the schema of its table, and may not be told so.
            .replace("{search}", &format!("\"{}_search\"", self.table))
            .replace("{replaced}", &format!("\"{}_replaced\"", self.table));
        AssertSqlSafe(Arc::<str>::from(filled)).into_sql_str()
    }

    fn beside(&self, suffix: &str) -> String {
        let schema = self.schema.iter().map(|schema| format!("\"{schema}\"."));
        format!("{}\"{}{suffix}\"", schema.collect::<String>(), self.table)
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_may_have_a_schema() {
        for name in ["registrations", "config.bots", "_x.y_9"] {
            assert_eq!(name.parse::<TableName>().unwrap().to_string(), name);
        }
        let name: TableName = "config.bots".parse().unwrap();
        assert_eq!(
            name.sql("{registrations} {changes} {search}").as_str(),
            "\"config\".\"bots\" \"config\".\"bots_changes\" \"bots_search\""
        );
    }

    #[test]
    fn what_would_need_quotes_is_refused() {
        let long = "x".repeat(51);
        for name in [
            "", ".", "a.", ".b", "a.b.c", "Bots", "9a", "a-b", "a\"b", "a b", "ä", &long,
        ] {
            assert!(name.parse::<TableName>().is_err(), "{name:?}");
        }
    }
}
