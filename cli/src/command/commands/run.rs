use std::io::{self, Write};

use clap::Args;
use hotbed_api::{CommandFile, CommandReply, CommandRequest};

use crate::error::Error;
use crate::exit::Exit;
use crate::options::Format;
use crate::printable::{Line, Text};
use crate::session::Session;

/// Which commands to give, and as whom.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed commands run @wiki list
  hotbed commands run --channel town-square --username ada @wiki read start
  hotbed commands run -- @dice --sides 6")]
pub struct RunArgs {
    /// What is said; the words become one text with a space between them
    #[arg(required = true)]
    text: Vec<String>,
    /// The channel in which it is said; in none unless given
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,
    /// Who says it
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
}

pub(super) async fn run(args: RunArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let said = CommandRequest {
        text: Some(args.text.join(" ")),
        channel: args.channel,
        username: args.username,
        ..CommandRequest::default()
    };
    let request = session.client.post(&["commands"]).json(&said);
    let answer = session.client.send(request).await?;
    let reply: CommandReply = session.client.understand(&answer.body)?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => session.print(|output| tell(&reply, output))?,
    }
    if reply.messages.is_empty() {
        session.complain("nobody answered: there is no such command, or it says nothing");
        session.note("hint: see which there are with: hotbed commands list");
        return Ok(Exit::Failed);
    }
    Ok(Exit::Done)
}

fn tell(reply: &CommandReply, output: &mut dyn Write) -> io::Result<()> {
    for (number, message) in reply.messages.iter().enumerate() {
        if number > 0 {
            writeln!(output)?;
        }
        if !message.text.is_empty() {
            writeln!(output, "{}", Text(message.text.trim_end_matches('\n')))?;
        }
        for file in &message.uploads {
            let bytes = size(file);
            writeln!(output, "[{}, {bytes} bytes]", Line(&file.filename))?;
        }
    }
    Ok(())
}

/// How many bytes a file has, by the length of its Base64.
fn size(file: &CommandFile) -> usize {
    let digits = file.bytes.trim_end_matches('=').len();
    digits * 3 / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_file_is_told_by_its_base64() {
        let size_of = |bytes: &str| {
            size(&CommandFile {
                filename: "a".to_owned(),
                bytes: bytes.to_owned(),
            })
        };
        assert_eq!(
            ["", "YQ==", "YWI=", "YWJj", "YWJjZA=="].map(size_of),
            [0, 1, 2, 3, 4]
        );
    }
}
