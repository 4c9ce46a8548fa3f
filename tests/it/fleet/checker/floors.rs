use super::timeline::Timelines;
use crate::fleet::record::{How, Outcome, Process, Read, Record, Seen};
use crate::fleet::setup::Setup;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a reader relies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// An instance of this process answered at it before.
    Served,
    /// This process showed it before.
    Shown,
    /// This process acknowledged the write.
    Written,
    /// It was acknowledged long before the process said that it is not stale.
    Fresh,
    /// The reader demands it.
    Demanded,
    /// An earlier process of this node served it.
    ServedInAnEarlierLife,
}

impl Why {
    fn promise(self) -> &'static str {
        match self {
            Self::Served | Self::Shown => "monotonic",
            Self::Written => "no stale fill",
            Self::Fresh => "silently stale",
            Self::Demanded => "min_revision",
            Self::ServedInAnEarlierLife => "a step back after a restart",
        }
    }
}

/// What raised a floor, as the place of its note in the record.
#[derive(Debug, Clone, Copy)]
enum Cause {
    Read(usize),
    Write(usize),
    Look(usize),
    Demand,
}

impl Cause {
    fn describe(self, record: &Record) -> String {
        match self {
            Self::Read(index) => record.reads[index].to_string(),
            Self::Write(index) => format!("{:?}", record.writes[index]),
            Self::Look(index) => format!("{:?}", record.looks[index]),
            Self::Demand => "the demand".to_owned(),
        }
    }
}

/// Something that happened at a moment; of one moment, reads begin first.
#[derive(Debug, Clone, Copy)]
enum Event<'a> {
    Begins(usize),
    Ends(usize),
    Raise(Process, &'a str, usize, Why, Cause),
}

/// No read is below a floor that it began after.
pub(super) fn check(setup: Setup, record: &Record, timelines: &Timelines) -> Vec<String> {
    let mut events: Vec<(Duration, Event<'_>)> = Vec::new();
    for (index, read) in record.reads.iter().enumerate() {
        events.push((read.span.from, Event::Begins(index)));
        events.push((read.span.to, Event::Ends(index)));
    }
    for (index, write) in record.writes.iter().enumerate() {
        if let Outcome::Done(revision) = write.outcome {
            let place = timelines.at(&write.id, revision);
            let cause = Cause::Write(index);
            let raise = Event::Raise(write.process, &write.id, place, Why::Written, cause);
            events.push((write.span.to, raise));
        }
    }
    events.extend(fresh(setup, record, timelines));
    // Stable: what was pushed first comes first.
    events.sort_by_key(|(at, event)| (*at, !matches!(event, Event::Begins(_))));

    let mut floors = Floors::default();
    let mut places = vec![None; record.reads.len()];
    let mut violations = Vec::new();
    for (_, event) in events {
        match event {
            Event::Begins(index) => {
                let read = &record.reads[index];
                let judged = floors.judge(read, record, timelines);
                places[index] = Some(judged.place);
                violations.extend(judged.violations);
            }
            Event::Ends(index) => {
                let read = &record.reads[index];
                let place = places[index].expect("it began before");
                if matches!(read.seen, Seen::At { .. } | Seen::Gone) {
                    let why = match read.how {
                        How::Chat => Why::Served,
                        How::Stored => Why::Shown,
                    };
                    floors.raise(read.process, &read.id, place, why, Cause::Read(index));
                }
            }
            Event::Raise(process, id, place, why, cause) => {
                floors.raise(process, id, place, why, cause);
            }
        }
    }
    violations
}

/// A node that says it is not stale knows of whatever was acknowledged longer ago than it may trust itself for.
fn fresh<'a>(
    setup: Setup,
    record: &'a Record,
    timelines: &'a Timelines,
) -> impl Iterator<Item = (Duration, Event<'a>)> {
    let looks = record.looks.iter().enumerate();
    let fresh = looks.filter(|(_, look)| !look.stale);
    fresh.flat_map(move |(index, look)| {
        let before = look.span.from.saturating_sub(setup.trust());
        let mut newest: BTreeMap<&str, u64> = BTreeMap::new();
        for write in &record.writes {
            if let Outcome::Done(revision) = write.outcome
                && write.span.to < before
            {
                let known = newest.entry(&write.id).or_default();
                *known = revision.max(*known);
            }
        }
        newest.into_iter().map(move |(id, revision)| {
            let place = timelines.at(id, revision);
            let cause = Cause::Look(index);
            let raise = Event::Raise(look.process, id, place, Why::Fresh, cause);
            (look.span.to, raise)
        })
    })
}

#[derive(Debug, Default)]
struct Floors(BTreeMap<(Process, Why, String), (usize, Option<Cause>)>);

struct Judged {
    /// Where the read is taken to have been.
    place: usize,
    violations: Vec<String>,
}

impl Floors {
    fn raise(&mut self, process: Process, id: &str, place: usize, why: Why, cause: Cause) {
        let floor = self.0.entry((process, why, id.to_owned())).or_default();
        if place > floor.0 {
            *floor = (place, Some(cause));
        }
    }

    fn get(&self, process: Process, id: &str, why: Why) -> (usize, Option<Cause>) {
        let floor = self.0.get(&(process, why, id.to_owned()));
        floor.copied().unwrap_or_default()
    }

    fn judge(&self, read: &Read, record: &Record, timelines: &Timelines) -> Judged {
        let mut violations = Vec::new();
        let Some(mut place) = timelines.place(read, 0) else {
            return Judged {
                place: 0,
                violations: vec![format!("out of nowhere: {read}")],
            };
        };
        let demanded = read
            .min_revision
            .map_or(0, |revision| timelines.at(&read.id, revision));
        if let (Seen::Behind(reached), Some(demanded)) = (&read.seen, read.min_revision)
            && *reached >= demanded
        {
            violations.push(format!("min_revision: {read}"));
        }
        let get = |why| self.get(read.process, &read.id, why);
        let earlier = (0..read.process.start).map(|start| {
            let process = Process {
                start,
                ..read.process
            };
            self.get(process, &read.id, Why::Served)
        });
        let floors = [
            (get(Why::Served), Why::Served),
            (get(Why::Shown), Why::Shown),
            (get(Why::Written), Why::Written),
            (get(Why::Fresh), Why::Fresh),
            ((demanded, Some(Cause::Demand)), Why::Demanded),
            (
                earlier.max_by_key(|(place, _)| *place).unwrap_or_default(),
                Why::ServedInAnEarlierLife,
            ),
        ];
        for ((floor, cause), why) in floors {
            match timelines.place(read, floor) {
                Some(found) => place = place.max(found),
                None if is_excused(read, why) => {}
                None => {
                    let at = timelines.states(&read.id).get(floor);
                    let cause = cause.map(|cause| cause.describe(record));
                    violations.push(format!(
                        "{}: {read}, but {at:?} by {cause:?}",
                        why.promise()
                    ));
                }
            }
        }
        Judged { place, violations }
    }
}

/// The last good instance may serve for a revision that cannot be built, if the answer says so; never for one that answered
/// before.
fn is_excused(read: &Read, why: Why) -> bool {
    read.how == How::Chat
        && read.degraded
        && !matches!(why, Why::Served | Why::ServedInAnEarlierLife)
}
