//! Files that are not as they were written.

use super::*;
use proptest::prelude::*;

/// What is done to a snapshot.
#[derive(Debug, Clone)]
enum Step {
    Save(usize),
    Forget(usize),
    NewBase,
}

/// What happens to a file.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Alter(u8),
    Truncate,
    Append(u8),
}

/// What is held after each step.
type Model = HashMap<Id, Registration>;

fn name(n: usize) -> String {
    format!("bot-{n}")
}

/// Does the steps and answers what was held after each.
fn play(home: &Home, steps: &[Step]) -> Vec<Model> {
    let snapshot = DiskSnapshot::open_blocking(&home.path(), OF.into(), None).unwrap();
    let mut models = vec![Model::new()];
    for (at, step) in steps.iter().enumerate() {
        let mut model = models[at].clone();
        match step {
            Step::Save(n) => {
                let saved = registration(&name(*n), at as u64 + 1, json!({"step": at}));
                snapshot.save(&saved);
                model.insert(saved.id.clone(), saved);
            }
            Step::Forget(n) => {
                snapshot.forget(&id(&name(*n)));
                model.remove(&id(&name(*n)));
            }
            Step::NewBase => {
                let (base, failures) = snapshot.begin_base();
                let written = base.write(&snapshot.key);
                snapshot.end_base(&base, failures, written);
            }
        }
        models.push(model);
    }
    models
}

fn recover(home: &Home) -> Recovered {
    let place = Place::new(&home.path());
    let key = SnapshotKey::kept_in(&place.key()).unwrap();
    Recovered::read(&place, OF, &key)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..4_usize).prop_map(Step::Save),
        2 => (0..4_usize).prop_map(Step::Forget),
        1 => Just(Step::NewBase),
    ];
    prop::collection::vec(step, 1..20)
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        3 => (1..=u8::MAX).prop_map(Harm::Alter),
        1 => Just(Harm::Truncate),
        1 => any::<u8>().prop_map(Harm::Append),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Caught: a line is opened without its place (`Aad::empty()`); no end of a base; a length that is not checked; a
    /// mark that is not; lines after a damaged one that leave those before it beyond doubt.
    #[test]
    fn whatever_happens_to_a_file_what_is_used_without_a_warning_is_what_was_kept(
        steps in steps(),
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        harm in harm(),
    ) {
        let home = Home::new();
        let models = play(&home, &steps);
        let last = models.last().unwrap();
        let files = home.files();
        prop_assume!(!files.is_empty());
        let path = home.file(&files[which.index(files.len())]);
        let is_base = path == home.path();
        let mut bytes = fs::read(&path).unwrap();
        let at = place.index(bytes.len());
        match harm {
            Harm::Alter(by) => bytes[at] ^= by,
            Harm::Truncate => bytes.truncate(at),
            Harm::Append(byte) => bytes.extend(vec![byte; 40]),
        }
        fs::write(&path, bytes).unwrap();

        let found = recover(&home);
        let is_noticed = !found.notes.is_empty();
        // A shorter journal is what a death at an earlier moment would have left.
        let may_be_earlier = !is_base && matches!(harm, Harm::Truncate);
        prop_assert!(is_noticed || may_be_earlier);
        let held: Model = found
            .entries
            .iter()
            .filter(|(_, entry)| !entry.doubtful)
            .map(|(id, entry)| (id.clone(), (*entry.registration).clone()))
            .collect();
        if may_be_earlier {
            prop_assert!(models.contains(&held), "{held:?}");
        } else {
            for (id, registration) in &held {
                prop_assert_eq!(last.get(id), Some(registration));
            }
        }
        // What is in doubt was at least held once.
        for (id, entry) in &found.entries {
            let was_held = models.iter().any(|model| model.get(id) == Some(&*entry.registration));
            prop_assert!(was_held);
        }
    }
}

#[tokio::test]
async fn every_altered_byte_is_noticed_and_the_file_put_aside() {
    let origin = Home::with(&[registration("a", 1, json!({"text": "hello"}))]).await;
    let open = origin.open().await;
    open.save(&registration("b", 2, json!({})));
    open.save(&registration("c", 3, json!({})));
    for (name, aside) in [
        ("snapshot.sealed", "snapshot.sealed.bad"),
        ("snapshot.sealed.journal-2", "snapshot.sealed.journal.bad"),
    ] {
        let whole = fs::read(origin.file(name)).unwrap();
        for at in 0..whole.len() {
            let home = origin.copy();
            let mut altered = whole.clone();
            altered[at] ^= 0x01;
            fs::write(home.file(name), &altered).unwrap();
            let snapshot = home.open().await;
            assert_eq!(fs::read(home.file(aside)).unwrap(), altered, "byte {at}");
            // The other file is good.
            let good = if name.ends_with("sealed") { "c" } else { "a" };
            assert!(snapshot.load(&id(good)).is_some(), "{name} byte {at}");
        }
    }
}

#[tokio::test]
async fn a_base_that_is_too_short_is_put_aside_and_what_is_whole_in_it_used() {
    let saved = [
        registration("a", 1, json!({})),
        registration("b", 2, json!({})),
    ];
    let origin = Home::with(&saved).await;
    let whole = fs::read(origin.path()).unwrap();
    let mut most = 0;
    for length in 0..whole.len() {
        let home = origin.copy();
        fs::write(home.path(), &whole[..length]).unwrap();
        let snapshot = home.open().await;
        assert_eq!(fs::read(home.bad()).unwrap(), whole[..length]);
        most = most.max(snapshot.len());
    }
    assert_eq!(most, 2, "all but the end is there");
}

/// Caught: a torn last line that is taken for damage.
#[tokio::test]
async fn a_journal_that_ends_early_is_what_was_appended_before() {
    let origin = Home::new();
    let snapshot = origin.open().await;
    let journal = origin.file("snapshot.sealed.journal-1");
    let mut ends = Vec::new();
    for revision in 1..=3 {
        snapshot.save(&registration("a", revision, json!({})));
        ends.push(fs::metadata(&journal).unwrap().len());
    }
    let whole = fs::read(&journal).unwrap();
    for length in 0..=whole.len() {
        let home = origin.copy();
        fs::write(home.file("snapshot.sealed.journal-1"), &whole[..length]).unwrap();
        let snapshot = home.open().await;
        let whole_lines = ends.iter().filter(|end| **end <= length as u64).count();
        let found = snapshot.revision(&id("a")).map_or(0, |it| it.0);
        assert_eq!(found, whole_lines as u64, "{length} bytes");
        assert!(snapshot.warnings().is_empty());
        assert!(home.files().iter().all(|name| !name.contains(".bad")));
    }
}

#[tokio::test]
async fn what_was_lost_is_in_doubt_until_it_is_saved_or_forgotten_again() {
    let origin = Home::with(&[
        registration("a", 1, json!({})),
        registration("b", 2, json!({})),
    ])
    .await;
    let snapshot = origin.open().await;
    snapshot.save(&registration("a", 3, json!({})));
    snapshot.save(&registration("c", 4, json!({})));
    let home = origin.copy();
    let journal = home.file("snapshot.sealed.journal-2");
    let mut bytes = fs::read(&journal).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&journal, bytes).unwrap();
    for _ in 0..2 {
        let snapshot = home.open().await;
        assert!(snapshot.load(&id("c")).is_some(), "it was saved after that");
        let warnings = snapshot.warnings();
        assert_eq!(warnings.len(), 1, "also after another restart");
        assert!(
            warnings[0].contains("2 registrations may be older"),
            "{warnings:?}"
        );
    }
    let snapshot = home.open().await;
    let again = snapshot.load(&id("a")).unwrap();
    snapshot.save(&again);
    snapshot.forget(&id("b"));
    assert!(snapshot.warnings().is_empty());
    drop(snapshot);
    assert!(home.open().await.warnings().is_empty());
}

#[tokio::test]
async fn a_journal_that_is_missing_puts_in_doubt_what_was_before_it() {
    let home = Home::with(&[registration("a", 1, json!({}))]).await;
    let snapshot = home.open().await;
    snapshot.save(&registration("b", 2, json!({})));
    snapshot.disk().leave_journal();
    snapshot.save(&registration("c", 3, json!({})));
    drop(snapshot);
    fs::remove_file(home.file("snapshot.sealed.journal-2")).unwrap();
    let warnings = home.open().await.warnings();
    assert!(warnings[0].contains("1 registrations"), "{warnings:?}");
}

#[tokio::test]
async fn what_was_put_aside_does_not_hinder_the_next_write() {
    let home = Home::with(&[registration("a", 1, json!({}))]).await;
    fs::write(home.path(), "not a snapshot").unwrap();
    let snapshot = home.open().await;
    snapshot.save(&registration("b", 2, json!({})));
    snapshot.close().await;
    assert_eq!(home.open().await.len(), 1);
    assert_eq!(fs::read_to_string(home.bad()).unwrap(), "not a snapshot");
}
