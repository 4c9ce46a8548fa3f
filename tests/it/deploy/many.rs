//! A directory of thousands of files.

use super::{hotbed, write_bot};
use crate::harness::Launch;

/// Meant to catch: to read the server's bots or the instances in one page, to show nothing while it takes long.
#[tokio::test]
async fn five_thousand_files_are_checked_applied_and_the_same_afterwards() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path();
    let node = Launch::new().start().await;
    for n in 0..5_000 {
        write_bot(dir, &format!("bot-{n:04}"), "one");
    }
    let said = hotbed(dir, None, "check").await.expect(0);
    assert_eq!(
        said.output,
        "5000 bots in 5000 files, 0 environments: no problem\n"
    );
    let said = hotbed(dir, Some(&node), "apply").await.expect(0);
    assert!(
        said.output
            .ends_with("5000 created, 0 updated, 0 deleted, 0 the same\n")
    );
    let ids: Vec<_> = said
        .output
        .lines()
        .filter_map(|line| line.strip_prefix("created "))
        .collect();
    assert!(
        ids.is_sorted_by_key(|line| line.split(':').next()),
        "told in the order of the ids"
    );
    let said = hotbed(dir, Some(&node), "diff").await.expect(0);
    assert_eq!(said.output, "5000 the same\n");
    write_bot(dir, "bot-0042", "two");
    let said = hotbed(dir, Some(&node), "apply").await.expect(0);
    assert!(
        said.output
            .ends_with("0 created, 1 updated, 0 deleted, 4999 the same\n"),
        "{said:?}"
    );
    node.terminate().await;
}
