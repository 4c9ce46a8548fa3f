use super::copier::Copier;
use super::verify::{Comparison, compare};
use super::walk::{Digests, Pair, SideBySide};
use super::{
    Headway, MigrationReport, Mode, MoveError, OnDifference, Record, Stage, Tally, Verdict,
};
use crate::{Changes, Error, Id, Query, RegistryBackend, Revision};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Heads or log entries that are read at once.
const ENTRIES: usize = 1000;
/// How many ids a refusal names.
const NAMED: usize = 5;
/// How often both sides are compared, at most, while the source does not stand still.
const COMPARISONS: usize = 5;
/// How often the collections are walked through anew because the source's log forgot what happened meanwhile.
const RESTARTS: usize = 3;

/// What happens to registrations that the target holds and the source does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extras {
    /// They are a reason to refuse the migration before anything is written.
    Refuse,
    /// They stay, and are left out of the comparison at the end.
    Keep,
    /// They are deleted; unless the source holds nothing at all, which is refused.
    Prune,
}

/// Makes a collection hold what another one holds, while that one is being written to.
///
/// It notes where the source's log stands, walks through both sides and writes what is missing or different; follows
/// the log from there until nothing new comes; and compares both sides with nothing written to the source meanwhile.
/// Each change of the source is in the log from where it was noted, or was seen by the walk that began later. So
/// whatever happens in the source while this runs is carried over, deletions too.
///
/// # Guarantees
/// - Each write is atomic, and conditional on what was just read. What somebody else writes to the target after this
///   began is not written over: it is reported.
/// - What is equal is not written, so that a second run goes on where an interrupted one stopped.
/// - The source is only read.
#[derive(Debug)]
pub struct Migration {
    source: Arc<dyn RegistryBackend>,
    target: Arc<dyn RegistryBackend>,
    extras: Extras,
    mode: Mode,
}

/// Who is told how far it has come.
pub(super) type Note<'a> = &'a (dyn Fn(Headway) + Sync);

impl Migration {
    /// A migration that writes, and refuses if the target holds what the source does not.
    pub fn new(source: Arc<dyn RegistryBackend>, target: Arc<dyn RegistryBackend>) -> Self {
        Self {
            source,
            target,
            extras: Extras::Refuse,
            mode: Mode::Write,
        }
    }

    /// Says what happens to what only the target holds.
    #[must_use]
    pub fn extras(mut self, extras: Extras) -> Self {
        self.extras = extras;
        self
    }

    /// Says whether anything is written.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Does it; `note` is told how far it has come, often. Dropping the future ends it after the writes that are under
    /// way.
    pub async fn run(self, note: &(dyn Fn(Headway) + Sync)) -> Result<MigrationReport, MoveError> {
        let target = Arc::clone(&self.target);
        let copier = Copier::new(target, OnDifference::Replace, self.mode).await?;
        let mut running = Running {
            cursor: Revision::ZERO,
            copier,
            followed: 0,
            migration: self,
            note,
        };
        running.look().await?;
        let Tally { same, kept, .. } = running.copy().await?;
        let (verdict, compared) = match running.migration.mode {
            Mode::DryRun => (None, 0),
            Mode::Write => {
                let (verdict, compared) = running.verify().await?;
                (Some(verdict), compared)
            }
        };
        Ok(MigrationReport {
            tally: Tally {
                same,
                kept,
                ..running.copier.tally
            },
            followed: running.followed,
            failures: running.copier.into_failures(),
            source_head: running.cursor,
            compared,
            verdict,
        })
    }
}

struct Running<'a> {
    migration: Migration,
    copier: Copier,
    /// Up to where the source's log was followed.
    cursor: Revision,
    followed: u64,
    note: Note<'a>,
}

/// Where following the log ended.
enum Followed {
    /// At its end, after so many changes.
    All(u64),
    /// It has forgotten what comes next.
    Lost,
}

impl Running<'_> {
    /// Refuses what must not be done before anything is.
    async fn look(&self) -> Result<(), MoveError> {
        let Migration {
            source,
            target,
            extras,
            ..
        } = &self.migration;
        let count = target.count(&Query::default()).await;
        let count = count.map_err(MoveError::Target)?;
        let is_empty = source.heads(None, 1).await.map_err(MoveError::Source)?;
        if is_empty.is_empty() && count > 0 && *extras == Extras::Prune {
            return Err(MoveError::EmptySource { count });
        }
        if *extras != Extras::Refuse || count == 0 {
            return Ok(());
        }
        let (mut ours, mut theirs) = (Heads::new(source), Heads::new(target));
        let (mut count, mut ids, mut done) = (0, Vec::new(), 0);
        let mut known = ours.next().await.map_err(MoveError::Source)?;
        while let Some(held) = theirs.next().await.map_err(MoveError::Target)? {
            while known.as_ref().is_some_and(|known| *known < held) {
                known = ours.next().await.map_err(MoveError::Source)?;
            }
            if known.as_ref() != Some(&held) {
                count += 1;
                if ids.len() < NAMED {
                    ids.push(held);
                }
            }
            done += 1;
            self.note(Stage::Looking, done, None);
        }
        if count > 0 {
            return Err(MoveError::Extras { count, ids });
        }
        Ok(())
    }

    /// Walks through both sides and writes what is missing or different. Answers what it found.
    async fn copy(&mut self) -> Result<Tally, MoveError> {
        let Migration {
            source,
            target,
            extras,
            ..
        } = &self.migration;
        self.cursor = source.head().await.map_err(MoveError::Source)?;
        let total = source.count(&Query::default()).await;
        let total = total.map_err(MoveError::Source)?;
        self.copier.look_again();
        let mut sides = SideBySide::new(source, target, Digests::NotNeeded);
        let mut done = 0;
        while let Some(pair) = sides.next().await? {
            match pair {
                Pair {
                    source: Some(wanted),
                    target: found,
                } => {
                    self.copier.copy(Record::from(wanted), found).await?;
                    done += 1;
                    self.note(Stage::Copying, done, Some(total));
                }
                Pair {
                    target: Some(extra),
                    ..
                } => match extras {
                    Extras::Keep if !self.copier.wrote(&extra) => self.copier.tally.kept += 1,
                    // When this began the source had all that the target had, so the source has lost it since.
                    Extras::Refuse | Extras::Keep | Extras::Prune => {
                        self.copier.delete(extra).await?;
                    }
                },
                Pair { .. } => {}
            }
        }
        self.copier.finish().await?;
        Ok(self.copier.tally)
    }

    /// Carries over what the source's log tells since the cursor, until it tells nothing new.
    async fn follow(&mut self) -> Result<Followed, MoveError> {
        let source = Arc::clone(&self.migration.source);
        let mut followed = 0;
        loop {
            let changes = source.changes(self.cursor, ENTRIES).await;
            let changes = match changes.map_err(MoveError::Source)? {
                Changes::Log { changes, .. } => changes,
                Changes::Compacted { .. } => return Ok(Followed::Lost),
            };
            let Some(last) = changes.last().map(|change| change.revision) else {
                return Ok(Followed::All(followed));
            };
            followed += changes.len() as u64;
            self.followed += changes.len() as u64;
            let ids: BTreeSet<Id> = changes.into_iter().map(|change| change.id).collect();
            for id in ids {
                self.copier.follow(id, &source).await?;
            }
            // Two writes of one id must not be under way at once.
            self.copier.finish().await?;
            self.cursor = last;
            self.note(Stage::Following, self.followed, None);
        }
    }

    /// Follows the log to its end, walking through everything anew if it has forgotten too much. Answers whether
    /// nothing had happened.
    async fn catch_up(&mut self) -> Result<bool, MoveError> {
        for restart in 0..RESTARTS {
            match self.follow().await? {
                Followed::All(changes) => return Ok(changes == 0 && restart == 0),
                Followed::Lost => drop(self.copy().await?),
            }
        }
        Err(MoveError::Outrun)
    }

    /// Compares both sides until the source stood still meanwhile. Answers what was found, and how many were compared.
    async fn verify(&mut self) -> Result<(Verdict, u64), MoveError> {
        self.catch_up().await?;
        let mut count = 0;
        for _ in 0..COMPARISONS {
            let Migration {
                source,
                target,
                extras,
                ..
            } = &self.migration;
            let total = Some(count).filter(|count| *count > 0);
            let note = |done| self.note(Stage::Verifying, done, total);
            let found = compare(source, target, *extras, note).await?;
            count = found.count;
            if self.catch_up().await? {
                return Ok((verdict(found), count));
            }
        }
        Ok((Verdict::Moving, count))
    }

    fn note(&self, stage: Stage, done: u64, total: Option<u64>) {
        (self.note)(Headway { stage, done, total });
    }
}

fn verdict(found: Comparison) -> Verdict {
    if found.source == found.target {
        Verdict::Equal {
            digest: found.source,
        }
    } else {
        Verdict::Different {
            source: found.source,
            target: found.target,
            ids: found.different,
        }
    }
}

/// Goes through the ids of a collection, in their order.
struct Heads<'a> {
    backend: &'a Arc<dyn RegistryBackend>,
    read: std::vec::IntoIter<(Id, Revision)>,
    last: Option<Id>,
}

impl<'a> Heads<'a> {
    fn new(backend: &'a Arc<dyn RegistryBackend>) -> Self {
        Self {
            backend,
            read: Vec::new().into_iter(),
            last: None,
        }
    }

    async fn next(&mut self) -> Result<Option<Id>, Error> {
        if self.read.len() == 0 {
            let read = self.backend.heads(self.last.as_ref(), ENTRIES).await?;
            self.read = read.into_iter();
        }
        let next = self.read.next().map(|(id, _)| id);
        if next.is_some() {
            self.last.clone_from(&next);
        }
        Ok(next)
    }
}
