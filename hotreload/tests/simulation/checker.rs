//! The promises, held against the truth.

use crate::node::{Life, Node};
use crate::plan::Mode;
use hotbed_hotreload::Freshness;
use hotbed_registry::{Id, Revision};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// The longest that a bus may keep an event, and a moment to see to it. For so long after it went on, a node may not have
/// heard of what came while it was stopped, either.
const LATEST: Duration = Duration::from_millis(3_500);

impl Node {
    /// What must be true of a node's freshness at any time, whatever befalls it.
    pub(crate) fn inspect(&self) {
        let (Some(life), Some(runs_since)) = (self.life(), self.weather.runs_since()) else {
            return;
        };
        let now = Instant::now();
        let fresh = life.handle.freshness();
        self.census.note("inspections");
        self.complaints.trace().note((
            "fresh",
            self.index,
            fresh.revision.0,
            fresh.head.0,
            fresh.behind_for,
            fresh.confirmed_ago,
            fresh.stale,
            fresh.error.is_some(),
        ));
        if let Err(what) = self.figures(&fresh, now) {
            self.complaints
                .add(self.index, || format!("{what}: {fresh:?}"));
        }
        if fresh.stale {
            self.census.note("inspections that found it stale");
            return;
        }
        let promised = match self.mode {
            // By its own clock: that stood still with it.
            Mode::Polling | Mode::Hybrid => self.plan.every * 2,
            Mode::EventDriven if self.weather.is_deceived() || runs_since + LATEST > now => return,
            Mode::EventDriven => LATEST,
        };
        let Some(then) = now.checked_sub(promised) else {
            return;
        };
        let owed = self.truth.head_before(then);
        if fresh.revision < owed {
            self.complaints.add(self.index, || {
                format!("silently stale, {owed} is older than {promised:?}: {fresh:?}")
            });
        }
    }

    /// What it says of itself.
    fn figures(&self, fresh: &Freshness, now: Instant) -> Result<(), String> {
        if (fresh.behind_by() == 0) != fresh.behind_for.is_zero() {
            // What it learned of in this very moment.
            let learned = fresh.behind_by() > 0 && fresh.behind_for.is_zero();
            if !learned {
                return Err("is behind by nothing, for some time".into());
            }
        }
        let Some(confirmed) = fresh.confirmed_ago.and_then(|ago| now.checked_sub(ago)) else {
            return if fresh.stale {
                Ok(())
            } else {
                Err("never confirmed, and not stale".into())
            };
        };
        let era_began = self.truth.era_began();
        if confirmed <= era_began {
            return Ok(());
        }
        let owed = self.truth.head_before(confirmed);
        if fresh.revision < owed {
            return Err(format!("confirmed when {owed} was there"));
        }
        // Of what was restored away an event may tell yet.
        let head = self.truth.head();
        if fresh.revision > head || (fresh.head > head && era_began + LATEST < now) {
            return Err(format!("head is {head}"));
        }
        Ok(())
    }

    /// It is at the head, and says so; it was told of everything, deletions and invalidations too.
    pub(crate) fn must_be_there(&self) {
        self.census.note("convergences");
        let life = self.life().expect("every node runs once the storm is over");
        let fresh = life.handle.freshness();
        let head = self.truth.head();
        if fresh.revision != head || fresh.head != head || fresh.stale || fresh.error.is_some() {
            self.complaints
                .add(self.index, || format!("head is {head}, but {fresh:?}"));
        }
        let stored = self.stored();
        let told: BTreeMap<Id, Revision> = life
            .mirror
            .there()
            .into_iter()
            .map(|(id, revision)| (id, revision.unwrap_or_default()))
            .collect();
        if told != stored {
            self.complaints.add(self.index, || {
                format!("{stored:?} is stored, told was {told:?}")
            });
        }
        self.must_have_invalidated(&life);
    }

    fn must_have_invalidated(&self, life: &Life) {
        for (id, heard) in self.mail.invalidations() {
            if life.mirror.invalidated(&id).is_none_or(|at| at < heard) {
                self.complaints
                    .add(self.index, || format!("{id} was not invalidated"));
            }
        }
    }

    /// Its callbacks add up to what is stored.
    pub(crate) fn must_have_called_back(&self) {
        let life = self.life().expect("every node runs once the storm is over");
        let (stored, known) = (self.stored(), life.callbacks.known());
        if known != stored {
            self.complaints.add(self.index, || {
                format!("{stored:?} is stored, the callbacks told {known:?}")
            });
        }
    }

    fn stored(&self) -> BTreeMap<Id, Revision> {
        let stored = self.truth.all().into_iter();
        stored.map(|(id, (revision, _))| (id, revision)).collect()
    }
}
