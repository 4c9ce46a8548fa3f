//! What people, editors and git do to the files becomes changes of the registry, and nothing that people wrote is
//! lost.

use crate::directory::{Directory, eventually, id, number, numbered};
use hotbed_backends::{FileOptions, Watching, open};
use hotbed_registry::{
    ChangeNote, CollectionName, Draft, Error, PortableConfig, Precondition, Query, Revision, Status,
};
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::Duration;

#[tokio::test]
async fn files_that_are_there_are_registrations() {
    let directory = Directory::new();
    directory.write(
        "greeter.yaml",
        "# Hi\nconfig: {a: 1}\nmetadata: {team: red}\n",
    );
    directory.write("Größe.yml", &numbered(2));
    directory.write("off.json", "{\"status\": \"inactive\", \"config\": {}}");
    for other in [
        "README.md",
        ".greeter.yaml.swp",
        "greeter.yaml~",
        "4913",
        ".hidden.yaml",
    ] {
        directory.write(other, "config: {}");
    }
    fs::create_dir(directory.file("old")).unwrap();
    let it = directory.open().await;
    assert_eq!(it.bots.count(&Query::default()).await.unwrap(), 3);
    let greeter = it.find("greeter").await.unwrap();
    assert_eq!((greeter.version, greeter.status), (1, Status::Active));
    assert_eq!(greeter.metadata["team"], json!("red"));
    assert_eq!(it.config("Größe").await, Some(number(2)));
    assert_eq!(it.find("off").await.unwrap().status, Status::Inactive);
    assert_eq!(
        it.told().await,
        ["Größe:created", "greeter:created", "off:created"]
    );
    assert_eq!(it.problems().await, [""; 0]);
}

#[tokio::test]
async fn edits_are_told_as_what_they_are() {
    let directory = Directory::new();
    let it = directory.open().await;
    directory.write("a.yaml", &numbered(1));
    it.serves("a", number(1)).await;
    let first = it.find("a").await.unwrap();
    directory.write("a.yaml", "status: inactive\nconfig:\n  n: 2\n");
    it.serves("a", number(2)).await;
    directory.write(
        "a.yaml",
        "status: inactive\nmetadata:\n  x: 1\nconfig:\n  n: 3\n",
    );
    it.serves("a", number(3)).await;
    directory.write("a.yaml", &numbered(4));
    it.serves("a", number(4)).await;
    let last = it.find("a").await.unwrap();
    assert_eq!((last.version, last.created_at), (4, first.created_at));
    assert!(last.updated_at > first.updated_at && last.metadata.is_empty());
    directory.remove("a.yaml");
    it.serves_none("a").await;
    assert_eq!(
        it.told().await,
        [
            "a:created",
            "a:deactivated",
            "a:updated",
            "a:activated",
            "a:deleted"
        ]
    );
}

#[tokio::test]
async fn an_edit_of_comments_is_no_change() {
    let directory = Directory::new();
    directory.write("a.yaml", &numbered(1));
    let it = directory.open().await;
    directory.write("a.yaml", "# Why: because.\nconfig: {n: 1}\n");
    directory.write("b.yaml", &numbered(2));
    it.serves("b", number(2)).await;
    assert_eq!(it.told().await, ["a:created", "b:created"]);
    // What it is written upon is what is there now.
    it.put("a", number(3)).await.unwrap();
    assert_eq!(
        directory.read("a.yaml"),
        "# Why: because.\nconfig:\n  n: 3\n"
    );
}

#[tokio::test]
async fn editors_that_write_by_rename_make_one_update() {
    let directory = Directory::new();
    directory.write("a.yaml", &numbered(0));
    let it = directory.open().await;
    for n in 1..=10 {
        let (file, aside) = (directory.file("a.yaml"), directory.file("a.yaml~"));
        if n % 2 == 0 {
            // As most programs do.
            fs::write(&aside, numbered(n)).unwrap();
            fs::rename(&aside, &file).unwrap();
        } else {
            // As vim does.
            fs::rename(&file, &aside).unwrap();
            fs::write(&file, numbered(n)).unwrap();
            fs::remove_file(&aside).unwrap();
        }
        it.serves("a", number(n)).await;
    }
    let mut expected = vec!["a:created"];
    expected.resize(11, "a:updated");
    assert_eq!(it.told().await, expected);
}

/// Looks all the time, and believes nothing before a second has passed.
const PATIENT: FileOptions = FileOptions {
    settle: Duration::from_secs(1),
    rescan: Duration::from_millis(10),
    watching: Watching::Off,
    lock_timeout: Duration::from_secs(5),
};

#[tokio::test]
async fn a_file_that_is_still_being_written_is_not_believed() {
    let directory = Directory::new();
    directory.write("a.yaml", "config:\n  n: 0\n");
    let it = directory.open_with(PATIENT).await;
    let mut file = OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(directory.file("a.yaml"))
        .unwrap();
    // Every prefix of whole lines is a good file.
    file.write_all(b"config:\n").unwrap();
    for n in 0..30 {
        writeln!(file, "  key{n}: {n}").unwrap();
        assert_eq!(it.config("a").await, Some(number(0)));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(file);
    eventually("the whole file is served", async || {
        it.config("a")
            .await
            .is_some_and(|config| config["key29"] == json!(29))
    })
    .await;
    assert_eq!(it.told().await, ["a:created", "a:updated"]);
}

#[tokio::test]
async fn a_file_that_is_gone_for_a_moment_is_not_deleted() {
    let directory = Directory::new();
    directory.write("a.yaml", &numbered(1));
    let it = directory.open_with(PATIENT).await;
    let aside = directory.path.join("aside");
    fs::rename(directory.file("a.yaml"), &aside).unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    fs::rename(&aside, directory.file("a.yaml")).unwrap();
    directory.write("b.yaml", &numbered(2));
    it.serves("b", number(2)).await;
    directory.remove("b.yaml");
    it.serves_none("b").await;
    assert_eq!(it.told().await, ["a:created", "b:created", "b:deleted"]);
}

#[tokio::test]
async fn a_checkout_of_hundreds_of_files_is_followed_to_and_fro() {
    let directory = Directory::new();
    let it = directory.open().await;
    directory.git(&["init", "-q"]);
    for n in 0..300 {
        directory.write(&format!("bot-{n}.yaml"), &numbered(n));
    }
    directory.git(&["add", "."]);
    directory.git(&["commit", "-qm", "300 bots"]);
    directory.git(&["checkout", "-qb", "other"]);
    for n in 0..100 {
        directory.write(&format!("bot-{n}.yaml"), &numbered(n + 1000));
        directory.remove(&format!("bot-{}.yaml", n + 100));
        directory.write(&format!("new-{n}.yaml"), &numbered(n));
    }
    directory.git(&["add", "."]);
    directory.git(&["commit", "-qm", "other bots"]);
    let is_like = async |offset: u64, middle: bool, new: bool| {
        for n in 0..100 {
            let served = [
                it.config(&format!("bot-{n}")).await == Some(number(n + offset)),
                it.find(&format!("bot-{}", n + 100)).await.is_some() == middle,
                it.config(&format!("bot-{}", n + 200)).await == Some(number(n + 200)),
                it.find(&format!("new-{n}")).await.is_some() == new,
            ];
            if served.contains(&false) {
                return false;
            }
        }
        true
    };
    eventually("the other branch is served", async || {
        is_like(1000, false, true).await
    })
    .await;
    let before = it.head().await;
    directory.git(&["checkout", "-q", "main"]);
    eventually("the first branch is served", async || {
        is_like(0, true, false).await
    })
    .await;
    let mut told = it.told_after(before).await;
    told.sort();
    let mut expected: Vec<_> = (0..100)
        .flat_map(|n| {
            [
                format!("bot-{n}:updated"),
                format!("bot-{}:created", n + 100),
                format!("new-{n}:deleted"),
            ]
        })
        .collect();
    expected.sort();
    assert_eq!(told, expected);
    // What is ours does not show.
    assert_eq!(directory.git(&["status", "--porcelain"]), "");
    it.put("bot-7", number(7007)).await.unwrap();
    let diff = directory.git(&["diff", "-U0"]);
    assert!(diff.ends_with("\n-  n: 7\n+  n: 7007\n"), "{diff}");
    assert_eq!(
        directory.git(&["status", "--porcelain"]),
        " M bots/bot-7.yaml\n"
    );
}

#[tokio::test]
async fn edits_while_nobody_was_there_are_found_at_the_start() {
    let directory = Directory::new();
    let it = directory.open().await;
    for (name, n) in [("kept", 1), ("edited", 2), ("deleted", 3)] {
        it.put(name, number(n)).await.unwrap();
    }
    let kept = it.find("kept").await;
    it.store.close().await;
    directory.write("edited.yaml", &numbered(4));
    directory.remove("deleted.yaml");
    directory.write("new.yaml", &numbered(5));
    let it = directory.open().await;
    assert_eq!(it.find("kept").await, kept);
    assert_eq!(it.config("edited").await, Some(number(4)));
    assert_eq!(it.find("deleted").await, None);
    let mut told = it.told_after(Revision(3)).await;
    told.sort();
    assert_eq!(told, ["deleted:deleted", "edited:updated", "new:created"]);
    assert_eq!(it.head().await, Revision(6));
}

#[tokio::test]
async fn without_a_watcher_edits_are_found_by_looking() {
    let directory = Directory::new();
    directory.write("a.yaml", &numbered(1));
    let it = directory
        .open_with(FileOptions {
            watching: Watching::Off,
            rescan: Duration::from_millis(100),
            ..FileOptions::default()
        })
        .await;
    directory.write("a.yaml", &numbered(2));
    it.serves("a", number(2)).await;
    // Same size, and soon after: only the content tells.
    directory.write("a.yaml", &numbered(3));
    it.serves("a", number(3)).await;
    directory.write("b.yaml", &numbered(4));
    it.serves("b", number(4)).await;
    directory.remove("a.yaml");
    it.serves_none("a").await;
    assert_eq!(
        it.told().await,
        [
            "a:created",
            "a:updated",
            "a:updated",
            "b:created",
            "a:deleted"
        ]
    );
}

#[tokio::test]
async fn a_directory_that_comes_later_or_anew_is_watched() {
    let directory = Directory::new();
    fs::remove_dir(directory.path.join("bots")).unwrap();
    let it = directory
        .open_with(FileOptions {
            rescan: Duration::from_hours(1),
            ..FileOptions::default()
        })
        .await;
    for n in 1..4 {
        let staged = directory.path.join("staged");
        fs::create_dir(&staged).unwrap();
        fs::write(staged.join("a.yaml"), numbered(n)).unwrap();
        drop(fs::remove_dir_all(directory.path.join("bots")));
        fs::rename(&staged, directory.path.join("bots")).unwrap();
        it.serves("a", number(n)).await;
        directory.write("a.yaml", &numbered(n + 10));
        it.serves("a", number(n + 10)).await;
    }
}

#[tokio::test]
async fn a_write_on_top_of_an_edit_that_nobody_saw_yet_conflicts() {
    let directory = Directory::new();
    let it = directory
        .open_with(FileOptions {
            settle: Duration::from_hours(1),
            ..FileOptions::default()
        })
        .await;
    let first = it.put("a", number(1)).await.unwrap();
    directory.write("a.yaml", "# Mine!\nconfig: {n: 2}\n");
    directory.write("New.yaml", "config: {n: 3}\n");
    let write = async |name: &str, when| {
        let draft = Draft::active(PortableConfig::from_value(number(9)).unwrap());
        it.bots.put(&id(name), draft, when).await
    };
    let refused = write("a", Precondition::At(first.revision)).await;
    assert!(
        matches!(
            refused,
            Err(Error::Conflict {
                actual: Some(Revision(2)),
                ..
            })
        ),
        "{refused:?}"
    );
    assert_eq!(it.config("a").await, Some(number(2)));
    assert!(write("New", Precondition::Absent).await.is_err());
    assert_eq!(it.config("New").await, Some(number(3)));
    let done = write("a", Precondition::At(Revision(2))).await.unwrap();
    assert_eq!(done.version, 3);
    assert_eq!(directory.read("a.yaml"), "# Mine!\nconfig:\n  n: 9\n");
    assert_eq!(
        it.told().await,
        ["a:created", "a:updated", "New:created", "a:updated"]
    );
}

#[tokio::test]
async fn a_file_keeps_its_name_its_format_and_its_comments() {
    let directory = Directory::new();
    let text = "# The greeter.\n\nconfig:\n  # warm\n  words: [hi]   # more?\n  n: 1\n";
    directory.write("Greeter.yml", text);
    directory.write("j.json", "{\"config\": {\"n\": 1}}");
    let it = directory.open().await;
    let mut draft = Draft::active(it.find("Greeter").await.unwrap().config);
    draft.status = Status::Inactive;
    draft.metadata = Some(json!({"team": "red"}).as_object().unwrap().clone());
    it.bots
        .put(&id("Greeter"), draft, Precondition::Any)
        .await
        .unwrap();
    let (status, metadata) = ("status: inactive\n", "metadata:\n  team: red\n");
    // Their order is that of JSON objects, which other crates of the same build may have kept as written.
    let written = directory.read("Greeter.yml");
    assert!(
        written == format!("{text}{metadata}{status}")
            || written == format!("{text}{status}{metadata}"),
        "{written}"
    );
    it.put("j", number(2)).await.unwrap();
    assert_eq!(
        directory.read("j.json"),
        "{\n  \"config\": {\n    \"n\": 2\n  }\n}\n"
    );
    it.put("New one", json!({"<<": {"n": 1}})).await.unwrap();
    assert_eq!(
        directory.names(),
        ["%4Eew one.json", "Greeter.yml", "j.json"]
    );
    it.bots
        .delete(&id("Greeter"), Precondition::Any, &ChangeNote::NONE)
        .await
        .unwrap();
    assert_eq!(directory.names(), ["%4Eew one.json", "j.json"]);
}

#[tokio::test]
async fn a_file_that_is_renamed_by_hand_stays_what_it_is() {
    let directory = Directory::new();
    let it = directory.open().await;
    let before = it.put("Bot", number(1)).await.unwrap();
    assert_eq!(directory.names(), ["%42ot.yaml"]);
    fs::rename(directory.file("%42ot.yaml"), directory.file("Bot.yml")).unwrap();
    directory.write("other.yaml", &numbered(2));
    it.serves("other", number(2)).await;
    it.put("Bot", number(3)).await.unwrap();
    assert_eq!(directory.names(), ["Bot.yml", "other.yaml"]);
    let after = it.find("Bot").await.unwrap();
    assert_eq!((after.version, after.created_at), (2, before.created_at));
    assert_eq!(
        it.told().await,
        ["Bot:created", "other:created", "Bot:updated"]
    );
}

#[tokio::test]
async fn a_url_opens_a_directory() {
    let directory = Directory::new();
    let url = format!("file:{}", directory.path.display());
    let store = open(&url).await.unwrap();
    let mods = CollectionName::new("mods").unwrap();
    let backend = store.collection(&mods).await.unwrap();
    let draft = Draft::active(PortableConfig::from_value(number(1)).unwrap());
    backend
        .put(&id("a"), draft, Precondition::Any)
        .await
        .unwrap();
    assert!(directory.path.join("mods/a.yaml").is_file());
    store.close().await;
    assert!(backend.head().await.is_err());
    assert!(
        backend
            .delete(&id("a"), Precondition::Any, &ChangeNote::NONE)
            .await
            .is_err()
    );
}
