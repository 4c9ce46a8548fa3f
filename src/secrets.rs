//! The secrets that configurations name: read where they are kept, each time anew, for those who may have them.

mod allow_list;
#[cfg(test)]
mod tests;

pub(crate) use allow_list::AllowList;

use hotbed::configs::{SecretKeeper, SecretRef, SecretSource, WrittenIn};
use nix::libc::{O_NOCTTY, O_NONBLOCK};
use std::fmt;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use tokio::runtime::{Handle, RuntimeFlavor};

/// No secret is larger than this, in bytes; a file that is was meant for something else.
const MAX_BYTES: u64 = 64 << 10;

/// Reads the secrets of a server: variables of its process as they were at the start, and files as they are now.
///
/// A resource of the environment may name any of them. A configuration may name those on the list only: whoever may
/// write one could have any secret sent anywhere.
pub(crate) struct Secrets {
    process: Arc<[(String, String)]>,
    for_configurations: AllowList,
}

impl Secrets {
    pub(crate) fn new(process: Arc<[(String, String)]>, for_configurations: AllowList) -> Self {
        Self {
            process,
            for_configurations,
        }
    }

    fn variable(&self, name: &str) -> Option<String> {
        let found = self.process.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    }
}

impl SecretSource for Secrets {
    fn read(&self, secret: &SecretRef, written_in: WrittenIn) -> Result<Option<String>, String> {
        // Before anything is looked at: a refusal does not tell whether the secret is there.
        self.permits(secret, written_in)?;
        match secret.keeper() {
            SecretKeeper::Env => Ok(self.variable(secret.name())),
            SecretKeeper::File => aside(|| file(secret.name())),
            _ => Err("this server cannot read from there".to_owned()),
        }
    }

    fn permits(&self, secret: &SecretRef, written_in: WrittenIn) -> Result<(), String> {
        if written_in == WrittenIn::Configuration && !self.for_configurations.allows(secret) {
            return Err(
                "configurations may name only what --config-secrets (HOTBED_CONFIG_SECRETS) allows: add it there, or put it \
                 into a resource of the environment and refer to that"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets")
            .field("for_configurations", &self.for_configurations)
            .finish_non_exhaustive()
    }
}

/// Does what may take its time, such as a read from a disk of another machine, where no other task waits for it.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|it| it.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        // A runtime of one thread has nobody to hand its tasks to.
        _ => work(),
    }
}

fn file(path: &str) -> Result<Option<String>, String> {
    // A pipe that nobody writes to would keep whoever opens it waiting, and a terminal would become that of the process.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK | O_NOCTTY)
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    // Of what was opened, not of what may have its name by now.
    if !file.metadata().map_err(|it| it.to_string())?.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    let length = read.map_err(|error| error.to_string())?;
    if length as u64 > MAX_BYTES {
        return Err(format!("it is larger than {MAX_BYTES} bytes"));
    }
    // The error of the conversion holds the bytes.
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    Ok(Some(text))
}
