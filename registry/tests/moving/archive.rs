use crate::world::{Backend, config, day, empty, filled, id};
use hotbed_registry::moving::{ArchiveError, ArchiveReader, ArchiveWriter, Record, Walk};
use hotbed_registry::{CollectionName, Revision, Status};
use serde_json::{Value, json};
use std::io::BufReader;

/// As it was written by the first version, and must be read for ever.
const VERSION_1: &str = include_str!("archive-v1.jsonl");

async fn archive(backend: &Backend) -> Vec<u8> {
    let head = backend.head().await.unwrap();
    let mut archive = ArchiveWriter::new(Vec::new(), &CollectionName::bots(), head).unwrap();
    let mut walk = Walk::new(backend);
    while let Some(next) = walk.next().await.unwrap() {
        archive.add(&next.into()).unwrap();
    }
    archive.finish(head).unwrap().0
}

fn records(bytes: &[u8]) -> Result<Vec<Record>, ArchiveError> {
    let mut reader = ArchiveReader::open(BufReader::new(bytes))?;
    let mut records = Vec::new();
    while let Some(next) = reader.next()? {
        records.push(next);
    }
    assert!(reader.next()?.is_none());
    assert_eq!(reader.summary().unwrap().count, records.len() as u64);
    Ok(records)
}

fn examples() -> Vec<Record> {
    let record = |name, value, status, metadata: Value, n| Record {
        id: id(name),
        config: config(value),
        status,
        metadata: metadata.as_object().unwrap().clone(),
        created_at: day(n),
    };
    vec![
        record(
            "größe 机器人",
            json!({"a\n": "\u{0}\u{2028}\"", "n": [1, -1, 1.5, 1e300]}),
            Status::Error,
            json!({}),
            1,
        ),
        record(
            "z",
            json!({"b": null, "llm": {"provider": "echo"}}),
            Status::Inactive,
            json!({"team": "desk", "tier": 1}),
            0,
        ),
    ]
}

fn written(records: &[Record]) -> Vec<u8> {
    let name = CollectionName::bots();
    let mut archive = ArchiveWriter::new(Vec::new(), &name, Revision(7)).unwrap();
    for record in records {
        archive.add(record).unwrap();
    }
    archive.finish(Revision(8)).unwrap().0
}

#[tokio::test]
async fn what_was_written_is_read() {
    for backend in [empty(), filled(1200).await] {
        let mut expected = Vec::new();
        let mut walk = Walk::new(&backend);
        while let Some(next) = walk.next().await.unwrap() {
            expected.push(Record::from(next));
        }
        assert_eq!(records(&archive(&backend).await).unwrap(), expected);
    }
}

#[test]
fn the_first_version_is_read_and_written_as_ever() {
    assert_eq!(records(VERSION_1.as_bytes()).unwrap(), examples());
    assert_eq!(String::from_utf8(written(&examples())).unwrap(), VERSION_1);
}

#[test]
fn what_is_nested_as_deep_as_can_be_is_read() {
    let nested = |levels| (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }));
    let record = Record {
        config: config(nested(120)),
        metadata: nested(127).as_object().unwrap().clone(),
        ..examples().remove(0)
    };
    let archived = written(std::slice::from_ref(&record));
    assert_eq!(records(&archived).unwrap(), [record]);
}

#[test]
fn an_archive_that_was_cut_anywhere_is_refused() {
    let whole = written(&examples());
    for length in 0..whole.len() {
        assert!(records(&whole[..length]).is_err(), "{length}");
    }
    // At the end of a line too.
    let lines: Vec<&str> = VERSION_1.split_inclusive('\n').collect();
    let cut = records(lines[..3].concat().as_bytes()).unwrap_err();
    assert_eq!(
        cut.to_string(),
        "ends in line 3 without saying that it is complete: it was cut off"
    );
}

#[test]
fn an_archive_in_which_a_byte_was_changed_is_refused() {
    let whole = written(&examples());
    // A change of the revisions in its first and last line would change nothing of what is brought, but the first
    // is covered by the checksum too.
    let end = whole.len() - VERSION_1.lines().last().unwrap().len();
    for at in 0..end {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert!(records(&changed).is_err(), "{at}");
    }
}

#[test]
fn lines_that_are_missing_doubled_or_swapped_are_refused() {
    let lines: Vec<&str> = VERSION_1.split_inclusive('\n').collect();
    for order in [
        &[0, 1, 3][..],
        &[0, 2, 1, 3],
        &[0, 1, 1, 2, 3],
        &[0, 1, 2, 3, 3],
        &[0, 0, 1, 2, 3],
        &[1, 2, 3],
        &[3],
    ] {
        let text: String = order.iter().map(|at| lines[*at]).collect();
        assert!(records(text.as_bytes()).is_err(), "{order:?}");
    }
}

#[test]
fn what_is_no_archive_is_refused_by_its_first_line() {
    for (text, message) in [
        ("", "is no archive of registrations: it is empty"),
        (
            "{\"archive\":{\"version\":2,\"collection\":\"bots\",\"revision\":1,\"new\":true}}\n",
            "is of version 2, which is newer than this program: use a newer one",
        ),
        (
            "{\"end\":{\"count\":0,\"revision\":0,\"digest\":\"\",\"sha256\":\"\"}}\n",
            "is no archive of registrations: it does not begin with a line \"archive\"",
        ),
    ] {
        assert_eq!(records(text.as_bytes()).unwrap_err().to_string(), message);
    }
    for foreign in ["bots: {}\n", "PK\u{3}\u{4}\n", "[]\n", "{}\n"] {
        let refused = records(foreign.as_bytes()).unwrap_err();
        assert!(matches!(refused, ArchiveError::Foreign { .. }), "{refused}");
    }
}
