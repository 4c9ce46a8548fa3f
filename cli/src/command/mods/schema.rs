use hotbed_api::ModSchema;
use serde::Deserialize;
use serde_json::Value;

use super::ask;
use crate::error::Error;
use crate::exit::Exit;
use crate::options::{Format, Name};
use crate::session::Session;
use crate::table::Table;

/// What a form has of fields; the rest of it is for those who draw forms.
#[derive(Deserialize)]
struct Form {
    sections: Vec<Section>,
}

#[derive(Deserialize)]
struct Section {
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    key: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    required: bool,
    default: Option<Value>,
}

pub(super) async fn run(id: &Name, session: &mut Session<'_>) -> Result<Exit, Error> {
    let request = session.client.get(&["mods", id.as_str(), "schema"]);
    let answer = ask(request, session).await?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => {
            let schema: ModSchema = session.client.understand(&answer.body)?;
            match schema.form {
                None => session.note("it takes any configuration"),
                Some(form) => {
                    let form: Form = session.client.understand(&form.to_string())?;
                    let table = told(&form);
                    session.print(|output| table.write(output))?;
                }
            }
        }
    }
    Ok(Exit::Done)
}

fn told(form: &Form) -> Table<4> {
    let mut table = Table::default();
    table.row(["KEY", "TYPE", "DEFAULT", "WHAT"]);
    for field in form.sections.iter().flat_map(|section| &section.fields) {
        let default = match &field.default {
            _ if field.required => "must be given".to_owned(),
            Some(default) => default.to_string(),
            None => "none".to_owned(),
        };
        let what = if field.description.is_empty() {
            field.label.clone()
        } else {
            format!("{}: {}", field.label, field.description)
        };
        table.row([&field.key, &field.kind, &default, &what]);
    }
    table
}
