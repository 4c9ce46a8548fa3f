//! Whether a store keeps its word about conditions, tried before anything depends on it.

use super::fault::Fault;
use super::link::Marks;
use super::remote::{Remote, Swap, SwapFault};
use super::url::EtagStyle;
use bytes::Bytes;
use object_store::UpdateVersion;

/// Finds out how the store wants its ETags, and that it refuses every write whose condition does not hold. Leaves
/// nothing behind.
pub(super) async fn probe(remote: &Remote, marks: &Marks) -> Result<EtagStyle, Fault> {
    let key = format!("probe-{}", marks.mark());
    let found = try_conditions(remote, &key).await;
    let tidied = remote.delete(std::slice::from_ref(&key)).await;
    let style = found?;
    tidied?;
    Ok(style)
}

async fn try_conditions(remote: &Remote, key: &str) -> Result<EtagStyle, Fault> {
    let url = remote.url();
    let Some(first) = swap(remote, key, "1", None).await? else {
        return Err(Fault::said(format!(
            "{url} refuses to make an object that is not there"
        )));
    };
    let careless = || {
        Fault::said(format!(
            "{url} does not keep conditions (If-Match, If-None-Match), so that one writer would write over another: \
             use a store or a version of it that does"
        ))
    };
    if swap(remote, key, "2", None).await?.is_some() {
        return Err(careless());
    }
    let styles = match url.etag_style {
        EtagStyle::Auto => vec![EtagStyle::Quoted, EtagStyle::Bare],
        given => vec![given],
    };
    for style in styles {
        let remote = remote.with_style(style);
        if swap(&remote, key, "3", Some(&first)).await?.is_none() {
            continue;
        }
        // Now the first version is an old one.
        if swap(&remote, key, "4", Some(&first)).await?.is_some() {
            return Err(careless());
        }
        return Ok(style);
    }
    Err(Fault::said(format!(
        "{url} refuses a write whose condition holds (If-Match): {}",
        match url.etag_style {
            EtagStyle::Auto => "use a store or a version of it that does not",
            EtagStyle::Quoted | EtagStyle::Bare => "try it without etag_style in the URL",
        }
    )))
}

async fn swap(
    remote: &Remote,
    key: &str,
    body: &'static str,
    known: Option<&UpdateVersion>,
) -> Result<Option<UpdateVersion>, Fault> {
    match remote
        .swap(key, Bytes::from_static(body.as_bytes()), known)
        .await
    {
        Ok(Swap::Done(version)) => Ok(Some(version)),
        Ok(Swap::Lost(_)) => Ok(None),
        Err(SwapFault::NotDone(fault) | SwapFault::Unknown(fault)) => Err(fault),
    }
}
