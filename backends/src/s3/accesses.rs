//! When registrations were last accessed: an object beside the index, so that an access is no change to anybody.

use super::core::Core;
use super::fault::Fault;
use super::remote::{Found, Swap, SwapFault};
use bytes::Bytes;
use chrono::{DateTime, SubsecRound, Utc};
use hotbed_registry::{Access, Id, Revision};
use object_store::UpdateVersion;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

const KEY: &str = "accesses";
/// How often a batch is written again because somebody else was quicker.
const TRIES: usize = 32;

/// The accesses as they were last seen.
#[derive(Debug, Default)]
pub(super) struct Accesses {
    /// The revision that was accessed, and when. A later one was accessed when it was written.
    pub(super) of: HashMap<Id, (Revision, DateTime<Utc>)>,
    version: Option<UpdateVersion>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    of: Vec<(String, u64, i64)>,
}

impl Core {
    /// Makes sure that all accesses are known that were noted before this was called.
    pub(super) async fn refresh_accesses(&self) -> Result<(), Fault> {
        self.access_turns
            .share(Box::pin(self.fetch_accesses()))
            .await
    }

    async fn fetch_accesses(&self) -> Result<(), Fault> {
        let known = self.replica.read().accesses.version.clone();
        let (of, version) = match self.remote.read(KEY, known.as_ref()).await? {
            Found::Unchanged => return Ok(()),
            // Whoever removed it has forgotten them.
            Found::Nothing => (HashMap::new(), None),
            Found::Body { body, version } => {
                let of = decode(&body)
                    .map_err(|reason| Fault::corrupt(self.remote.place(KEY), reason))?;
                (of, Some(version))
            }
        };
        let mut copy = self.replica.write();
        // Ours may have been written meanwhile; what is read here may be older then, and is read again next time.
        if copy.accesses.version == known {
            copy.accesses = Accesses { of, version };
            copy.touch();
        }
        Ok(())
    }

    /// Notes accesses. To do it twice is to do it once, so nobody need know whether a try that went wrong was done.
    pub(super) async fn touch(&self, accesses: &[Access]) -> Result<(), Fault> {
        let _turn = self.touching.lock().await;
        for _ in 0..TRIES {
            tokio::try_join!(self.replica.refresh(), self.refresh_accesses())?;
            let (of, known) = {
                let copy = self.replica.read();
                let live = |id: &Id| copy.state.entries.get(id).map(|it| &it.registration);
                let mut of = copy.accesses.of.clone();
                of.retain(|id, (revision, _)| live(id).is_some_and(|it| it.revision == *revision));
                let mut later = false;
                for access in accesses {
                    let Some(it) = live(&access.id) else { continue };
                    let at = access.at.trunc_subsecs(6);
                    let noted = of.get(&access.id).map_or(it.last_accessed_at, |it| it.1);
                    if at > noted {
                        of.insert(access.id.clone(), (it.revision, at));
                        later = true;
                    }
                }
                if !later {
                    return Ok(());
                }
                (of, copy.accesses.version.clone())
            };
            match self.remote.swap(KEY, encode(&of), known.as_ref()).await {
                Ok(Swap::Done(version)) => {
                    let mut copy = self.replica.write();
                    copy.accesses = Accesses {
                        of,
                        version: Some(version),
                    };
                    copy.touch();
                    return Ok(());
                }
                Ok(Swap::Lost(_)) => {}
                Err(SwapFault::NotDone(fault) | SwapFault::Unknown(fault)) => return Err(fault),
            }
        }
        Err(Fault::said(format!(
            "{} is replaced by others without a pause: try again",
            self.remote.place(KEY)
        )))
    }
}

fn encode(of: &HashMap<Id, (Revision, DateTime<Utc>)>) -> Bytes {
    let of = of
        .iter()
        .map(|(id, (revision, at))| (id.as_str().to_owned(), revision.0, at.timestamp_micros()))
        .collect();
    serde_json::to_vec(&Stored { of })
        .expect("it has text keys and is written to memory")
        .into()
}

fn decode(body: &[u8]) -> Result<HashMap<Id, (Revision, DateTime<Utc>)>, String> {
    let stored: Stored = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let understand = |(id, revision, at): (String, u64, i64)| {
        let id = Id::new(&id).map_err(|error| error.to_string())?;
        let at = DateTime::from_timestamp_micros(at).ok_or("a time is none")?;
        Ok((id, (Revision(revision), at)))
    };
    stored.of.into_iter().map(understand).collect()
}
