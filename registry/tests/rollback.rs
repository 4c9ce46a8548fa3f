//! The way back to what was, and who went it.

use hotbed_events::MemoryBus;
use hotbed_registry::{
    Admission, ChangeNote, Check, CollectionName, Draft, Error, HistoryRetention, Id,
    MemoryBackend, NoVersion, Past, PortableConfig, Precondition, Registration, Registry,
    RegistryBackend, Retention, Revision, Status, Verdict,
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

fn door(admission: Admission) -> (Registry, Arc<MemoryBackend>) {
    let backend = Arc::new(MemoryBackend::new());
    let bus = Arc::new(MemoryBus::default());
    let builder = Registry::builder(CollectionName::bots(), backend.clone(), bus);
    (builder.admission(admission).build(), backend)
}

fn id() -> Id {
    Id::new("a").expect("a well-formed id")
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

fn draft(n: u64) -> Draft {
    Draft::active(PortableConfig::from_value(json!({ "n": n })).expect("a config"))
}

fn noted(metadata: &Value, n: u64) -> Draft {
    Draft {
        metadata: Some(object(metadata)),
        ..draft(n)
    }
}

fn by(name: &str, reason: Option<&str>) -> ChangeNote {
    ChangeNote {
        by: Some(name.into()),
        reason: reason.map(Into::into),
    }
}

async fn put(door: &Registry, draft: Draft) -> Registration {
    let put = door.put(&id(), draft, Precondition::Any).await;
    put.expect("a write is done").registration
}

fn why(refused: Result<impl std::fmt::Debug, Error>) -> NoVersion {
    match refused {
        Err(Error::NoVersion { why, .. }) => why,
        other => panic!("there is no such version, but {other:?}"),
    }
}

#[tokio::test]
async fn a_rollback_is_a_new_write_of_what_was() {
    let (door, _) = door(Admission::Permissive);
    let inactive = Draft {
        status: Status::Inactive,
        ..noted(&json!({"team": "x"}), 1)
    };
    let first = put(&door, inactive).await;
    put(&door, noted(&json!({"team": "y"}), 2)).await;
    let back = door
        .noting(by("ada", None))
        .rollback(&id(), first.revision, Precondition::At(Revision(2)))
        .await
        .unwrap()
        .registration;
    assert_eq!((back.revision, back.version), (Revision(3), 3));
    assert_eq!((&back.config, back.status), (&first.config, first.status));
    let reason = "rollback to revision 1";
    let expected = json!({"team": "x", "changed_by": "ada", "change_reason": reason});
    assert_eq!(back.metadata, object(&expected));
    let history = door.history(&id(), None, 10).await.unwrap();
    let revisions: Vec<_> = history.iter().map(|past| past.revision().0).collect();
    assert_eq!(revisions, [3, 2, 1], "what was rolled back stays on record");
}

#[tokio::test]
async fn a_rollback_says_why_in_the_words_it_is_given_and_never_in_those_of_the_version() {
    let (door, _) = door(Admission::Permissive);
    put(&door.noting(by("ada", Some("first try"))), draft(1)).await;
    put(&door, draft(2)).await;
    let note = ChangeNote {
        by: None,
        reason: Some("the second try was worse".into()),
    };
    let noting = door.noting(note.clone());
    let back = noting.rollback(&id(), Revision(1), Precondition::Any).await;
    assert_eq!(ChangeNote::of(&back.unwrap().registration.metadata), note);
}

#[tokio::test]
async fn a_rollback_of_what_was_deleted_recreates_it() {
    let (door, _) = door(Admission::Permissive);
    let first = put(&door, noted(&json!({"team": "x"}), 1)).await;
    door.delete(&id(), Precondition::Any).await.unwrap();
    let back = door
        .rollback(&id(), Revision(1), Precondition::Absent)
        .await
        .unwrap()
        .registration;
    assert_eq!((back.revision, back.version), (Revision(3), 1));
    assert_eq!(
        (back.config, back.metadata["team"].clone()),
        (first.config, json!("x"))
    );
}

#[tokio::test]
async fn a_conditional_rollback_overwrites_nobody() {
    let (door, backend) = door(Admission::Permissive);
    for n in 1..4 {
        put(&door, draft(n)).await;
    }
    let refused = door
        .rollback(&id(), Revision(1), Precondition::At(Revision(2)))
        .await;
    assert!(matches!(
        refused,
        Err(Error::Conflict {
            actual: Some(Revision(3)),
            ..
        })
    ));
    assert_eq!(backend.head().await.unwrap(), Revision(3));
}

#[tokio::test]
async fn to_where_nothing_was_there_is_no_way_back() {
    let (door, backend) = door(Admission::Permissive);
    put(&door, draft(1)).await;
    door.delete(&id(), Precondition::Any).await.unwrap();
    let other = Id::new("b").unwrap();
    door.put(&other, draft(1), Precondition::Any).await.unwrap();
    put(&door, draft(2)).await;
    let asked = [
        (0, NoVersion::Never),
        (2, NoVersion::Deletion),
        (3, NoVersion::Never),
        (5, NoVersion::Never),
        (u64::MAX, NoVersion::Never),
    ];
    for (revision, expected) in asked {
        let revision = Revision(revision);
        let back = door.rollback(&id(), revision, Precondition::Any).await;
        assert_eq!(why(back), expected, "{revision}");
    }
    let forget = |entries| Retention {
        entries,
        history: HistoryRetention {
            versions: 0,
            ..HistoryRetention::default()
        },
        ..Retention::default()
    };
    for entries in [100, 0] {
        backend.compact(forget(entries)).await.unwrap();
        let back = door.rollback(&id(), Revision(1), Precondition::Any).await;
        assert_eq!(why(back), NoVersion::Forgotten);
    }
    assert_eq!(why(door.past(&id(), Revision(5)).await), NoVersion::Never);
    assert!(matches!(
        door.past(&id(), Revision(4)).await.unwrap(),
        Past::Written(now) if now.revision == Revision(4)
    ));
    assert_eq!(
        backend.head().await.unwrap(),
        Revision(4),
        "nothing was written"
    );
}

#[derive(Debug)]
struct NoOdd;

impl Check for NoOdd {
    fn check(&self, _: &Id, config: &PortableConfig) -> Verdict {
        let n = config.as_map()["n"].as_u64().expect("a number");
        Verdict {
            problems: (n % 2 == 1)
                .then(|| format!("{n} is odd"))
                .into_iter()
                .collect(),
            warnings: Vec::new(),
        }
    }
}

#[tokio::test]
async fn a_rollback_is_judged_like_any_write() {
    let (strict, _) = door(Admission::Strict);
    put(&strict, draft(1)).await;
    put(&strict, draft(2)).await;
    strict.add_check(Arc::new(NoOdd));
    let refused = strict.rollback(&id(), Revision(1), Precondition::Any).await;
    assert!(matches!(refused, Err(Error::Refused { .. })));

    let (permissive, _) = door(Admission::Permissive);
    put(&permissive, draft(1)).await;
    permissive.add_check(Arc::new(NoOdd));
    let back = permissive
        .rollback(&id(), Revision(1), Precondition::Any)
        .await;
    assert_eq!(back.unwrap().warnings, ["1 is odd"]);
}

#[tokio::test]
async fn a_note_is_of_one_write_and_leaves_other_metadata_alone() {
    let (door, _) = door(Admission::Permissive);
    put(&door, noted(&json!({"team": "x"}), 1)).await;
    let note = by("ada", Some("a test"));
    let ada = door.noting(note.clone());
    let expected = object(&json!({"team": "x", "changed_by": "ada", "change_reason": "a test"}));
    assert_eq!(put(&ada, draft(2)).await.metadata, expected);
    let plain = object(&json!({"team": "x"}));
    assert_eq!(put(&door, draft(3)).await.metadata, plain);
    let off = ada.deactivate(&id(), Precondition::Any).await.unwrap();
    assert_eq!(ChangeNote::of(&off.metadata), note);
    let on = door.activate(&id(), Precondition::Any).await.unwrap();
    assert_eq!(
        on.metadata, plain,
        "who put it back into service did not say"
    );
    let other = put(&ada, noted(&json!({"changed_by": "eve", "team": "y"}), 4)).await;
    assert_eq!(other.metadata["changed_by"], "ada");
}

#[tokio::test]
async fn a_note_beside_kept_metadata_is_as_conditional_as_the_write() {
    let (door, _) = door(Admission::Permissive);
    let ada = door.noting(by("ada", None));
    let created = ada
        .put(&id(), draft(1), Precondition::Absent)
        .await
        .unwrap();
    assert_eq!(created.registration.metadata["changed_by"], "ada");
    for when in [Precondition::Absent, Precondition::At(Revision(7))] {
        match ada.put(&id(), draft(2), when).await {
            Err(Error::Conflict {
                expected, actual, ..
            }) => {
                assert_eq!((expected, actual), (when, Some(Revision(1))));
            }
            other => panic!("a conflict is answered, not {other:?}"),
        }
    }
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..20 {
        let ada = ada.clone();
        writers.spawn(async move { put(&ada, draft(n)).await.revision });
    }
    let mut revisions = writers.join_all().await;
    revisions.sort_unstable();
    assert_eq!(revisions, (2..22).map(Revision).collect::<Vec<_>>());
}
