//! The registry client of the published Python package, unmodified.

use crate::harness::{Launch, ROOT};
use std::path::Path;
use tokio::process::Command;

async fn check(version: &str) {
    let root = Path::new(ROOT);
    let python = root.join(format!("target/python/dataknobs-{version}/bin/python"));
    assert!(
        python.exists(),
        "{} is missing: run cargo xtask python",
        python.display()
    );
    let node = Launch::new().start().await;
    let ran = Command::new(python)
        .arg(root.join("tests/it/python/dataknobs_client.py"))
        .arg(format!("{}/api/v1", node.url))
        .args(["--may-clear", "--keep-going"])
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    assert!(
        said.contains(&format!("dataknobs-bots {version}: ")),
        "{said}"
    );
    node.terminate().await;
}

#[tokio::test]
async fn the_python_client_0_6_9_works_unmodified() {
    check("0.6.9").await;
}

#[tokio::test]
async fn the_python_client_0_13_1_works_unmodified() {
    check("0.13.1").await;
}
