//! What may be answered, given what was written.
//!
//! Every write carries the name of the deed that made it, and the registry has them all in one order. So what an answer says
//! is held against what its deed wrote, and against how its mod stood at any time between the question and the answer.

use super::people::{Deed, Kind};
use super::{is_active, spoils};
use hotbed_desk::{ModEntry, ModsError};
use hotbed_mods::{Cascade, Report};
use hotbed_registry::{
    Changes, Error, Id, MemoryBackend, Past, Registration, RegistryBackend, Revision,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// What a deed came to.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) deed: Deed,
    /// By this its writes are told from all others.
    pub(super) by: String,
    /// The newest revision when it was asked for, and when it was answered.
    pub(super) began: Revision,
    pub(super) ended: Revision,
    /// At which revision the mod was when they looked.
    pub(super) read: Option<Revision>,
    /// Which mods ran on its node before, and after.
    pub(super) ran: BTreeSet<String>,
    pub(super) runs: BTreeSet<String>,
    /// Of which mods there was anything on its node after.
    pub(super) known: BTreeSet<String>,
    /// Whether the registry failed its node meanwhile, or the node died.
    pub(super) was_cut_off: bool,
    pub(super) answer: Answer,
}

#[derive(Debug)]
pub(super) enum Answer {
    Entry(Box<ModEntry>),
    Gone(Vec<Id>),
    Report(Report),
    Done,
    Error(ModsError),
    /// The node died.
    None,
}

/// All that was ever written, in its order.
pub(super) struct Model {
    writes: Vec<Write>,
}

struct Write {
    id: Id,
    revision: Revision,
    by: Option<String>,
    /// What it made of it; nothing if it deleted it.
    after: Option<Registration>,
}

/// Whether a registration is one that comes up, if what it needs does.
pub(super) fn is_good(registration: &Registration) -> bool {
    !spoils(registration.config.get("config"))
}

fn config_is(config: &Value) -> impl Fn(&Registration) -> bool {
    move |it| it.config.get("config") == Some(config)
}

pub(super) fn is_enabled(registration: &Registration) -> bool {
    is_active(registration) && registration.config.get("enabled") != Some(&Value::Bool(false))
}

impl Model {
    pub(super) async fn of(store: &MemoryBackend) -> Self {
        let Changes::Log { changes, .. } = store.changes(Revision::ZERO, 10_000).await.unwrap()
        else {
            panic!("the log is whole");
        };
        let mut writes = Vec::new();
        for change in changes {
            let past = store.past(&change.id, change.revision).await.unwrap();
            let past = past.unwrap();
            writes.push(Write {
                id: change.id,
                revision: change.revision,
                by: past.note().by,
                after: match past {
                    Past::Written(written) => Some(*written),
                    Past::Deleted { .. } => None,
                },
            });
        }
        Self { writes }
    }

    /// Fails if an answer is one that may not be.
    pub(super) fn judge(&self, answered: &Answered) {
        let own: Vec<&Write> = self.own(answered).collect();
        for write in &own {
            assert!(answered.began < write.revision, "{answered:?}");
            let is_late =
                write.revision > answered.ended && !matches!(answered.answer, Answer::None);
            assert!(
                !is_late,
                "it was written after it was answered: {answered:?}"
            );
        }
        let may_be = match &answered.answer {
            Answer::None => true,
            Answer::Entry(entry) => {
                self.may_be_done(answered, &own) && self.is_fresh(answered, entry)
            }
            Answer::Gone(gone) => self.may_be_gone(answered, &own, gone),
            Answer::Done => self.may_be_done(answered, &own),
            Answer::Report(report) => own.is_empty() && self.may_be_reported(answered, report),
            Answer::Error(error) => self.may_fail(answered, &own, error),
        };
        let wrote: Vec<String> = own
            .iter()
            .map(|write| format!("{}", write.revision))
            .collect();
        assert!(may_be, "it may not be: {answered:?}, which wrote {wrote:?}");
    }

    fn own<'a>(&'a self, answered: &'a Answered) -> impl Iterator<Item = &'a Write> {
        let own = |write: &&Write| write.by.as_ref() == Some(&answered.by);
        self.writes.iter().filter(own)
    }

    /// How a mod stood at one time.
    fn at(&self, name: &str, revision: Revision) -> Option<&Registration> {
        let of = |write: &&Write| write.id.as_str() == name && write.revision <= revision;
        self.writes.iter().rev().find(of)?.after.as_ref()
    }

    /// How a mod stood at all times from the question to the answer.
    fn states<'a>(&'a self, answered: &Answered, name: &'a str) -> Vec<Option<&'a Registration>> {
        let (began, ended) = (answered.began, answered.ended);
        let meanwhile = self.writes.iter().filter(move |write| {
            write.id.as_str() == name && write.revision > began && write.revision <= ended
        });
        let meanwhile = meanwhile.map(|write| write.after.as_ref());
        [self.at(name, began)]
            .into_iter()
            .chain(meanwhile)
            .collect()
    }

    fn ever(&self, answered: &Answered, holds: impl Fn(Option<&Registration>) -> bool) -> bool {
        let states = self.states(answered, answered.deed.name);
        states.into_iter().any(holds)
    }

    fn was_gone(&self, answered: &Answered) -> bool {
        self.ever(answered, |it| it.is_none())
    }

    /// Whether others wrote this mod meanwhile.
    fn was_contended(&self, answered: &Answered) -> bool {
        self.writes.iter().any(|write| {
            write.id.as_str() == answered.deed.name
                && write.by.as_ref() != Some(&answered.by)
                && write.revision > answered.began
                && write.revision <= answered.ended
        })
    }

    /// Whether a mod may not have come up, for its own sake or that of what it needs.
    fn may_not_come_up(&self, answered: &Answered) -> bool {
        let name = answered.deed.name;
        let stands = |it: &Registration| is_good(it) && is_enabled(it);
        let states = self.states(answered, name);
        let is_spoiled = states.into_iter().flatten().any(|it| !stands(it));
        // Those who need it come into service with it, or neither does.
        let (needed, needing) = match name {
            "aa" => (Vec::new(), self.states(answered, "bb")),
            "bb" => (self.states(answered, "aa"), Vec::new()),
            _ => (Vec::new(), Vec::new()),
        };
        is_spoiled
            || needed.into_iter().any(|it| it.is_none_or(|it| !stands(it)))
            || needing.into_iter().flatten().any(|it| !is_good(it))
    }

    /// It was done: what it says is written, once, and on what was there.
    fn may_be_done(&self, answered: &Answered, own: &[&Write]) -> bool {
        let before = |write: &Write| self.at(answered.deed.name, Revision(write.revision.0 - 1));
        match &answered.deed.kind {
            Kind::Load(config) => match own {
                [created] => {
                    before(created).is_none()
                        && created.after.as_ref().is_some_and(config_is(config))
                }
                _ => false,
            },
            Kind::Edit(config) => match own {
                [] => self.ever(answered, |it| it.is_some_and(config_is(config))),
                [edited] => {
                    before(edited).is_some() && edited.after.as_ref().is_some_and(config_is(config))
                }
                _ => false,
            },
            Kind::Put(config) => match own {
                [put] => {
                    before(put).map(|it| it.revision) == answered.read
                        && put.after.as_ref().is_some_and(config_is(config))
                }
                _ => false,
            },
            Kind::Enable => own.len() <= 2 && self.ever(answered, |it| it.is_some_and(is_enabled)),
            Kind::Disable => {
                own.len() <= 1 && self.ever(answered, |it| it.is_some_and(|it| !is_enabled(it)))
            }
            Kind::Bind(scope) => {
                let has = |it: &Registration| {
                    let scopes = it.config.get("scopes").and_then(Value::as_array);
                    scopes.is_some_and(|all| all.iter().any(|one| one == scope.as_str()))
                };
                own.len() <= 1 && self.ever(answered, |it| it.is_some_and(has))
            }
            Kind::Reload => match own {
                [asked] => {
                    let config = |it: &Registration| it.config.clone();
                    before(asked).map(config) == asked.after.as_ref().map(config)
                }
                _ => false,
            },
            Kind::Unload(_) | Kind::ReloadChanged => false,
        }
    }

    /// The node has gone by what was written by the time that it answers.
    fn is_fresh(&self, answered: &Answered, entry: &ModEntry) -> bool {
        let Some(own) = self.own(answered).last() else {
            return true;
        };
        if self.was_contended(answered) {
            return true;
        }
        let Some(status) = &entry.status else {
            return false;
        };
        let is_gone_by = status.desired_revision == Some(own.revision.0);
        let is_up = status.revision == Some(own.revision.0);
        let is_down = !status.enabled && status.generation.is_none();
        is_gone_by
            && (is_up || is_down || (status.error.is_some() && self.may_not_come_up(answered)))
    }

    /// It is gone, and whoever went with it, and nothing else.
    fn may_be_gone(&self, answered: &Answered, own: &[&Write], gone: &[Id]) -> bool {
        let Kind::Unload(cascade) = answered.deed.kind else {
            return false;
        };
        let name = answered.deed.name;
        let is_told = own.iter().all(|write| write.after.is_none())
            && own.iter().map(|write| &write.id).eq(gone);
        let may_go = |id: &Id| match cascade {
            Cascade::Refuse => id.as_str() == name,
            Cascade::Dependents => id.as_str() == name || (name, id.as_str()) == ("aa", "bb"),
        };
        let is_last = gone.last().is_some_and(|last| last.as_str() == name);
        let is_stopped = !answered.runs.contains(name) || self.at(name, answered.ended).is_some();
        is_told
            && gone.iter().all(may_go)
            && (is_last || self.was_gone(answered))
            && (is_stopped || self.was_contended(answered))
    }

    fn may_be_reported(&self, answered: &Answered, report: &Report) -> bool {
        let was_there = |name: &str| {
            let states = self.states(answered, name);
            states.into_iter().any(|it| it.is_some())
        };
        report.failed.keys().all(|id| was_there(id.as_str()))
    }

    fn may_fail(&self, answered: &Answered, own: &[&Write], error: &ModsError) -> bool {
        let kind = &answered.deed.kind;
        // What it wrote and somebody deleted before it was answered.
        let is_gone_again = || self.was_gone(answered);
        match error {
            ModsError::Unsettled(_) | ModsError::Registry(Error::Unavailable { .. }) => {
                answered.was_cut_off
            }
            ModsError::NotLoaded { .. } => match kind {
                Kind::Load(_) | Kind::Put(_) => !own.is_empty() && self.was_contended(answered),
                _ => is_gone_again(),
            },
            ModsError::AlreadyLoaded { .. } | ModsError::Clash { .. } => {
                matches!(kind, Kind::Load(_))
                    && own.is_empty()
                    && self.ever(answered, |it| it.is_some())
            }
            ModsError::Needed { by, .. } => {
                let needs = |id: &hotbed_mods::ModId| {
                    let ran = answered.ran.contains(id.as_str());
                    let mut states = self.states(answered, id.as_str()).into_iter();
                    ran || states.any(|it| it.is_some())
                };
                matches!(kind, Kind::Unload(Cascade::Refuse) | Kind::Disable)
                    && answered.deed.name == "aa"
                    && own.is_empty()
                    && !by.is_empty()
                    && by.iter().all(needs)
            }
            ModsError::Disabled { .. } => {
                matches!(kind, Kind::Reload)
                    && self.ever(answered, |it| it.is_some_and(|it| !is_enabled(it)))
            }
            ModsError::Registry(Error::Conflict { .. }) => {
                let is_other =
                    |it: Option<&Registration>| it.map(|it| it.revision) != answered.read;
                matches!(kind, Kind::Put(_)) && own.is_empty() && self.ever(answered, is_other)
            }
            ModsError::Failed { .. } => match (kind, own) {
                (Kind::Load(_), [created, deleted]) => {
                    let before = self.at(answered.deed.name, Revision(deleted.revision.0 - 1));
                    created.after.is_some()
                        && deleted.after.is_none()
                        // Nobody takes out what somebody else wrote.
                        && before.is_some_and(|it| it.revision == created.revision)
                        && (!answered.known.contains(answered.deed.name) || answered.was_cut_off || self.was_contended(answered))
                        && (self.may_not_come_up(answered) || self.was_contended(answered))
                }
                (Kind::Load(_), [_created]) => answered.was_cut_off || self.was_contended(answered),
                (Kind::Reload, [_asked]) => {
                    self.may_not_come_up(answered) || self.was_gone(answered)
                }
                (Kind::Unload(Cascade::Dependents), [_gone, ..]) => answered.was_cut_off,
                _ => false,
            },
            _ => false,
        }
    }
}
