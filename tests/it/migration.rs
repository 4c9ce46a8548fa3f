//! Registrations move from store to store by the program as its operators run it, killed on the way and with others
//! writing.

use crate::harness::{HOTBED, Launch, echo, eventually};
use hotbed::backends::{Store, open};
use hotbed::registry::{
    CollectionName, Draft, Id, PortableConfig, Precondition, RegistryBackend, Status,
};
use hotbed_testkit::{PostgresServer, RgwServer, sized};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// Longer than any leg takes on a busy machine.
const LEG: Duration = Duration::from_mins(15);

fn sqlite(dir: &Path, name: &str) -> String {
    format!("sqlite:{}", dir.join(name).display())
}

fn hotbed(args: &[&str]) -> Child {
    let mut command = Command::new(HOTBED);
    command.args(args).env_clear().kill_on_drop(true);
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

async fn ended(child: Child) -> Output {
    let ended = timeout(LEG, child.wait_with_output()).await;
    ended.expect("it ends in time").unwrap()
}

/// What a command that succeeds reports.
async fn report(args: &[&str]) -> Value {
    let mut all = vec!["--output", "json"];
    all.extend(args);
    let ran = ended(hotbed(&all)).await;
    assert!(ran.status.success(), "{args:?}: {ran:?}");
    serde_json::from_slice(&ran.stdout).unwrap()
}

/// The exit code and the errors of a command that fails.
async fn failure(args: &[&str]) -> (i32, String) {
    let ran = ended(hotbed(args)).await;
    let errors = String::from_utf8(ran.stderr).unwrap();
    (ran.status.code().expect("it ends by itself"), errors)
}

async fn bots(store: &Store) -> Arc<dyn RegistryBackend> {
    store.collection(&CollectionName::bots()).await.unwrap()
}

fn bot(n: usize) -> (Id, Draft) {
    let config = json!({
        "llm": {"provider": "echo", "model": format!("echo-{}", n % 10), "temperature": 0.5},
        "system_prompt": format!("You are bot {n} of a large house. Answer in one sentence."),
    });
    let metadata = json!({"team": n % 100, "tags": ["a", n]});
    let draft = Draft {
        config: PortableConfig::from_value(config).unwrap(),
        status: [Status::Active, Status::Inactive][usize::from(n.is_multiple_of(10))],
        metadata: metadata.as_object().cloned(),
        created_at: None,
    };
    (Id::new(&format!("bot-{n:06}")).unwrap(), draft)
}

/// Fills a store with bots.
async fn fill(url: &str, count: usize) {
    let store = open(url).await.unwrap();
    let backend = bots(&store).await;
    let mut writes = JoinSet::new();
    for n in 0..count {
        let backend = Arc::clone(&backend);
        writes.spawn(async move {
            let (id, draft) = bot(n);
            let written = backend.put(&id, draft, Precondition::Absent).await;
            written.unwrap();
        });
        if writes.len() >= 512 {
            writes.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(written) = writes.join_next().await {
        written.unwrap();
    }
    store.close().await;
}

/// Begins a migration and kills it once the target holds something.
async fn kill_half_way(from: &str, to: &str, half: u64) {
    let mut child = hotbed(&["migrate", "--from", from, "--to", to]);
    // Made by the migration itself if it is a file, as its operator would see it.
    let store = eventually("target", LEG, async || {
        let url: hotbed::backends::RegistryUrl = to.parse().unwrap();
        if url.is_missing() {
            return Err("it is not there".to_owned());
        }
        open(to).await.map_err(|error| error.to_string())
    })
    .await;
    let backend = bots(&store).await;
    eventually("half of it", LEG, async || {
        match backend.head().await.unwrap().0 {
            head if head >= half => Ok(()),
            head => Err(format!("{head}, {:?}", child.try_wait())),
        }
    })
    .await;
    child.start_kill().unwrap();
    let ended = child.wait().await.unwrap();
    assert_eq!(ended.code(), None, "it was done too early");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bots_move_from_store_to_store_and_end_as_they_began() {
    // A bucket takes some hundred a second, and is asked for each once more in the end.
    let bots_in_all = usize::try_from(sized(3_000, 100_000)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let stores = [
        sqlite(dir.path(), "first.db"),
        PostgresServer::shared().database().url(),
        RgwServer::shared().bucket().url("moved"),
        sqlite(dir.path(), "last.db"),
    ];
    let begun = Instant::now();
    fill(&stores[0], bots_in_all).await;
    eprintln!("filled after {:?}", begun.elapsed());
    let mut digests = Vec::new();
    for (leg, pair) in stores.windows(2).enumerate() {
        let [from, to] = pair else { unreachable!() };
        // Twice on the way, wherever the way goes along.
        let kill = leg < 2;
        if kill {
            kill_half_way(from, to, bots_in_all as u64 / 3).await;
            eprintln!("leg {leg} was killed after {:?}", begun.elapsed());
        }
        let report = report(&["migrate", "--from", from, "--to", to]).await;
        eprintln!("leg {leg} ended after {:?}: {report}", begun.elapsed());
        assert_eq!(report["verdict"], "equal", "{report}");
        assert_eq!(report["compared"], bots_in_all);
        let (created, same) = (&report["created"], &report["same"]);
        let (created, same) = (created.as_u64().unwrap(), same.as_u64().unwrap());
        assert_eq!(created + same, bots_in_all as u64);
        assert_eq!(same >= bots_in_all as u64 / 3, kill, "{report}");
        digests.push(report["digest"].clone());
    }
    assert!(digests.iter().all(|it| *it == digests[0]), "{digests:?}");
    // Each was written once, however often it was begun.
    let last = open(&stores[stores.len() - 1]).await.unwrap();
    let backend = bots(&last).await;
    assert_eq!(backend.head().await.unwrap().0, bots_in_all as u64);
    let first = open(&stores[0]).await.unwrap();
    let id = bot(77).0;
    let [before, after] = [bots(&first).await, backend].map(|it| {
        let id = id.clone();
        async move { it.get(&id).await.unwrap().unwrap() }
    });
    let (before, after) = (before.await, after.await);
    assert_eq!(before.created_at, after.created_at);
    assert_eq!(before.config, after.config);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_goes_on_serving_and_writing_while_its_registry_moves() {
    const BOTS: usize = 5_000;
    let launch = Launch::new();
    let from = format!("sqlite:{}", launch.registry().display());
    fill(&from, BOTS).await;
    let to = PostgresServer::shared().database().url();
    let node = launch.start().await;
    let stop = AtomicBool::new(false);
    let writing = async {
        let mut written = 0;
        while !stop.load(Ordering::Relaxed) {
            let n = written * 37 % (BOTS + 500);
            let path = format!("/api/v1/bots/bot-{n:06}");
            if written % 4 == 3 {
                assert!(matches!(node.delete(&path).await.status, 204 | 404));
            } else {
                let answer = node.put(&path, &echo(&written.to_string())).await;
                assert!(matches!(answer.status, 200 | 201), "{answer:?}");
            }
            written += 1;
        }
        written
    };
    let moving = async {
        let args = ["--output", "json", "migrate", "--from", &from, "--to", &to];
        let ran = ended(hotbed(&args)).await;
        stop.store(true, Ordering::Relaxed);
        ran
    };
    let (written, ran) = tokio::join!(writing, moving);
    assert!(written > 50, "{written} writes show nothing");
    // The writer never paused, so that no digests could be compared; but all that it wrote was followed.
    let seen: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert!(seen["followed"].as_u64().unwrap() > 0, "{seen}");
    assert_eq!(seen["failures"], json!([]));

    // What was deleted after the first run ended is in the target only, and nobody but its operator can know why.
    let rest = report(&["migrate", "--prune", "--from", &from, "--to", &to]).await;
    assert_eq!(rest["verdict"], "equal", "{rest}");
    // The first run missed nothing but what was written after the revision that it named.
    let number = |of: &Value, member: &str| of[member].as_u64().unwrap();
    let missed = ["created", "replaced", "deleted"].map(|it| number(&rest, it));
    let later = number(&rest, "source_revision") - number(&seen, "source_revision");
    assert!(missed.iter().sum::<u64>() <= later, "{rest} after {seen}");
    node.chat("bot-000000", "hi").await;
    node.terminate().await;
}

#[tokio::test]
async fn an_archive_holds_what_a_store_held_and_brings_it_to_another() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = ["first.db", "second.db"].map(|it| sqlite(dir.path(), it));
    fill(&first, 700).await;
    let archive = dir.path().join("bots.jsonl");
    let archive = archive.to_str().unwrap();
    let exported = report(&["export", "--from", &first, archive]).await;
    assert_eq!(exported["count"], 700);
    let imported = report(&["import", "--to", &second, archive]).await;
    assert_eq!(imported["created"], 700);
    assert_eq!(imported["equal"], 700);
    assert_eq!(imported["digest"], exported["digest"]);
    let again = report(&["import", "--to", &second, archive]).await;
    assert_eq!(
        (&again["created"], &again["same"]),
        (&json!(0), &json!(700))
    );
    let moved = report(&["migrate", "--from", &first, "--to", &second]).await;
    assert_eq!(moved["digest"], exported["digest"]);
    assert_eq!(moved["same"], 700);
}

#[tokio::test]
async fn a_directory_of_files_is_written_and_read_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = ["first.db", "second.db"].map(|it| sqlite(dir.path(), it));
    fill(&first, 30).await;
    let files = format!("{}/files/", dir.path().display());
    let exported = report(&["export", "--from", &first, &files]).await;
    let one = Path::new(&files).join("bots/bot-000007.yaml");
    assert!(fs::read_to_string(one).unwrap().contains("You are bot 7"));
    let imported = report(&["import", "--to", &second, &files]).await;
    assert_eq!(imported["equal"], 30);
    let moved = report(&["migrate", "--from", &first, "--to", &second]).await;
    assert_eq!(moved["digest"], exported["digest"]);

    // A file that makes no sense is not taken for a deletion, nor left out in silence.
    fs::write(Path::new(&files).join("bots/broken.yaml"), "config: [").unwrap();
    let (code, errors) = failure(&["import", "--to", &second, &files]).await;
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("bots/broken.yaml"), "{errors}");
}

#[tokio::test]
async fn an_archive_goes_through_a_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = ["first.db", "second.db"].map(|it| sqlite(dir.path(), it));
    fill(&first, 30).await;
    let script = "\"$0\" export --from \"$1\" - | \"$0\" import --to \"$2\" -";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, HOTBED, &first, &second]);
    let ran = shell.output().await.unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(
        said.contains("30 created") && said.contains("30 are equal"),
        "{said}"
    );
}

#[tokio::test]
async fn an_archive_that_was_cut_off_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = ["first.db", "second.db"].map(|it| sqlite(dir.path(), it));
    fill(&first, 30).await;
    let archive = dir.path().join("bots.jsonl");
    let place = archive.to_str().unwrap();
    report(&["export", "--from", &first, place]).await;
    let whole = fs::read(&archive).unwrap();
    fs::write(&archive, &whole[..whole.len() / 2]).unwrap();
    let (code, errors) = failure(&["import", "--to", &second, place]).await;
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("it was cut off"), "{errors}");
    assert!(!dir.path().join("second.db").exists());
}

#[tokio::test]
async fn what_must_not_be_lost_is_refused_with_what_to_do_about_it() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = ["first.db", "second.db"].map(|it| sqlite(dir.path(), it));
    fill(&first, 3).await;
    fill(&second, 5).await;
    let (code, errors) = failure(&["migrate", "--from", &first, "--to", &second]).await;
    assert_eq!(code, 4, "{errors}");
    for part in ["2 registrations", "\"bot-000003\"", "--prune", "--keep"] {
        assert!(errors.contains(part), "{errors}");
    }
    let planned = ["--from", &first, "--to", &second, "--prune"];
    let planned = report(&[&["migrate", "--dry-run"][..], &planned].concat()).await;
    assert_eq!(planned["deleted"], 2);
    let kept = report(&["migrate", "--from", &first, "--to", &second, "--keep"]).await;
    assert_eq!(
        (&kept["kept"], &kept["verdict"]),
        (&json!(2), &json!("equal"))
    );
    let pruned = report(&["migrate", "--from", &first, "--to", &second, "--prune"]).await;
    assert_eq!(
        (&pruned["deleted"], &pruned["same"]),
        (&json!(2), &json!(3))
    );

    let archive = dir.path().join("bots.jsonl");
    let archive = archive.to_str().unwrap();
    report(&["export", "--from", &first, archive]).await;
    let store = open(&second).await.unwrap();
    let (id, draft) = (bot(1).0, bot(2).1);
    let changed = bots(&store).await.put(&id, draft, Precondition::Any).await;
    changed.unwrap();
    store.close().await;
    let (code, errors) = failure(&["import", "--to", &second, archive]).await;
    assert_eq!(code, 4, "{errors}");
    assert!(
        errors.contains("\"bot-000001\"") && errors.contains("--on-conflict"),
        "{errors}"
    );
    let import = ["import", "--to", &second, archive, "--on-conflict"];
    let kept = report(&[&import[..], &["keep"]].concat()).await;
    assert_eq!((&kept["kept"], &kept["equal"]), (&json!(1), &json!(2)));
    let replaced = report(&[&import[..], &["replace"]].concat()).await;
    assert_eq!(
        (&replaced["replaced"], &replaced["equal"]),
        (&json!(1), &json!(3))
    );
}

#[tokio::test]
async fn exit_codes_of_moves_tell_what_went_wrong_and_no_password() {
    let dir = tempfile::tempdir().unwrap();
    let [first, missing] = ["first.db", "missing.db"].map(|it| sqlite(dir.path(), it));
    fill(&first, 3).await;
    let down = "postgres://bob:hunter2@127.0.0.1:1/db";
    for (args, expected) in [
        (["migrate", "--from", &missing, "--to", &first], 3),
        (["migrate", "--from", &first, "--to", &first], 64),
        (["migrate", "--from", &first, "--to", "memory:"], 64),
        (
            [
                "migrate",
                "--from",
                &first,
                "--to",
                "mysql://bob:hunter2@h/d",
            ],
            64,
        ),
        (
            [
                "migrate",
                "--from",
                &first,
                "--to",
                "postgres://bob:hunter2@h/d?x=1",
            ],
            64,
        ),
        (["migrate", "--from", &first, "--to", down], 5),
        (["migrate", "--from", down, "--to", &first], 5),
        (
            [
                "export",
                "--from",
                &missing,
                "bots.jsonl",
                "--collection=bots",
            ],
            3,
        ),
        (["import", "--to", &missing, "no-such-file", "--dry-run"], 3),
    ] {
        let (code, errors) = failure(&args).await;
        assert_eq!(code, expected, "{args:?}: {errors}");
        assert!(errors.starts_with("error: "), "{errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
    // Nothing was made where there was nothing.
    let planned = report(&["migrate", "--dry-run", "--from", &first, "--to", &missing]).await;
    assert_eq!(planned["created"], 3);
    assert!(!dir.path().join("missing.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_is_interrupted_ends_cleanly_and_says_how_to_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = ["first.db", "second.db"].map(|it| sqlite(dir.path(), it));
    fill(&first, 20_000).await;
    let child = hotbed(&["migrate", "--from", &first, "--to", &second]);
    let store = eventually("target", LEG, async || {
        if !dir.path().join("second.db").exists() {
            return Err("it is not there".to_owned());
        }
        open(&second).await.map_err(|error| error.to_string())
    })
    .await;
    let backend = bots(&store).await;
    eventually("some of it", LEG, async || {
        match backend.head().await.unwrap().0 {
            head if head > 500 => Ok(()),
            head => Err(head.to_string()),
        }
    })
    .await;
    let pid = Pid::from_raw(child.id().unwrap().cast_signed());
    kill(pid, Signal::SIGINT).unwrap();
    let ran = ended(child).await;
    let errors = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{errors}");
    assert!(errors.contains("run the same command again"), "{errors}");
    store.close().await;
    let rest = report(&["migrate", "--from", &first, "--to", &second]).await;
    assert!(rest["same"].as_u64().unwrap() > 500, "{rest}");
    assert_eq!(rest["verdict"], "equal");
}
