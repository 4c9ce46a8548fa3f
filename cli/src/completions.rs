use std::io::{self, Write};

use clap::Args;
use clap_complete::Shell;

/// Print a script that completes this command in a shell
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed completions bash > ~/.local/share/bash-completion/completions/hotbed
  hotbed completions zsh > ~/.zfunc/_hotbed
  hotbed completions fish > ~/.config/fish/completions/hotbed.fish")]
pub struct Completions {
    /// The shell to write for.
    shell: Shell,
}

impl Completions {
    /// Writes the script for the whole command of the binary. A reader that goes away is no error.
    pub fn write(&self, command: &mut clap::Command, output: &mut dyn Write) -> io::Result<()> {
        let name = command.get_name().to_owned();
        // The generator panics when it cannot write, so it gets what can always be written to.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command, name, &mut script);
        match output.write_all(&script).and_then(|()| output.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }
}
