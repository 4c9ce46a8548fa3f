//! Registrations move from store to store by the program as its operators run it, killed on the way and with others
//! writing.

use crate::harness::{HOTBED, Launch, eventually};
use hotbed::backends::{Store, open};
use hotbed::registry::{
    CollectionName, Draft, Id, PortableConfig, Precondition, RegistryBackend, Status,
};
use hotbed_testkit::PostgresServer;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// Longer than any leg takes on a busy machine.
const LEG: Duration = Duration::from_mins(3);

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

/// Caught: a second run that writes what is there; a digest that depends on the store.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_bots_move_from_store_to_store_and_end_as_they_began() {
    const BOTS: usize = 100_000;
    let dir = tempfile::tempdir().unwrap();
    let stores = [
        sqlite(dir.path(), "first.db"),
        PostgresServer::shared().database().url(),
        sqlite(dir.path(), "last.db"),
    ];
    let begun = Instant::now();
    fill(&stores[0], BOTS).await;
    eprintln!("filled after {:?}", begun.elapsed());
    let mut digests = Vec::new();
    for (leg, pair) in stores.windows(2).enumerate() {
        let [from, to] = pair else { unreachable!() };
        // Twice on the way, wherever the way goes along.
        let kill = leg < 2;
        if kill {
            kill_half_way(from, to, 30_000).await;
            eprintln!("leg {leg} was killed after {:?}", begun.elapsed());
        }
        let report = report(&["migrate", "--from", from, "--to", to]).await;
        eprintln!("leg {leg} ended after {:?}: {report}", begun.elapsed());
        assert_eq!(report["verdict"], "equal", "{report}");
        assert_eq!(report["compared"], BOTS);
        let (created, same) = (&report["created"], &report["same"]);
        let (created, same) = (created.as_u64().unwrap(), same.as_u64().unwrap());
        assert_eq!(created + same, BOTS as u64);
        assert_eq!(same >= 30_000, kill, "{report}");
        digests.push(report["digest"].clone());
    }
    assert!(digests.iter().all(|it| *it == digests[0]), "{digests:?}");
    // Each was written once, however often it was begun.
    let last = open(&stores[stores.len() - 1]).await.unwrap();
    let backend = bots(&last).await;
    assert_eq!(backend.head().await.unwrap().0, BOTS as u64);
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
