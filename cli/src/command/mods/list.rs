use hotbed_api::ModList;

use super::shown_state;
use crate::error::Error;
use crate::exit::Exit;
use crate::options::Format;
use crate::session::Session;
use crate::table::Table;

pub(super) async fn run(session: &mut Session<'_>) -> Result<Exit, Error> {
    let answer = session.client.send(session.client.get(&["mods"])).await?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => {
            let mods: ModList = session.client.understand(&answer.body)?;
            let mut table = Table::default();
            table.row(["ID", "STATE", "GENERATION", "REVISION", "PATH", "ERROR"]);
            for it in &mods.items {
                let number = |number: Option<u64>| number.map_or("-".into(), |it| it.to_string());
                table.row([
                    &it.id,
                    shown_state(it),
                    &number(it.generation),
                    &number(it.revision),
                    &it.path,
                    it.error.as_deref().unwrap_or_default(),
                ]);
            }
            session.print(|output| table.write(output))?;
        }
    }
    Ok(Exit::Done)
}
