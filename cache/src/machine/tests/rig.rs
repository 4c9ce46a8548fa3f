use super::*;

/// What happened so far, counted by the rig.
type Moment = u64;

/// What a registry holds of the id, and since which revision.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Truth {
    Absent,
    Active(u64),
    Inactive(u64),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Write {
    Active,
    Inactive,
    Deleted,
}

/// How a build's look at the registry and at its factory goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Read {
    Honest,
    /// From a registry that lags behind by so many writes.
    Stale(usize),
    /// The registry cannot be reached, and there is no snapshot.
    Down,
    /// The registry cannot be reached; the snapshot is so many writes old.
    Salvaged(usize),
    /// The factory fails.
    Refused,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Write(Write),
    /// An entry of the log, any of them, however late.
    Tell(usize),
    TellNewest,
    Ask,
    /// The keeper or the refresher would have it built.
    Early,
    Read(Read),
    Settle,
    /// A waiting reader looks.
    Look(usize),
    Invalidate,
    NewEra,
    Retire,
    /// The registry answers again after an outage.
    Recover,
    Wait(u64),
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let write = prop_oneof![
        4 => Just(Write::Active),
        1 => Just(Write::Inactive),
        2 => Just(Write::Deleted)
    ];
    let read = prop_oneof![
        4 => Just(Read::Honest),
        1 => (0..4_usize).prop_map(Read::Stale),
        1 => Just(Read::Down),
        1 => (0..4_usize).prop_map(Read::Salvaged),
        2 => Just(Read::Refused)
    ];
    let wait = prop_oneof![
        Just(1),
        Just(60),
        Just(400),
        Just(600),
        Just(2_000),
        Just(70_000)
    ];
    let step = prop_oneof![
        6 => write.prop_map(Step::Write),
        3 => (0..40_usize).prop_map(Step::Tell),
        6 => Just(Step::TellNewest),
        8 => Just(Step::Ask),
        2 => Just(Step::Early),
        5 => read.prop_map(Step::Read),
        7 => Just(Step::Settle),
        4 => (0..8_usize).prop_map(Step::Look),
        2 => Just(Step::Invalidate),
        1 => Just(Step::NewEra),
        1 => Just(Step::Retire),
        1 => Just(Step::Recover),
        3 => wait.prop_map(Step::Wait)
    ];
    proptest::collection::vec(step, 1..100)
}

/// The build that is under way.
struct Build {
    attempt: Attempt,
    began: Moment,
    era: u64,
    outcome: Option<Outcome>,
}

/// What is in the slot.
#[derive(Debug, Clone, Copy)]
struct Installed {
    revision: u64,
    era: u64,
    /// When the build that created it began.
    began: Moment,
}

/// Somebody who asked, and what was known then.
#[derive(Debug, Clone, Copy)]
struct Reader {
    ticket: Ticket,
    asked: Moment,
    due: Due,
}

/// What a reader may demand.
#[derive(Debug, Clone, Copy)]
struct Due {
    era: u64,
    observed: u64,
    invalidated: Moment,
    /// The last observation, invalidation or new era.
    news: Moment,
}

/// Failures in a row without news.
#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    at: Instant,
    /// The registry has answered again since: they put off nothing any more.
    forgiven: bool,
}

pub(super) struct Rig {
    pub(super) machine: Machine,
    pub(super) settings: CacheSettings,
    now: Instant,
    moment: Moment,
    /// What the registry held after each write of this era; the first is before any.
    history: Vec<Truth>,
    log: Vec<Change>,
    build: Option<Build>,
    installed: Option<Installed>,
    readers: Vec<Reader>,
    due: Due,
    /// The newest revision observed to be gone.
    gone: u64,
    /// When a build last looked at the registry and found nothing, or a deletion was observed.
    seen_absent: Moment,
    failures: Option<Failures>,
    /// When the last attempt that failed began.
    failed_attempt: Moment,
    /// When a build last ended, or an observation ended the wait for it.
    ended: Moment,
    /// When the registry last confirmed what is installed, or said what it is.
    confirmed_at: Instant,
    /// The newest revision installed in this era.
    newest_installed: u64,
}

impl Rig {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let settings = CacheSettings {
            ttl: Duration::from_mins(1),
            ..CacheSettings::default()
        };
        Self {
            machine: Machine::new(now),
            settings,
            now,
            moment: 1,
            history: vec![Truth::Absent],
            log: Vec::new(),
            build: None,
            installed: None,
            readers: Vec::new(),
            due: Due {
                era: 0,
                observed: 0,
                invalidated: 0,
                news: 0,
            },
            gone: 0,
            seen_absent: 0,
            failures: None,
            failed_attempt: 0,
            ended: 0,
            confirmed_at: now,
            newest_installed: 0,
        }
    }

    pub(super) fn steps(&mut self, steps: impl IntoIterator<Item = Step>) {
        for step in steps {
            self.step(step);
        }
    }

    pub(super) fn installed(&self) -> Option<Revision> {
        self.installed.map(|installed| Revision(installed.revision))
    }

    /// Readers who were not told yet.
    pub(super) fn waiting(&self) -> usize {
        let waits = |reader: &&Reader| self.machine.check(reader.ticket).is_none();
        self.readers.iter().filter(waits).count()
    }

    pub(super) fn step(&mut self, step: Step) {
        self.moment += 1;
        match step {
            Step::Write(write) => self.write(write),
            Step::Tell(which) if !self.log.is_empty() => self.tell(which % self.log.len()),
            Step::TellNewest if !self.log.is_empty() => self.tell(self.log.len() - 1),
            Step::Ask => self.ask(),
            Step::Early => self.early(),
            Step::Read(read) => self.read(read),
            Step::Settle => self.settle(),
            Step::Look(which) if !self.readers.is_empty() => self.look(which % self.readers.len()),
            Step::Tell(_) | Step::TellNewest | Step::Look(_) => {}
            Step::Invalidate => {
                self.machine.invalidate();
                self.due.invalidated = self.moment;
                self.news();
            }
            Step::NewEra => {
                self.history = vec![Truth::Absent];
                self.log.clear();
                self.machine.begin_era();
                self.due.era += 1;
                self.due.observed = 0;
                self.due.invalidated = self.moment;
                (self.gone, self.newest_installed) = (0, 0);
                self.news();
            }
            Step::Retire => {
                if self.machine.retire() {
                    self.replace();
                }
            }
            Step::Recover => {
                self.machine.forgive(self.now);
                let failed = self.machine.failure();
                if let (Some(failures), Some((failure, _))) = (&mut self.failures, failed)
                    && failure.kind == FailureKind::Registry
                {
                    failures.forgiven = true;
                }
            }
            Step::Wait(ms) => self.now += Duration::from_millis(ms),
        }
        self.verify();
    }

    fn early(&mut self) {
        let ahead = self.settings.ahead(self.now);
        if self.machine.start_early(self.now, ahead) {
            self.begin();
        }
    }

    fn truth(&self) -> Truth {
        *self.history.last().expect("it begins with one")
    }

    fn news(&mut self) {
        self.due.news = self.moment;
        self.failures = None;
    }

    fn write(&mut self, write: Write) {
        let revision = self.history.len() as u64;
        let (after, kind) = match (self.truth(), write) {
            (Truth::Absent, Write::Deleted) => return,
            (_, Write::Deleted) => (Truth::Absent, ChangeKind::Deleted),
            (Truth::Absent, Write::Active) => (Truth::Active(revision), ChangeKind::Created),
            (Truth::Absent, Write::Inactive) => (Truth::Inactive(revision), ChangeKind::Created),
            (Truth::Active(_), Write::Active) => (Truth::Active(revision), ChangeKind::Updated),
            (Truth::Inactive(_), Write::Active) => (Truth::Active(revision), ChangeKind::Activated),
            (_, Write::Inactive) => (Truth::Inactive(revision), ChangeKind::Deactivated),
        };
        self.history.push(after);
        self.log.push(Change {
            id: hotbed_registry::Id::new("a").unwrap(),
            revision: Revision(revision),
            kind,
            at: chrono::DateTime::UNIX_EPOCH,
        });
    }

    fn tell(&mut self, which: usize) {
        let change = self.log[which].clone();
        let was_vacant = matches!(self.machine.standing, Standing::Unknown | Standing::Absent);
        let effect = self.machine.observe(&change, self.now, &self.settings);
        let revision = change.revision.0;
        if revision > self.due.observed {
            self.due.observed = revision;
            if effect != Effect::OldNews {
                self.news();
            }
            if matches!(change.kind, ChangeKind::Deleted | ChangeKind::Deactivated) {
                self.gone = revision;
            }
        }
        if effect == Effect::Drop {
            assert!(!was_vacant, "what is not held may be old news");
            self.installed = None;
            self.ended = self.moment;
            self.confirmed_at = self.now;
            if change.kind == ChangeKind::Deleted {
                self.seen_absent = self.moment;
            }
            let told = |reader: &Reader| self.machine.check(reader.ticket).is_some();
            assert!(
                self.readers.iter().all(told),
                "kept waiting for what is gone"
            );
        }
        let again = self.machine.observe(&change, self.now, &self.settings);
        assert_eq!(again, Effect::OldNews, "told twice");
    }

    fn ask(&mut self) {
        let retired = self.machine.is_retired();
        match self.machine.ask(self.now) {
            Ask::Answer { answer, refresh } => {
                assert_eq!(matches!(answer, Answer::Retired), retired);
                self.judge(self.due, &answer);
                if matches!(answer, Answer::Serve) && self.machine.failure().is_none() {
                    let trusted = self.confirmed_at + self.settings.ttl;
                    assert!(self.now < trusted, "served beyond its trust");
                }
                if refresh {
                    self.early();
                    assert!(self.build.is_some(), "nothing comes of a refresh");
                }
            }
            Ask::Wait { ticket, start } => {
                assert!(!retired);
                assert!(
                    self.installed.is_none() || !self.excused(self.due),
                    "the last good one is withheld for the time of an attempt"
                );
                self.readers.push(Reader {
                    ticket,
                    asked: self.moment,
                    due: self.due,
                });
                if start {
                    self.begin();
                }
            }
        }
    }

    fn begin(&mut self) {
        assert!(self.build.is_none(), "two builds of one id");
        if let Some(failures) = self.failures.filter(|failures| !failures.forgiven) {
            let least = self.settings.wait(failures.count, 0.0);
            let waited = self.now - failures.at;
            assert!(
                waited >= least,
                "attempt {} came after {waited:?}",
                failures.count + 1
            );
        }
        self.build = Some(Build {
            attempt: self.machine.begin(),
            began: self.moment,
            era: self.due.era,
            outcome: None,
        });
    }

    /// What `build::round` does.
    fn read(&mut self, read: Read) {
        let past = |age: usize| self.history[self.history.len().saturating_sub(1 + age)];
        let Some(build) = self.build.as_ref().filter(|build| build.outcome.is_none()) else {
            return;
        };
        let failure = |kind| Failure {
            kind,
            message: String::new(),
            revision: None,
        };
        let down = || Outcome::Failed(failure(FailureKind::Registry));
        let found = match read {
            // An absence has no revision: that it is old cannot be told. Backends promise that it is not.
            Read::Stale(age) if past(age) != Truth::Absent => past(age),
            Read::Honest | Read::Refused | Read::Stale(_) => self.truth(),
            Read::Down => Truth::Absent,
            Read::Salvaged(age) => past(age),
        };
        let active = |revision| {
            if build.attempt.confirmable == Some(revision) {
                Outcome::Confirmed(revision)
            } else {
                Outcome::Built(revision)
            }
        };
        let outcome = match (read, found) {
            (Read::Salvaged(_), Truth::Absent) | (Read::Down, _) => down(),
            (Read::Salvaged(_), _) if build.attempt.has_instance => down(),
            (Read::Salvaged(_), Truth::Active(revision)) => {
                Outcome::Salvaged(Revision(revision), failure(FailureKind::Registry))
            }
            (_, Truth::Absent) => Outcome::Absent,
            (_, Truth::Inactive(revision)) => Outcome::Inactive(Revision(revision)),
            (Read::Refused, Truth::Active(_)) => Outcome::Failed(failure(FailureKind::Factory)),
            (_, Truth::Active(revision)) => active(Revision(revision)),
        };
        self.build.as_mut().expect("looked at above").outcome = Some(outcome);
    }

    /// What `Slot::settle` does, and `build::run` after it.
    fn settle(&mut self) {
        self.read(Read::Honest);
        let Some(mut build) = self.build.take() else {
            return;
        };
        self.ended = self.moment;
        let outcome = build.outcome.take().expect("read above");
        let failed = matches!(outcome, Outcome::Failed(_) | Outcome::Salvaged(..));
        let absent = matches!(outcome, Outcome::Absent);
        let created = match &outcome {
            Outcome::Built(revision) | Outcome::Salvaged(revision, _) => Some(revision.0),
            _ => None,
        };
        let troubled_before = self.machine.failure();
        let settlement = self
            .machine
            .settle(build.attempt, outcome, self.now, &self.settings, 1.0);
        let this_era = build.era == self.due.era;
        let lagged = !failed && self.newly_troubled(troubled_before.as_ref());
        match settlement.instance {
            Fate::Install => {
                let revision = created.expect("there is something to install");
                assert!(this_era, "of a registry that is no more");
                assert!(revision > self.gone, "{revision} was observed to be gone");
                assert!(revision >= self.newest_installed, "monotonic");
                self.newest_installed = revision;
                self.installed = Some(Installed {
                    revision,
                    era: build.era,
                    began: build.began,
                });
            }
            Fate::Drop => self.installed = None,
            Fate::Keep => {}
        }
        if this_era && !lagged && !failed {
            self.confirmed_at = self.now;
            if absent {
                self.seen_absent = self.seen_absent.max(build.began);
            }
        }
        if this_era && build.began >= self.due.news {
            self.failures = (failed || lagged).then(|| Failures {
                count: self.failures.map_or(0, |failures| failures.count) + 1,
                at: self.now,
                forgiven: false,
            });
        }
        if this_era && (failed || lagged) {
            self.failed_attempt = self.failed_attempt.max(build.began);
        }
        match settlement.next {
            Next::Rest => {}
            Next::BuildAgain => self.begin(),
            Next::Leave => {
                self.machine.leave();
                self.replace();
            }
        }
    }

    fn newly_troubled(&self, before: Option<&(Arc<Failure>, Instant)>) -> bool {
        match (before, self.machine.failure()) {
            (None, Some(_)) => true,
            (Some((before, _)), Some((now, _))) => !Arc::ptr_eq(before, &now),
            _ => false,
        }
    }

    fn look(&mut self, which: usize) {
        let reader = self.readers[which];
        if let Some(answer) = self.machine.check(reader.ticket) {
            self.readers.swap_remove(which);
            let since = self.ended > reader.asked || self.machine.is_retired();
            assert!(since, "told nothing but what it was asked to doubt");
            self.judge(reader.due, &answer);
        }
    }

    /// Whether an attempt that knew of everything that a reader knew of has failed, and the status says so.
    fn excused(&self, due: Due) -> bool {
        self.machine.failure().is_some() && self.failed_attempt >= due.news
    }

    /// Whether an answer can be given to somebody who asked when `due` was known.
    fn judge(&self, due: Due, answer: &Answer) {
        let excused = self.excused(due);
        match answer {
            Answer::Serve => {
                let installed = self.installed.expect("served, so there is something");
                let new_enough = (installed.era, installed.revision) >= (due.era, due.observed)
                    && installed.began >= due.invalidated;
                assert!(new_enough || excused, "served {installed:?} to {due:?}");
            }
            Answer::Inactive(revision) => {
                assert!(self.installed.is_none());
                assert!(revision.0 >= due.observed || self.due.era > due.era);
            }
            Answer::Absent => {
                assert!(self.installed.is_none());
                assert!(
                    self.seen_absent >= due.news,
                    "absent, but not since {due:?}"
                );
            }
            Answer::Failed(..) => assert!(self.failed_attempt > 0),
            Answer::Retired => assert!(self.machine.is_retired()),
        }
    }

    fn verify(&self) {
        assert_eq!(self.machine.is_live(), self.installed.is_some());
        for reader in &self.readers {
            let answered = self.machine.check(reader.ticket).is_some();
            assert!(
                answered || self.build.is_some(),
                "nobody builds for who waits"
            );
        }
        if let Some(until) = self.machine.fresh_until() {
            let installed = self.installed.expect("promised, so there is something");
            assert!(!self.machine.is_retired());
            self.judge(self.due, &Answer::Serve);
            let bound = match self.machine.failure() {
                Some((_, retry_at)) => retry_at,
                None => self.confirmed_at + self.settings.ttl,
            };
            assert!(until <= bound, "{installed:?} is promised for too long");
        }
        if let (Some(failures), Some((_, retry_at))) = (self.failures, self.machine.failure()) {
            let most = self.settings.wait(failures.count, 1.0);
            assert!(retry_at <= failures.at + most, "put off for too long");
        }
        if self.machine.is_spent(self.now, &self.settings) {
            assert!(self.installed.is_none() && self.build.is_none());
        }
    }

    /// The slot left: who waits is told, and the next one begins anew.
    fn replace(&mut self) {
        assert!(self.build.is_none());
        self.verify_retired();
        while !self.readers.is_empty() {
            let left = self.readers.len();
            self.look(0);
            assert!(self.readers.len() < left, "a waiter is left behind");
        }
        self.machine = Machine::new(self.now);
        (self.installed, self.failures) = (None, None);
        (self.gone, self.newest_installed, self.failed_attempt) = (0, 0, 0);
        self.due.observed = 0;
        self.news();
    }

    fn verify_retired(&mut self) {
        assert!(matches!(
            self.machine.ask(self.now),
            Ask::Answer {
                answer: Answer::Retired,
                refresh: false
            }
        ));
        assert_eq!(self.machine.fresh_until(), None);
        assert!(!self.machine.start());
        let mut attempt = self.machine.begin();
        attempt.confirmable = None;
        let late = self.machine.settle(
            attempt,
            Outcome::Built(Revision(u64::MAX)),
            self.now,
            &self.settings,
            0.0,
        );
        let nothing = Settlement {
            instance: Fate::Keep,
            next: Next::Leave,
        };
        assert_eq!(late, nothing, "a build that ends after its slot left");
        assert!(self.machine.is_retired());
    }

    /// The faults end and the log is told: everybody is answered, and the truth is served.
    pub(super) fn come_to_rest(&mut self) {
        if !self.log.is_empty() {
            self.step(Step::TellNewest);
        }
        for _ in 0..4 {
            self.step(Step::Settle);
        }
        assert!(self.build.is_none(), "it builds for ever");
        while !self.readers.is_empty() {
            self.step(Step::Look(0));
        }
        // Nothing that is remembered of the faults outlives its time.
        self.step(Step::Wait(3_600_000));
        for _ in 0..2 {
            self.step(Step::Ask);
            self.step(Step::Settle);
        }
        while !self.readers.is_empty() {
            self.step(Step::Look(0));
        }
        match self.truth() {
            Truth::Active(revision) => {
                assert_eq!(self.installed(), Some(Revision(revision)));
                assert_eq!(self.machine.state(), InstanceState::Ready);
            }
            Truth::Inactive(_) => assert_eq!(self.machine.state(), InstanceState::Inactive),
            Truth::Absent => assert_eq!(self.machine.state(), InstanceState::Absent),
        }
    }
}
