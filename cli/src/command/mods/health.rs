use hotbed_api::ModHealth;

use super::ask;
use crate::error::Error;
use crate::exit::Exit;
use crate::options::{Format, Name};
use crate::session::Session;
use crate::table::Table;

pub(super) async fn run(id: &Name, session: &mut Session<'_>) -> Result<Exit, Error> {
    let request = session.client.get(&["mods", id.as_str(), "health"]);
    let answer = ask(request, session).await?;
    let it: ModHealth = session.client.understand(&answer.body)?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => {
            let table = told(&it);
            session.print(|output| table.write(output))?;
        }
    }
    Ok(if it.healthy { Exit::Done } else { Exit::Failed })
}

fn told(it: &ModHealth) -> Table<2> {
    let mut table = Table::default();
    table.row(["HEALTH", if it.healthy { "well" } else { "not well" }]);
    if !it.message.is_empty() {
        table.row(["MESSAGE", &it.message]);
    }
    for (key, value) in &it.details {
        table.row([key, &value.to_string()]);
    }
    table
}
