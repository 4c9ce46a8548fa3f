//! What the file backend keeps and says when files are broken, the directory is not there, or the disk is full.

use crate::directory::{Directory, Opened, eventually, id, number, numbered};
use hotbed_backends::{FileOptions, FileStore};
use hotbed_registry::{ChangeNote, Changes, CollectionName, Error, Precondition, Revision};
use serde_json::json;
use std::fs;
use std::process::Command;
use std::time::Duration;

/// The one thing that is wrong, once there is one.
async fn only_problem(it: &Opened) -> String {
    eventually("there is a problem", async || {
        !it.problems().await.is_empty()
    })
    .await;
    let problems = it.problems().await;
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].clone()
}

async fn no_problem(it: &Opened) {
    eventually("nothing is wrong", async || it.problems().await.is_empty()).await;
}

#[tokio::test]
async fn a_broken_file_keeps_the_last_good_registration_and_says_why() {
    let directory = Directory::new();
    directory.write("a.yaml", &numbered(1));
    let it = directory.open().await;
    let good = it.find("a").await;
    directory.write("a.yaml", "config:\n  n: 2\n m: 3\n");
    let said = "bots/a.yaml:3:2: did not find expected key, while parsing a block mapping";
    let problem = only_problem(&it).await;
    assert!(problem.starts_with(said), "{problem}");
    assert_eq!(it.store.problems().await[0].id, Some(id("a")));
    assert_eq!(it.find("a").await, good);

    // Nobody writes over what somebody is at.
    let refused = it.put("a", number(9)).await.unwrap_err();
    assert!(matches!(refused, Error::Corrupt { .. }));
    assert!(
        refused
            .to_string()
            .starts_with("registry holds something unreadable at bots/a.yaml:3:2: did not find"),
        "{refused}"
    );
    it.put("b", number(1)).await.unwrap();

    // Nor does a restart lose it.
    it.store.close().await;
    let it = directory.open().await;
    assert_eq!(only_problem(&it).await, problem);
    assert_eq!(it.find("a").await, good);
    directory.write("a.yaml", "config:\n  n: 2\n  m: 3\n");
    no_problem(&it).await;
    it.serves("a", json!({"n": 2, "m": 3})).await;
    assert_eq!(it.told().await, ["a:created", "b:created", "a:updated"]);
}

#[tokio::test]
async fn a_broken_file_can_be_deleted() {
    let directory = Directory::new();
    directory.write("a.yaml", &numbered(1));
    let it = directory.open().await;
    directory.write("a.yaml", "");
    assert_eq!(
        only_problem(&it).await,
        "bots/a.yaml: expected an object with `config`, found null"
    );
    it.bots
        .delete(&id("a"), Precondition::Present, &ChangeNote::NONE)
        .await
        .unwrap();
    assert_eq!(directory.names(), [""; 0]);
    no_problem(&it).await;
    assert_eq!(it.told().await, ["a:created", "a:deleted"]);
}

#[tokio::test]
async fn a_file_that_cannot_even_be_read_can_be_deleted() {
    let directory = Directory::new();
    directory.write("a.yaml", &numbered(1));
    let it = directory.open().await;
    let file = fs::File::create(directory.file("a.yaml")).unwrap();
    file.set_len(1 << 30).unwrap();
    it.bots
        .delete(&id("a"), Precondition::Any, &ChangeNote::NONE)
        .await
        .unwrap();
    assert_eq!(directory.names(), [""; 0]);
    assert_eq!(it.told().await, ["a:created", "a:deleted"]);

    // A directory stays, and is in nobody's way but its own.
    fs::create_dir(directory.file("a.yaml")).unwrap();
    assert!(it.put("a", number(1)).await.is_err());
    it.put("b", number(1)).await.unwrap();
}

#[tokio::test]
async fn the_past_is_left_to_git_and_that_is_said() {
    let directory = Directory::new();
    let it = directory.open().await;
    let stored = it.put("a", number(1)).await.unwrap();
    for refused in [
        it.bots.history(&id("a"), None, 10).await.unwrap_err(),
        it.bots.past(&id("a"), stored.revision).await.unwrap_err(),
    ] {
        assert!(matches!(refused, Error::Unsupported { .. }));
        assert_eq!(
            refused.to_string(),
            "registry cannot tell the past of a registration: a directory of files is made to be kept in git, which \
             remembers it: git log -p bots/"
        );
    }
}

#[tokio::test]
async fn a_file_that_was_never_in_order_is_not_written_over() {
    let directory = Directory::new();
    directory.write("a.yaml", "conf: {}\n");
    let it = directory.open().await;
    let said = "bots/a.yaml:1:1: conf: unknown key; known here: id, status, metadata, config; did you mean `config`?\n\
                bots/a.yaml:1:1: config: required, but not given; add it";
    assert_eq!(only_problem(&it).await, said);
    assert_eq!(it.store.problems().await[0].id, None);
    assert!(matches!(
        it.put("a", number(1)).await,
        Err(Error::Corrupt { .. })
    ));
    assert!(matches!(
        it.bots
            .delete(&id("a"), Precondition::Any, &ChangeNote::NONE)
            .await,
        Err(Error::NotFound { .. })
    ));
    assert_eq!(directory.read("a.yaml"), "conf: {}\n");
    directory.remove("a.yaml");
    it.put("a", number(1)).await.unwrap();
    assert_eq!(it.told().await, ["a:created"]);
    no_problem(&it).await;
}

#[tokio::test]
async fn a_directory_that_is_not_there_deletes_nothing() {
    let directory = Directory::new();
    let it = directory.open().await;
    it.put("a", number(1)).await.unwrap();
    let (bots, away) = (directory.path.join("bots"), directory.path.join("away"));
    fs::rename(&bots, &away).unwrap();
    assert_eq!(
        only_problem(&it).await,
        "bots: it is missing: bring it back, or make it anew and empty to say that all are gone"
    );
    assert_eq!(it.config("a").await, Some(number(1)));
    // A file that is written now would look like all that is left.
    let refused = it.put("b", number(1)).await.unwrap_err().to_string();
    assert!(
        refused.contains("it is missing: bring it back"),
        "{refused}"
    );
    assert!(!bots.exists());
    fs::write(&bots, "no directory").unwrap();
    eventually("it cannot be read", async || {
        it.problems()
            .await
            .iter()
            .any(|said| said.contains("cannot be used"))
    })
    .await;
    // Nor at a start.
    let later = directory.open().await;
    assert_eq!(later.config("a").await, Some(number(1)));
    fs::remove_file(&bots).unwrap();
    fs::rename(&away, &bots).unwrap();
    no_problem(&it).await;
    no_problem(&later).await;
    assert_eq!(it.told().await, ["a:created"]);
    fs::remove_dir_all(&bots).unwrap();
    fs::create_dir(&bots).unwrap();
    it.serves_none("a").await;
    assert_eq!(it.told().await, ["a:created", "a:deleted"]);
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_followed_inside_and_refused_outside() {
    use std::os::unix::fs::symlink;
    let directory = Directory::new();
    let secret = directory.path.parent().unwrap().join("secret.yaml");
    fs::write(&secret, "config: {password: hunter2}\n").unwrap();
    fs::create_dir(directory.path.join("shared")).unwrap();
    fs::write(directory.path.join("shared/base.yaml"), numbered(1)).unwrap();
    symlink("../shared/base.yaml", directory.file("inside.yaml")).unwrap();
    symlink(&secret, directory.file("outside.yaml")).unwrap();
    symlink("/nowhere", directory.file("dangling.yaml")).unwrap();
    symlink("../.hotbed/bots/journal", directory.file("ours.yaml")).unwrap();
    let it = directory.open().await;
    assert_eq!(it.config("inside").await, Some(number(1)));
    let leaves = "it is a link that leaves the directory: put the file itself here";
    assert_eq!(
        it.problems().await,
        [
            "bots/dangling.yaml: it is a link to nothing".to_owned(),
            format!("bots/ours.yaml: {leaves}"),
            format!("bots/outside.yaml: {leaves}"),
        ]
    );
    assert!(it.put("outside", number(1)).await.is_err());
    assert!(fs::read_to_string(&secret).unwrap().contains("hunter2"));
    // What others share is not changed: the link gives way to a file.
    it.put("inside", number(2)).await.unwrap();
    assert_eq!(
        fs::read_to_string(directory.path.join("shared/base.yaml")).unwrap(),
        numbered(1)
    );
    assert_eq!(directory.read("inside.yaml"), numbered(2));
    // Nor is the directory itself found elsewhere.
    fs::rename(
        directory.path.join("bots"),
        directory.path.parent().unwrap().join("bots"),
    )
    .unwrap();
    symlink("../bots", directory.path.join("bots")).unwrap();
    eventually("the directory is refused", async || {
        it.problems()
            .await
            .iter()
            .any(|said| said.ends_with(leaves) && said.starts_with("bots: "))
    })
    .await;
    assert_eq!(it.config("inside").await, Some(number(2)));
}

#[tokio::test]
async fn what_is_no_file_for_a_registration_is_told() {
    let directory = Directory::new();
    directory.write(
        "large.yaml",
        &format!("config:\n  a: {}\n", "x".repeat(9 << 20)),
    );
    directory.write("a%2Fb.yaml", &numbered(1));
    fs::create_dir(directory.file("folder.yaml")).unwrap();
    directory.write("twice.json", "{\"config\": {}}");
    directory.write("twice.yaml", &numbered(1));
    let it = directory.open().await;
    assert_eq!(
        it.problems().await,
        [
            "bots/a%2Fb.yaml: its name is no id: id \"a/b\" holds '/': slashes, '?', '#', '%' and control characters \
             are not allowed in an id",
            "bots/folder.yaml: it is no regular file",
            "bots/large.yaml: it has 9437198 bytes, more than the 8388608 allowed",
            "bots/twice.yaml: it is a second file of \"twice\", beside twice.json: remove one of them",
        ]
    );
    assert_eq!(it.told().await, ["twice:created"]);
    let too_large = it.put("new", json!({"a": "x".repeat(9 << 20)})).await;
    assert!(
        matches!(too_large, Err(Error::Refused { .. })),
        "{too_large:?}"
    );
    directory.remove("twice.json");
    it.serves("twice", number(1)).await;
    eventually("it is no second file any more", async || {
        !it.problems()
            .await
            .iter()
            .any(|said| said.contains("twice"))
    })
    .await;
    assert_eq!(it.told().await, ["twice:created", "twice:updated"]);
}

#[tokio::test]
async fn after_the_journal_is_lost_revisions_go_on_above_and_every_follower_relists() {
    let directory = Directory::new();
    let long = "x".repeat(256);
    let it = directory.open().await;
    for name in ["a", "B", &long] {
        it.put(name, number(1)).await.unwrap();
    }
    it.store.close().await;
    for running in [false, true] {
        let before = if running {
            Some(directory.open().await)
        } else {
            None
        };
        let head = match &before {
            Some(it) => it.head().await,
            None => Revision(3),
        };
        fs::remove_dir_all(directory.path.join(".hotbed")).unwrap();
        if let Some(it) = &before {
            assert_eq!(it.config("a").await, Some(number(1)));
            it.put("c", number(1)).await.unwrap();
        }
        let it = directory.open().await;
        for name in ["a", "B", &long] {
            assert_eq!(it.config(name).await, Some(number(1)), "{name}");
        }
        assert!(it.head().await > head);
        let told = it.bots.changes(head, 10).await.unwrap();
        assert!(matches!(told, Changes::Compacted { .. }), "{told:?}");
        let after = it.put("a", number(1)).await.unwrap();
        if let Some(before) = &before {
            assert_eq!(before.find("a").await, Some(after));
        }
    }
}

#[tokio::test]
async fn a_damaged_journal_is_told_and_not_mended_by_guessing() {
    let directory = Directory::new();
    let it = directory.open().await;
    for n in 0..3 {
        it.put("a", number(n)).await.unwrap();
    }
    it.store.close().await;
    let path = directory.path.join(".hotbed/bots/journal");
    let whole = fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let store = FileStore::open(&directory.path, FileOptions::default())
        .await
        .unwrap();
    let refused = store.collection(&CollectionName::bots()).await.unwrap_err();
    assert!(matches!(refused, Error::Corrupt { .. }), "{refused:?}");
    assert!(refused.to_string().contains("damaged at byte"), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), damaged);
    fs::write(&path, &whole).unwrap();
    assert_eq!(directory.open().await.head().await, Revision(3));
}

#[tokio::test]
async fn a_long_journal_is_written_anew_under_the_eyes_of_others() {
    let directory = Directory::new();
    let (it, other) = (directory.open().await, directory.open().await);
    let journal = directory.path.join(".hotbed/bots/journal");
    let large = "x".repeat(500_000);
    let mut longest = 0;
    for n in 0..20 {
        let by = if n % 2 == 0 { &it } else { &other };
        by.put("a", json!({"n": n, "text": large})).await.unwrap();
        assert_eq!(other.find("a").await, it.find("a").await);
        assert_eq!(other.head().await, Revision(n + 1));
        longest = longest.max(fs::metadata(&journal).unwrap().len());
    }
    assert!(longest < 8_000_000, "{longest}");
    assert_eq!(other.told().await.len(), 20);
    assert_eq!(directory.open().await.find("a").await, it.find("a").await);
}

#[tokio::test]
async fn another_process_that_keeps_the_lock_is_not_waited_for_for_ever() {
    let directory = Directory::new();
    let impatient = FileOptions {
        lock_timeout: Duration::from_millis(50),
        ..FileOptions::default()
    };
    let it = directory.open_with(impatient).await;
    it.put("a", number(1)).await.unwrap();
    let path = directory.path.join(".hotbed/bots/lock");
    let lock = fs::File::open(&path).unwrap();
    lock.lock().unwrap();
    let refused = tokio::join!(it.put("a", number(2)), it.put("b", number(2)));
    let expected = format!(
        "registry cannot write a registration: {} has been locked by another process for 50ms: see what holds it, or \
         try again",
        path.display()
    );
    assert_eq!(refused.0.unwrap_err().to_string(), expected);
    assert_eq!(refused.1.unwrap_err().to_string(), expected);
    assert_eq!(it.config("a").await, Some(number(1)));
    lock.unlock().unwrap();
    assert_eq!(it.put("b", number(2)).await.unwrap().revision, Revision(2));
}

#[tokio::test]
async fn what_is_ours_is_private_and_no_link() {
    let directory = Directory::new();
    directory.open().await.put("a", number(1)).await.unwrap();
    let ours = directory.path.join(".hotbed");
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let mode =
            |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&ours), mode(&ours.join("bots"))), (0o700, 0o700));
        fs::set_permissions(directory.file("a.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
        directory.open().await.put("a", number(2)).await.unwrap();
        assert_eq!(mode(&directory.file("a.yaml")), 0o640);
        let elsewhere = directory.path.parent().unwrap().join("elsewhere");
        fs::rename(&ours, &elsewhere).unwrap();
        symlink(&elsewhere, &ours).unwrap();
        let store = FileStore::open(&directory.path, FileOptions::default())
            .await
            .unwrap();
        let refused = store
            .collection(&CollectionName::bots())
            .await
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("it is no directory, where ours belongs"),
            "{refused}"
        );
    }
}

/// Runs one of the ignored tests below in a file system of its own, 2 MB large, as its working directory. Where that
/// cannot be done (it takes Linux and the right to make namespaces), says so.
#[expect(
    clippy::print_stdout,
    reason = "who reads the report should know what was not tried"
)]
fn in_a_small_file_system(test: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let mount = "mount -t tmpfs -o size=2m none \"$1\" || exit 99; cd \"$1\" && exec \"$2\" --exact \"$3\" --ignored";
    let run = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", mount, "sh"])
        .arg(directory.path())
        .arg(std::env::current_exe().expect("a program"))
        .arg(test)
        .output();
    match run {
        Ok(output) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains("1 passed"), "{said}");
        }
        Ok(output) if output.status.code() == Some(101) => {
            panic!("{}", String::from_utf8_lossy(&output.stdout));
        }
        impossible => {
            println!("skipped {test}: no file system of its own can be made here: {impossible:?}");
        }
    }
}

#[test]
fn a_full_disk_refuses_writes_loses_nothing_and_recovers() {
    in_a_small_file_system("faults::on_a_full_disk");
}

#[tokio::test]
#[ignore = "needs a small file system of its own: a_full_disk_refuses_writes_loses_nothing_and_recovers makes one"]
async fn on_a_full_disk() {
    let directory = Directory::at(&std::env::current_dir().unwrap());
    fs::write("ballast", vec![0; 512 * 1024]).unwrap();
    let it = directory.open().await;
    let text = "x".repeat(16 * 1024);
    let mut acknowledged = 0;
    let refused = loop {
        match it
            .put(&format!("bot-{acknowledged:03}"), json!({"text": text}))
            .await
        {
            Ok(stored) => acknowledged = stored.revision.0,
            Err(error) => break error,
        }
    };
    assert!(acknowledged > 10);
    let refused = refused.to_string();
    assert!(
        refused.contains(" is full: make room, then try again"),
        "{refused}"
    );
    let next = format!("bot-{acknowledged:03}");
    assert_eq!(
        (it.head().await.0, it.find(&next).await),
        (acknowledged, None)
    );
    assert_eq!(directory.names().len() as u64, acknowledged);
    fs::remove_file("ballast").unwrap();
    let stored = it.put(&next, json!({"text": text})).await.unwrap();
    assert_eq!(stored.revision.0, acknowledged + 1);
    it.store.close().await;
    let it = directory.open().await;
    assert_eq!(it.head().await.0, acknowledged + 1);
    assert_eq!(it.problems().await, [""; 0]);
}

#[test]
fn a_directory_that_is_not_mounted_deletes_nothing() {
    in_a_small_file_system("faults::on_a_volume_of_its_own");
}

#[tokio::test]
#[ignore = "needs the right to mount: a_directory_that_is_not_mounted_deletes_nothing has it"]
async fn on_a_volume_of_its_own() {
    let directory = Directory::at(&std::env::current_dir().unwrap());
    fs::create_dir("bots").unwrap();
    let mount = |arguments: &[&str]| {
        let run = Command::new(arguments[0])
            .args(&arguments[1..])
            .status()
            .unwrap();
        assert!(run.success());
    };
    mount(&["mount", "-t", "tmpfs", "none", "bots"]);
    let it = directory.open().await;
    it.put("a", number(1)).await.unwrap();
    directory.write("b.yaml", &numbered(2));
    it.serves("b", number(2)).await;
    it.store.close().await;
    mount(&["mount", "--move", "bots", "/mnt"]);
    let it = directory.open().await;
    let problem = only_problem(&it).await;
    assert!(
        problem.starts_with("bots: it is empty, and on another file system"),
        "{problem}"
    );
    assert_eq!(it.config("a").await, Some(number(1)));
    mount(&["mount", "--move", "/mnt", "bots"]);
    no_problem(&it).await;
    assert_eq!(it.told().await, ["a:created", "b:created"]);
}

#[test]
fn a_file_that_cannot_be_replaced_or_removed_keeps_nobody_else_waiting() {
    in_a_small_file_system("faults::on_a_file_that_is_held");
}

/// Caught: a collection that waits for one file; a file that was not replaced and is read as an edit.
#[tokio::test]
#[ignore = "needs the right to mount: a_file_that_cannot_be_replaced_or_removed_keeps_nobody_else_waiting has it"]
async fn on_a_file_that_is_held() {
    let directory = Directory::at(&std::env::current_dir().unwrap());
    let (it, other) = (directory.open().await, directory.open().await);
    for name in ["a", "gone"] {
        it.put(name, number(1)).await.unwrap();
    }
    // As a container does that is given single files.
    let hold = |held: bool, name: &str| {
        let mut mount = Command::new(if held { "mount" } else { "umount" });
        mount.current_dir(directory.path.join("bots"));
        mount.args(held.then_some(["--bind", name]).into_iter().flatten());
        assert!(mount.arg(name).status().unwrap().success());
    };
    let blocked = ["a.yaml", "gone.yaml"];
    for name in blocked {
        hold(true, name);
    }
    it.put("a", number(2)).await.unwrap();
    it.bots
        .delete(&id("gone"), Precondition::Any, &ChangeNote::NONE)
        .await
        .unwrap();
    for (n, it) in [&it, &other, &it, &other].into_iter().enumerate() {
        it.put("b", number(n as u64)).await.unwrap();
    }
    let refused = other.put("a", number(3)).await.unwrap_err().to_string();
    assert!(
        refused.contains("bots/a.yaml: what was decided last is not done to it yet"),
        "{refused}"
    );
    let told = [
        "a:created",
        "gone:created",
        "a:updated",
        "gone:deleted",
        "b:created",
        "b:updated",
        "b:updated",
        "b:updated",
    ];
    let why = "(Device or resource busy (os error 16)): what was decided holds, and is done to the file once it can be";
    let problems = [
        format!("bots/a.yaml: it cannot be replaced {why}"),
        format!("bots/gone.yaml: it cannot be removed {why}"),
    ];
    assert_eq!(it.problems().await, problems);
    // Who comes later knows as much, looks included.
    let later = directory.open().await;
    for it in [&it, &other, &later] {
        eventually("each has looked at it", async || {
            it.problems().await == problems
        })
        .await;
        assert_eq!(it.config("a").await, Some(number(2)));
        assert_eq!(it.find("gone").await, None);
        assert_eq!(it.told().await, told);
    }
    assert_eq!(directory.read("a.yaml"), numbered(1));
    for name in blocked {
        hold(false, name);
    }
    for it in [&it, &other, &later] {
        no_problem(it).await;
        assert_eq!(it.told().await, told);
    }
    assert_eq!(directory.read("a.yaml"), numbered(2));
    assert_eq!(directory.names(), ["a.yaml", "b.yaml"]);
    other.put("a", number(3)).await.unwrap();
    assert_eq!(directory.read("a.yaml"), numbered(3));
}
