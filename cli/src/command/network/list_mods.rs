use serde::Deserialize;
use serde_json::{Map, Value};

use super::agent::{AgentArgs, Outgoing};
use super::visit::visit;
use crate::error::Error;
use crate::exit::Exit;
use crate::options::Format;
use crate::session::Session;
use crate::table::Table;

#[derive(Deserialize)]
struct Data {
    mods: Vec<Described>,
}

/// What a network says of a mod.
#[derive(Deserialize)]
struct Described {
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    description: String,
}

pub(super) async fn run(args: AgentArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    visit(&args, session, async |agent, session| {
        let event = Outgoing {
            name: "system.list_mods".to_owned(),
            to: String::new(),
            payload: Map::from_iter([("agent_id".to_owned(), Value::from(agent.id.as_str()))]),
        };
        let (body, answered) = agent.send(event).await?;
        if !answered.success {
            session.complain(answered.message());
            return Ok(Exit::Failed);
        }
        match session.format {
            Format::Json => session.print_json(&body)?,
            Format::Table => {
                let data: Data = session.client.understand(&answered.data.to_string())?;
                let table = told(&data.mods);
                session.print(|output| table.write(output))?;
            }
        }
        Ok(Exit::Done)
    })
    .await
}

fn told(mods: &[Described]) -> Table<3> {
    let mut table = Table::default();
    table.row(["MOD", "VERSION", "WHAT"]);
    for it in mods {
        table.row([&it.name, &it.version, &it.description]);
    }
    table
}
