use super::channels::Channels;
use super::{BoxError, CONNECTING, PostgresBusUrl};
use crate::bus::in_time;
use crate::bus::transport::{Connection, Heard};
use crate::bus::wire;
use async_trait::async_trait;
use hotbed_events::Event;
use sqlx::postgres::{PgListener, PgNotification, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;
use tokio::time::timeout;

/// How long nothing may be heard before the server is asked for a sign of life, and how long it may take for one.
const QUIET: Duration = Duration::from_secs(3);

/// The connection that listens.
pub(super) struct Listener {
    inner: PgListener,
    channels: Channels,
    listens: BTreeSet<String>,
}

impl Listener {
    pub(super) async fn connect(
        url: &PostgresBusUrl,
        channels: Channels,
    ) -> Result<Self, BoxError> {
        let mut inner = in_time(CONNECTING, connect(url)).await?;
        // A connection that is lost is lost. Made anew in secret, nobody would know what was missed.
        inner.eager_reconnect(false);
        Ok(Self {
            inner,
            channels,
            listens: BTreeSet::new(),
        })
    }

    async fn execute(&mut self, statements: String) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(statements))
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }

    fn understand(&self, notification: &PgNotification) -> Heard {
        let channel = notification.channel();
        let event = match wire::decode(notification.payload().as_bytes()) {
            Ok(event) => event,
            Err(error) => {
                tracing::debug!(%error, channel, "a notification is not understood");
                return Heard::Gap;
            }
        };
        if let Some(topic) = self.channels.topic(channel, &event.topic) {
            Heard::Event(Box::new(Event { topic, ..event }))
        } else {
            tracing::debug!(channel, topic = %event.topic, "an event is of no topic of its channel");
            Heard::Gap
        }
    }
}

async fn connect(url: &PostgresBusUrl) -> Result<PgListener, sqlx::Error> {
    let options = url.options()?;
    // The driver listens by way of a pool only, which tries again until it gives up, and then does not say why.
    options.connect().await?.close().await?;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(CONNECTING)
        .connect_lazy_with(options);
    PgListener::connect_with(&pool).await
}

#[async_trait]
impl Connection for Listener {
    async fn listen(&mut self, channels: &BTreeSet<String>) -> Result<(), BoxError> {
        let mut statements = String::new();
        let changes = [
            ("LISTEN", channels, &self.listens),
            ("UNLISTEN", &self.listens, channels),
        ];
        for (verb, some, others) in changes {
            for channel in some.difference(others) {
                // The names of channels have no quotes.
                write!(statements, "{verb} \"{channel}\";").expect("a string takes everything");
            }
        }
        if !statements.is_empty() {
            self.execute(statements).await?;
        }
        self.listens.clone_from(channels);
        Ok(())
    }

    async fn next(&mut self) -> Result<Heard, BoxError> {
        loop {
            match timeout(QUIET, self.inner.try_recv()).await {
                Ok(Ok(Some(notification))) => return Ok(self.understand(&notification)),
                Ok(Ok(None)) => return Err("the connection was closed".into()),
                Ok(Err(error)) => return Err(error.into()),
                // What is heard meanwhile is kept. Should this be dropped, the driver reads on before it asks again.
                Err(_) => in_time(QUIET, self.execute("SELECT 1".into())).await?,
            }
        }
    }
}
