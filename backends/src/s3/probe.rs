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

#[cfg(test)]
mod tests {
    use super::super::url::S3Url;
    use super::*;
    use futures::stream::BoxStream;
    use object_store::memory::InMemory;
    use object_store::path::Path;
    use object_store::{
        CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
        PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    };
    use std::fmt;
    use std::sync::Arc;
    use std::time::Duration;

    /// A store that writes whatever the condition: no server at hand does that, and some that are sold do.
    #[derive(Debug)]
    struct Careless {
        store: InMemory,
        ignores: fn(&PutMode) -> bool,
    }

    impl fmt::Display for Careless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("careless")
        }
    }

    #[async_trait::async_trait]
    impl ObjectStore for Careless {
        async fn put_opts(
            &self,
            path: &Path,
            body: PutPayload,
            mut options: PutOptions,
        ) -> Result<PutResult> {
            if (self.ignores)(&options.mode) {
                options.mode = PutMode::Overwrite;
            }
            self.store.put_opts(path, body, options).await
        }

        async fn put_multipart_opts(
            &self,
            path: &Path,
            options: PutMultipartOptions,
        ) -> Result<Box<dyn MultipartUpload>> {
            self.store.put_multipart_opts(path, options).await
        }

        async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
            self.store.get_opts(path, options).await
        }

        fn delete_stream(
            &self,
            paths: BoxStream<'static, Result<Path>>,
        ) -> BoxStream<'static, Result<Path>> {
            self.store.delete_stream(paths)
        }

        fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
            self.store.list(prefix)
        }

        async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
            self.store.list_with_delimiter(prefix).await
        }

        async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
            self.store.copy_opts(from, to, options).await
        }
    }

    async fn probed(ignores: fn(&PutMode) -> bool) -> Result<EtagStyle, String> {
        let store = Careless {
            store: InMemory::new(),
            ignores,
        };
        let store: Arc<dyn ObjectStore> = Arc::new(store);
        let url: S3Url = "s3://bots/a".parse().unwrap();
        let patience = Duration::from_secs(1);
        let remote = Remote::new(Arc::clone(&store), url, patience, EtagStyle::Quoted);
        let probed = probe(&remote, &Marks::new()).await;
        assert_eq!(remote.list("").await.unwrap(), [""; 0], "it left something");
        probed.map_err(|fault| fault.during("open it").to_string())
    }

    #[tokio::test]
    async fn a_store_that_does_not_keep_conditions_is_refused() {
        assert_eq!(probed(|_| false).await, Ok(EtagStyle::Quoted));
        let ignorant: [fn(&PutMode) -> bool; 3] = [
            |_| true,
            |mode| matches!(mode, PutMode::Create),
            |mode| matches!(mode, PutMode::Update(_)),
        ];
        for ignores in ignorant {
            let refused = probed(ignores).await.unwrap_err();
            assert!(
                refused
                    .starts_with("registry cannot open it: s3://bots/a does not keep conditions"),
                "{refused}"
            );
        }
    }
}
