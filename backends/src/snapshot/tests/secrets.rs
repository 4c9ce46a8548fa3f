//! Who can read what, and with which key.

use super::*;

const SECRET: &str = "literal-secret-5f2a";

/// Caught: a line that is written as it is.
#[tokio::test]
async fn nothing_of_a_configuration_stands_in_any_file() {
    let home = Home::with(&[registration("tell-tale-id", 1, json!({"api_key": SECRET}))]).await;
    let snapshot = home.open().await;
    snapshot.save(&registration("tell-tale-id", 2, json!({"api_key": SECRET})));
    assert_eq!(home.files().len(), 2);
    for name in home.files() {
        let bytes = fs::read(home.file(&name)).unwrap();
        for word in [SECRET, "tell-tale-id", "api_key", OF] {
            let is_there = bytes.windows(word.len()).any(|it| it == word.as_bytes());
            assert!(!is_there, "{word} is in {name}");
        }
    }
    assert!(!format!("{snapshot:?}").contains(SECRET));
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::with(&[registration("a", 1, json!({}))]).await;
    home.open().await.save(&registration("b", 2, json!({})));
    for file in fs::read_dir(home.dir()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file:?}");
    }
}

#[tokio::test]
async fn what_was_sealed_under_another_key_is_put_aside_and_opens_under_its_own() {
    let home = Home::new();
    let under = async |key| {
        DiskSnapshot::open(&home.path(), OF, Some(key))
            .await
            .unwrap()
    };
    let snapshot = under(key('a')).await;
    snapshot.save(&registration("a", 1, json!({})));
    Arc::new(snapshot).close().await;
    let sealed = fs::read(home.path()).unwrap();
    assert!(!home.file("snapshot.key").exists());

    let snapshot = under(key('b')).await;
    assert!(snapshot.is_empty());
    assert_eq!(fs::read(home.bad()).unwrap(), sealed);
    drop(snapshot);
    fs::rename(home.bad(), home.path()).unwrap();
    assert_eq!(under(key('a')).await.len(), 1);
}

#[tokio::test]
async fn a_key_is_made_once_and_one_that_is_none_is_refused() {
    let home = Home::with(&[registration("a", 1, json!({}))]).await;
    let made = fs::read_to_string(home.file("snapshot.key")).unwrap();
    assert!(made.parse::<SnapshotKey>().is_ok());
    assert_eq!(home.open().await.len(), 1);
    let now = fs::read_to_string(home.file("snapshot.key")).unwrap();
    assert_eq!(now, made);

    fs::write(home.file("snapshot.key"), "half a key").unwrap();
    let refused = DiskSnapshot::open(&home.path(), OF, None).await;
    assert!(
        matches!(refused, Err(SnapshotError::Key { .. })),
        "{refused:?}"
    );
    assert_eq!(home.files(), ["snapshot.sealed"], "nothing is put aside");
}

#[test]
fn a_key_is_64_hexadecimal_digits_and_is_not_shown() {
    let digits = "00Ff".repeat(16);
    let key: SnapshotKey = format!(" {digits}\n").parse().unwrap();
    assert!(!format!("{key:?}").contains("255"), "{key:?}");
    for wrong in [
        "",
        "a passphrase",
        &digits[1..],
        &"g".repeat(64),
        &"ä".repeat(32),
    ] {
        assert_eq!(
            wrong.parse::<SnapshotKey>().unwrap_err(),
            InvalidSnapshotKey
        );
    }
}
