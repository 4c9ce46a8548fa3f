//! The checker sees what it is there to see: each case is a record with one thing wrong.

use super::check;
use crate::fleet::record::{
    Entry, How, Look, Op, Outcome, Process, Read, Record, Seen, Span, Trouble, Write,
};
use crate::fleet::setup::Setup;
use std::time::Duration;

const A: Process = Process { node: 0, start: 0 };
const B: Process = Process { node: 1, start: 0 };

fn span(from: u64, to: u64) -> Span {
    Span {
        from: Duration::from_millis(from),
        to: Duration::from_millis(to),
    }
}

/// Three writes of `x`: created at 1, changed at 2, deleted at 3; at 100, 200 and 300 ms, through node 0.
fn written() -> Record {
    let put = |value| Op::Put {
        value,
        active: true,
    };
    let write = |revision: u64, base, op| Write {
        process: A,
        span: span(revision * 100, revision * 100 + 10),
        id: "x".into(),
        base,
        op,
        outcome: Outcome::Done(revision),
    };
    Record {
        writes: vec![
            write(1, None, put(10)),
            write(2, Some(1), put(20)),
            write(3, Some(2), Op::Delete),
        ],
        log: vec![
            entry(1, "x", false),
            entry(2, "x", false),
            entry(3, "x", true),
        ],
        ..Record::default()
    }
}

fn entry(revision: u64, id: &str, deleted: bool) -> Entry {
    Entry {
        revision,
        id: id.to_owned(),
        deleted,
    }
}

fn at(revision: u64) -> Seen {
    Seen::At {
        revision,
        value: None,
    }
}

fn chat(process: Process, from: u64, seen: Seen) -> Read {
    Read {
        process,
        span: span(from, from + 5),
        how: How::Chat,
        id: "x".into(),
        min_revision: None,
        seen,
        degraded: false,
    }
}

fn look(process: Process, from: u64, stale: bool) -> Look {
    Look {
        process,
        span: span(from, from + 5),
        stale,
    }
}

/// What the checker says of this with that, each violation by its name.
#[track_caller]
fn finds(expected: &[&str], record: &Record) {
    let setup: Setup = "sqlite/memory/polling".parse().unwrap();
    let found = check(setup, record);
    let names: Vec<_> = found
        .iter()
        .map(|violation| violation.split(':').next().unwrap())
        .collect();
    assert_eq!(names, expected, "{found:#?}");
}

fn with(reads: Vec<Read>) -> Record {
    Record { reads, ..written() }
}

#[test]
fn what_was_promised_is_no_violation() {
    let mut record = with(vec![
        chat(B, 50, Seen::Gone),
        chat(B, 150, at(1)),
        chat(B, 250, at(1)),
        chat(B, 350, at(2)),
        chat(B, 450, Seen::Gone),
        chat(A, 150, at(1)),
        chat(A, 250, at(2)),
        chat(A, 320, Seen::Gone),
    ]);
    record.looks = vec![
        look(B, 500, false),
        look(B, 900, false),
        look(B, 1_000, true),
    ];
    finds(&[], &record);
}

#[test]
fn a_step_back_is_not_monotonic() {
    let mut record = with(vec![chat(B, 250, at(2)), chat(B, 350, at(1))]);
    finds(&["monotonic"], &record);
    record.reads = vec![
        chat(B, 250, at(2)),
        chat(B, 450, Seen::Gone),
        chat(B, 500, at(2)),
    ];
    finds(&["monotonic"], &record);
    // Gone is gone before the first write, or after the last.
    record.reads = vec![
        chat(B, 150, at(1)),
        chat(B, 250, Seen::Gone),
        chat(B, 350, at(2)),
    ];
    finds(&["monotonic"], &record);
    // Both at once see what they will.
    record.reads = vec![chat(B, 250, at(2)), chat(B, 250, at(1))];
    finds(&[], &record);
}

#[test]
fn a_node_that_is_started_again_is_not_behind_what_it_served() {
    let again = Process { start: 1, ..B };
    finds(
        &[],
        &with(vec![chat(B, 250, at(2)), chat(again, 350, at(2))]),
    );
    finds(
        &["a step back after a restart"],
        &with(vec![chat(B, 250, at(2)), chat(again, 350, at(1))]),
    );
}

#[test]
fn a_writer_reads_what_it_wrote_on_the_same_node() {
    finds(&["no stale fill"], &with(vec![chat(A, 250, at(1))]));
    finds(&["no stale fill"], &with(vec![chat(A, 350, at(2))]));
    let degraded = |mut read: Read| {
        read.degraded = true;
        read
    };
    finds(&[], &with(vec![degraded(chat(A, 250, at(1)))]));
    // What is stored is never excused.
    let mut record = with(vec![chat(A, 250, at(2)), degraded(chat(A, 260, at(1)))]);
    record.reads[1].how = How::Stored;
    record.reads[1].seen = Seen::At {
        revision: 1,
        value: Some(10),
    };
    finds(&["monotonic", "no stale fill"], &record);
}

#[test]
fn nobody_sees_what_is_not_written_yet() {
    finds(&["no stale fill"], &with(vec![chat(A, 220, Seen::Gone)]));
    finds(&["out of nowhere"], &with(vec![chat(B, 50, at(1))]));
}

#[test]
fn a_node_that_says_it_is_fresh_is() {
    let mut record = with(vec![chat(B, 1_000, at(1))]);
    record.looks = vec![look(B, 900, false)];
    finds(&["silently stale"], &record);
    record.looks[0].stale = true;
    finds(&[], &record);
    // Not yet known, perhaps.
    record.looks = vec![look(B, 700, false)];
    finds(&[], &record);
}

#[test]
fn a_node_that_is_cut_off_says_so() {
    let mut record = written();
    record.troubles = vec![(1, Trouble::CutOff, span(1_000, 3_000))];
    record.looks = vec![
        look(B, 1_500, false),
        look(B, 2_000, true),
        look(A, 2_000, false),
    ];
    finds(&[], &record);
    record.looks.push(look(B, 1_700, false));
    finds(&["silently stale"], &record);
}

#[test]
fn what_is_demanded_is_had_or_refused() {
    let demanding = |seen, demanded| Read {
        min_revision: Some(demanded),
        ..chat(B, 350, seen)
    };
    finds(
        &[],
        &with(vec![
            demanding(at(2), 2),
            demanding(Seen::Gone, 3),
            demanding(Seen::Behind(1), 2),
        ]),
    );
    finds(&["min_revision"], &with(vec![demanding(at(1), 2)]));
    finds(&["min_revision"], &with(vec![demanding(at(2), 3)]));
    finds(
        &["min_revision"],
        &with(vec![demanding(Seen::Behind(2), 2)]),
    );
}

#[test]
fn a_bot_that_was_built_answers_for_as_long_as_it_stands() {
    let refused = || Seen::Refused {
        status: 503,
        text: String::new(),
    };
    let record = with(vec![chat(B, 150, at(1)), chat(B, 250, refused())]);
    finds(&["a call failed"], &record);
    finds(&[], &with(vec![chat(B, 250, refused())]));
    finds(
        &[],
        &with(vec![chat(B, 250, at(2)), chat(B, 350, refused())]),
    );
    let down = record.having(|record| {
        record.troubles = vec![(1, Trouble::Down, span(240, 260))];
    });
    finds(&[], &down);
}

#[test]
fn what_was_acknowledged_is_in_the_log_in_order_and_nothing_else() {
    let lost = written().having(|record| {
        record.log.truncate(2);
    });
    finds(&["no lost update"], &lost);
    let strange = written().having(|record| record.log.push(entry(4, "x", false)));
    finds(&["no lost update"], &strange);
    let unanswered = strange.clone().having(|record| {
        let mut write = record.writes[0].clone();
        write.outcome = Outcome::Unknown;
        record.writes.push(write);
    });
    finds(&[], &unanswered);
    let written_over = written().having(|record| record.writes[1].base = None);
    finds(&["no lost update"], &written_over);
    let disordered = written().having(|record| record.writes[0].span = span(250, 260));
    finds(&["no lost update"], &disordered);
    let twice = written().having(|record| {
        let write = record.writes[2].clone();
        record.writes.push(write);
    });
    finds(&["no lost update"], &twice);
    let mixed_up = written().having(|record| {
        let mut read = chat(
            B,
            150,
            Seen::At {
                revision: 1,
                value: Some(20),
            },
        );
        read.how = How::Stored;
        record.reads.push(read);
    });
    finds(&["no lost update"], &mixed_up);
}

impl Record {
    /// The same with a change.
    fn having(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}
