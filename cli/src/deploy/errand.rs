//! Does one step of a plan at a server.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hotbed_api::{Mod, Registration, RegistrationWrite, Written};
use hotbed_deploy::{Action, Collection, Desired, Step};
use reqwest::RequestBuilder;
use reqwest::header::{IF_MATCH, IF_NONE_MATCH};
use tokio::time::Instant;

use super::outcome::Outcome;
use crate::backoff::Backoff;
use crate::client::{Answer, Client};
use crate::command::NoteArgs;
use crate::exit::Exit;

/// Under it a write that is sent again is not done twice.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The longest wait before a server is asked again; whoever interrupts the command waits no longer.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What the steps of one run share.
pub(super) struct Errand<'a> {
    client: &'a Client,
    note: &'a NoteArgs,
    /// For how long each step is tried.
    patience: Duration,
    is_over: AtomicBool,
    waiting: AtomicUsize,
}

impl<'a> Errand<'a> {
    pub(super) fn new(client: &'a Client, note: &'a NoteArgs, patience: Duration) -> Self {
        Self {
            client,
            note,
            patience,
            is_over: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Has nothing sent any more; true if that was said before.
    pub(super) fn end(&self) -> bool {
        self.is_over.swap(true, Ordering::Relaxed)
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// How many steps wait to ask again.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Does one step, under the condition that nobody wrote since the plan was made. A server that has no time, or cannot
    /// reach its registry, is asked again.
    pub(super) async fn run(&self, step: &Step) -> Outcome {
        let key = format!("apply-{:032x}", rand::random::<u128>());
        let begun = Instant::now();
        let mut backoff = Backoff::default();
        let mut may_be_done = false;
        loop {
            let request = match self.request(step) {
                Ok(request) => request.header(IDEMPOTENCY_KEY, &key),
                Err(refused) => return refused,
            };
            let error = match self.client.send(request).await {
                Ok(answer) => return done(step, &answer),
                Err(error) => error,
            };
            let outcome = Outcome::of_error(&error);
            may_be_done |= matches!(outcome, Outcome::Unknown(_));
            if error.is_busy() && begun.elapsed() < self.patience && !self.is_over() {
                self.waiting.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(backoff.next_delay().min(LONGEST_WAIT)).await;
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                if !self.is_over() {
                    continue;
                }
            } else if may_be_done
                && matches!(outcome, Outcome::Conflict(_))
                && let Some(done) = self.done_already(step).await
            {
                // An attempt before was done, and whoever answered did not learn of it.
                return done;
            }
            return outcome;
        }
    }

    fn request(&self, step: &Step) -> Result<RequestBuilder, Outcome> {
        let path = [step.collection.as_str(), step.id.as_str()];
        let client = self.client;
        let request = match &step.action {
            Action::Create { desired } => {
                put(step, client.put(&path), desired).header(IF_NONE_MATCH, "*")
            }
            Action::Update { desired, at, .. } => {
                put(step, client.put(&path), desired).header(IF_MATCH, format!("\"{at}\""))
            }
            Action::Delete { at } => client.delete(&path).header(IF_MATCH, format!("\"{at}\"")),
            Action::Refuse { owner, .. } => {
                return Err(Outcome::Refused(format!(
                    "it belongs to {owner}: leave it out, or use --take-over"
                )));
            }
        };
        Ok(self.note.in_query(request))
    }

    /// What a step wanted, if that is how it is.
    async fn done_already(&self, step: &Step) -> Option<Outcome> {
        let path = [step.collection.as_str(), step.id.as_str()];
        let found = self.client.send(self.client.get(&path)).await;
        let (found, wanted) = match (found, &step.action) {
            (Err(error), Action::Delete { .. }) if error.exit() == Exit::NotFound => {
                return Some(Outcome::Done {
                    revision: None,
                    warnings: Vec::new(),
                });
            }
            (Ok(found), Action::Create { desired } | Action::Update { desired, .. }) => {
                (found, desired)
            }
            _ => return None,
        };
        let (config, metadata, revision) = match step.collection {
            Collection::Bots => {
                let found: Registration = self.client.understand(&found.body).ok()?;
                let is_active = found.status == hotbed_api::Status::Active;
                (
                    Some(found.config).filter(|_| is_active),
                    found.metadata,
                    Some(found.revision),
                )
            }
            Collection::Mods => {
                let found: Mod = self.client.understand(&found.body).ok()?;
                (found.registered, found.metadata, found.revision)
            }
        };
        let is_wanted = config.as_ref() == Some(wanted.config.as_map())
            && wanted
                .metadata
                .iter()
                .all(|(key, value)| metadata.get(key) == Some(value));
        is_wanted.then(|| Outcome::Done {
            revision,
            warnings: Vec::new(),
        })
    }
}

fn done(step: &Step, answer: &Answer) -> Outcome {
    // A deletion is answered with nothing but its revision.
    let (revision, warnings) = match step.collection {
        Collection::Bots => {
            let written = serde_json::from_str::<Written>(&answer.body).ok();
            let revision = written.as_ref().map(|it| it.registration.revision);
            (revision, written.map(|it| it.warnings).unwrap_or_default())
        }
        Collection::Mods => {
            let written = serde_json::from_str::<Mod>(&answer.body).ok();
            let revision = written.as_ref().and_then(|it| it.revision);
            let failure = written.and_then(|it| it.error);
            let failure = failure.map(|why| format!("it does not come up: {why}"));
            (revision, failure.into_iter().collect())
        }
    };
    Outcome::Done {
        revision: revision.or(answer.revision),
        warnings,
    }
}

fn put(step: &Step, request: RequestBuilder, desired: &Desired) -> RequestBuilder {
    if step.collection == Collection::Mods {
        let mut body = desired.config.as_map().clone();
        body.insert("metadata".to_owned(), desired.metadata.clone().into());
        return request.json(&body);
    }
    request.json(&RegistrationWrite {
        bot_id: None,
        id: None,
        config: desired.config.as_map().clone(),
        status: Some(hotbed_api::Status::Active),
        metadata: Some(desired.metadata.clone()),
    })
}
