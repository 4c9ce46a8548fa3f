use super::transport::BoxError;
use std::time::Duration;

/// What became of something that has to be done in time.
pub(super) async fn in_time<T, E: Into<BoxError>>(
    patience: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, BoxError> {
    match tokio::time::timeout(patience, work).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(format!("the server has not answered for {patience:?}").into()),
    }
}
