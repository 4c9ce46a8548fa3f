use super::*;
use std::net::TcpListener;

/// Asks the server something, as `psql` prints it.
fn ask(server: &PostgresServer, database: &Database, sql: &str) -> String {
    let output = server
        .client("psql")
        .args(["-qtA", "-d", database.name(), "-c", sql])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_server_keeps_its_data_when_it_is_killed_and_is_gone_when_it_is_dropped() {
    let server = PostgresServer::start(&["work_mem=5MB"]);
    let (one, other) = (server.database(), server.database());
    assert_ne!(one.name(), other.name());
    ask(&server, &one, "CREATE TABLE t AS SELECT 7 AS n");
    server.kill();
    assert!(TcpListener::bind(("127.0.0.1", one.port())).is_ok());
    server.resume();
    server.stop();
    server.resume();
    assert_eq!(ask(&server, &one, "SELECT n FROM t"), "7");
    assert_eq!(ask(&server, &one, "SHOW work_mem"), "5MB");
    let folder = server.folder.clone();
    assert!(folder.exists());
    drop(server);
    assert!(!folder.exists());
    assert!(TcpListener::bind(("127.0.0.1", one.port())).is_ok());
}

#[test]
fn what_is_missing_is_named_with_the_package_that_has_it() {
    assert!(
        NoPostgres
            .to_string()
            .ends_with("`apt-get install postgresql`")
    );
}
