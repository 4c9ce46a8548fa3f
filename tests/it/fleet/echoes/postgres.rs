use super::Message;
use sqlx::postgres::PgListener;
use sqlx::{Connection, PgConnection};

/// The topics that changes are announced on, as channels.
const CHANNELS: [&str; 4] = [
    "events_*",
    "events_registry_bots",
    "events_registry_instances",
    "events_registry_configs",
];

/// A client of PostgreSQL's channels.
pub(super) struct Postgres {
    listener: PgListener,
    connection: PgConnection,
}

impl Postgres {
    pub(super) async fn connect(url: &str) -> anyhow::Result<Self> {
        let mut listener = PgListener::connect(url).await?;
        listener.listen_all(CHANNELS).await?;
        Ok(Self {
            listener,
            connection: PgConnection::connect(url).await?,
        })
    }

    pub(super) async fn next(&mut self) -> anyhow::Result<Message> {
        let heard = self.listener.recv().await?;
        Ok(Message {
            channel: heard.channel().to_owned(),
            bytes: heard.payload().as_bytes().to_vec(),
        })
    }

    pub(super) async fn publish(&mut self, message: &Message) -> anyhow::Result<()> {
        sqlx::query("SELECT pg_notify($1, $2)")
            .bind(&message.channel)
            .bind(str::from_utf8(&message.bytes)?)
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }
}
