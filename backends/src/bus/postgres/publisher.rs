use super::{BoxError, PUBLISHING, PostgresBusUrl};
use crate::bus::in_time;
use crate::postgres::is_stale;
use sqlx::{ConnectOptions, PgConnection};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Sends them all and in their order, or none.
const NOTIFY: &str = "\
    SELECT pg_notify(channel, message)
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS given(channel, message, place) ORDER BY place";

/// The connection that publishes. It is made when it is needed.
pub(super) struct Publisher {
    url: Arc<PostgresBusUrl>,
    /// `None` after whatever may have left it in the middle of something.
    connection: Mutex<Option<PgConnection>>,
}

/// What is sent together.
#[derive(Debug, Default)]
pub(super) struct Messages {
    channels: Vec<String>,
    texts: Vec<String>,
}

impl Messages {
    pub(super) fn add(&mut self, channel: String, text: String) {
        self.channels.push(channel);
        self.texts.push(text);
    }

    async fn send(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let notify = sqlx::query(NOTIFY).bind(&self.channels).bind(&self.texts);
        // To its end, where the commit is answered.
        notify.execute(connection).await?;
        Ok(())
    }
}

impl Publisher {
    pub(super) fn new(url: Arc<PostgresBusUrl>) -> Self {
        Self {
            url,
            connection: Mutex::new(None),
        }
    }

    /// Sends messages together. Should the connection break meanwhile they may be sent twice, which harms nobody.
    pub(super) async fn send(&self, messages: &Messages) -> Result<(), BoxError> {
        let send = async {
            let mut held = self.connection.lock().await;
            if let Some(mut connection) = held.take() {
                match messages.send(&mut connection).await {
                    Ok(()) => {
                        *held = Some(connection);
                        return Ok(());
                    }
                    Err(error) if is_stale(&error) => {
                        tracing::debug!(%error, "publisher connects again");
                    }
                    Err(error) => return Err(error),
                }
            }
            let mut connection = self.url.options()?.connect().await?;
            messages.send(&mut connection).await?;
            *held = Some(connection);
            Ok(())
        };
        in_time(PUBLISHING, send).await
    }
}
