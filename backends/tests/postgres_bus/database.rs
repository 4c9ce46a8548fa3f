//! What a stranger sees and does in the database.

use hotbed_testkit::Database;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use std::time::Duration;

pub(crate) async fn stranger(database: &Database) -> PgConnection {
    let options: PgConnectOptions = database.tcp_url().parse().unwrap();
    options
        .application_name("stranger")
        .connect()
        .await
        .unwrap()
}

/// Notifies as anybody may.
pub(crate) async fn notify(stranger: &mut PgConnection, channel: &str, message: &str) {
    let notify = sqlx::query("SELECT pg_notify($1, $2)")
        .bind(channel)
        .bind(message);
    notify.execute(stranger).await.unwrap();
}

/// The connections of ours that a database has.
pub(crate) async fn connections(stranger: &mut PgConnection) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'hotbed'";
    sqlx::query_scalar(count).fetch_one(stranger).await.unwrap()
}

/// Waits until there are so many.
pub(crate) async fn until_connections(stranger: &mut PgConnection, expected: i64) {
    let waiting = async {
        while connections(stranger).await != expected {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap();
}
