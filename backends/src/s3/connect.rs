//! The client of a store, as its URL and the environment have it.

use super::fault::Fault;
use super::url::{Addressing, S3Url, Service};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use std::sync::Arc;
use std::time::Duration;

/// Longer than a lull between two polls, shorter than what stores and balancers keep an idle connection for.
const IDLE: Duration = Duration::from_secs(20);

/// Makes the client. Nothing is asked of the store yet.
pub(super) fn connect(url: &S3Url, patience: Duration) -> Result<Arc<dyn ObjectStore>, Fault> {
    // What it takes is limited request by request, by their size.
    let client = ClientOptions::new()
        .with_timeout_disabled()
        .with_connect_timeout(patience / 2)
        .with_pool_idle_timeout(IDLE)
        // Where the endpoint says so; without one it is https.
        .with_allow_http(true);
    // It would send a conditional write again and take its own success for somebody else's.
    let retry = RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    };
    let built = match url.service {
        Service::S3 => amazon(url, client, retry),
        Service::Google => google(url, client, retry),
        Service::Azure => azure(url, client, retry),
    };
    built.map_err(|error| {
        Fault::said(format!(
            "{url} cannot be used as it stands, or the environment has what does not fit: {}",
            match error {
                object_store::Error::Generic { .. } =>
                    "a setting is missing or malformed".to_owned(),
                other => other.to_string(),
            }
        ))
    })
}

type Built = Result<Arc<dyn ObjectStore>, object_store::Error>;

fn amazon(url: &S3Url, client: ClientOptions, retry: RetryConfig) -> Built {
    let mut builder = match &url.keys {
        // Not beside a session token of the environment, which belongs to other keys.
        Some(keys) => AmazonS3Builder::new()
            .with_access_key_id(&keys.key)
            .with_secret_access_key(&keys.secret),
        None => AmazonS3Builder::from_env(),
    };
    builder = builder
        .with_bucket_name(&url.bucket)
        .with_client_options(client)
        .with_retry(retry)
        .with_virtual_hosted_style_request(url.addressing == Addressing::Virtual);
    if let Some(region) = &url.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &url.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    Ok(Arc::new(builder.build()?))
}

fn google(url: &S3Url, client: ClientOptions, retry: RetryConfig) -> Built {
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(&url.bucket)
        .with_client_options(client)
        .with_retry(retry);
    if let Some(endpoint) = &url.endpoint {
        builder = builder.with_base_url(endpoint);
    }
    Ok(Arc::new(builder.build()?))
}

fn azure(url: &S3Url, client: ClientOptions, retry: RetryConfig) -> Built {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(&url.bucket)
        .with_client_options(client)
        .with_retry(retry);
    if let Some(account) = &url.account {
        builder = builder.with_account(account);
    }
    if let Some(endpoint) = &url.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    Ok(Arc::new(builder.build()?))
}
