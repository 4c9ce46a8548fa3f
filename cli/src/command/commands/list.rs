use hotbed_api::CommandList;

use crate::error::Error;
use crate::exit::Exit;
use crate::options::Format;
use crate::session::Session;
use crate::table::Table;

pub(super) async fn run(session: &mut Session<'_>) -> Result<Exit, Error> {
    let answer = session
        .client
        .send(session.client.get(&["commands"]))
        .await?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => {
            let commands: CommandList = session.client.understand(&answer.body)?;
            let mut table = Table::default();
            table.row(["WORD", "MOD", "CHANNELS", "USAGE"]);
            for it in &commands.items {
                let channels = if it.scopes.is_empty() {
                    "none".to_owned()
                } else {
                    it.scopes.join(", ")
                };
                let usage = it.usage.as_deref().unwrap_or_default();
                table.row([&it.word, &it.of, &channels, usage]);
            }
            session.print(|output| table.write(output))?;
        }
    }
    Ok(Exit::Done)
}
