//! The client of the published package `openagents`, unmodified.

use crate::harness::{Launch, ROOT};
use std::path::Path;
use tokio::process::Command;

async fn check(version: &str) {
    let root = Path::new(ROOT);
    let python = root.join(format!("target/python/openagents-{version}/bin/python"));
    assert!(
        python.exists(),
        "{} is missing: run cargo xtask python",
        python.display()
    );
    let node = Launch::new().start().await;
    let address = node.url.strip_prefix("http://").unwrap();
    let (host, port) = address.rsplit_once(':').unwrap();
    let ran = Command::new(python)
        .arg(root.join("tests/it/python/openagents_client.py"))
        .args([host, port])
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    let well = format!("openagents {version}: all is well");
    assert!(said.contains(&well), "{said}");
    node.terminate().await;
}

#[tokio::test]
async fn the_openagents_client_0_7_0_works_unmodified() {
    check("0.7.0").await;
}

#[tokio::test]
async fn the_openagents_client_0_9_3_works_unmodified() {
    check("0.9.3.post20").await;
}
