//! Registers the bots of domain files.

use anyhow::{Context, bail};
use hotbed::deploy::Entry;
use hotbed::registry::{Admission, Draft, Error, Id, Precondition, Registry, Status};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The bots of a directory of domain files, each proven fit to be registered.
#[derive(Debug)]
pub(crate) struct Domains {
    dir: PathBuf,
    bots: Vec<(Id, Draft)>,
}

/// What became of the bots of domain files.
#[derive(Debug, Default)]
pub(crate) struct Registered {
    pub(crate) dir: PathBuf,
    /// Were not registered, and are now.
    pub(crate) added: Vec<Id>,
    /// Were registered before. They are left as they are, for they may have been changed since.
    pub(crate) kept: Vec<Id>,
    /// What their writer should know.
    pub(crate) warnings: Vec<String>,
}

impl Domains {
    /// Proves all bots before the first is registered. Each problem names its file.
    pub(crate) fn prove(
        dir: PathBuf,
        bots: &BTreeMap<Id, Entry>,
        registry: &Registry,
        admission: Admission,
    ) -> anyhow::Result<Self> {
        let mut proven = Vec::with_capacity(bots.len());
        for (id, bot) in bots {
            let draft = Draft {
                config: bot.config.clone(),
                status: Status::Active,
                metadata: Some(bot.metadata.clone()),
                created_at: None,
            };
            let problems = registry.check(id, &draft).problems;
            if admission == Admission::Strict && !problems.is_empty() {
                let place = bot.file.display();
                bail!("{place}: bot {id:?} is refused: {}", problems.join("; "));
            }
            proven.push((id.clone(), draft));
        }
        Ok(Self { dir, bots: proven })
    }

    /// Registers those that are not registered yet.
    pub(crate) async fn register(self, registry: &Registry) -> anyhow::Result<Registered> {
        let mut registered = Registered {
            dir: self.dir,
            ..Registered::default()
        };
        for (id, draft) in self.bots {
            match registry.put(&id, draft, Precondition::Absent).await {
                Ok(admitted) => {
                    let warnings = admitted
                        .warnings
                        .into_iter()
                        .map(|warning| format!("{id}: {warning}"));
                    registered.warnings.extend(warnings);
                    registered.added.push(id);
                }
                Err(Error::Conflict { .. }) => registered.kept.push(id),
                Err(error) => {
                    let dir = registered.dir.display();
                    return Err(error).with_context(|| format!("cannot register {id:?} of {dir}"));
                }
            }
        }
        Ok(registered)
    }
}
