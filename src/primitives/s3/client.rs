//! The connection to a bucket: whose keys, which address, how long to wait and how often to try again.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Builder, SharedHttpClient, StalledStreamProtectionConfig};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder as HttpBuilder, Connector};

use super::bucket::Bucket;
use super::settings::{Table, check_endpoint};
use crate::base::error::{Error, Result};
use crate::effect::aws::chain;
use crate::effect::cx::Cx;
use crate::sys::files;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How often a small request is tried in all: a person waits for it.
const TRIES: u32 = 3;
/// How often a piece of a long transfer is tried in all: hours of work hang on it. The pauses are of random lengths; those
/// of 8 tries together are shorter than ten seconds one time in fifty, those of 11 one time in ten thousand.
const PATIENT_TRIES: u32 = 11;
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// A file of certificates larger than this is something else.
const LARGEST_CA: u64 = 4 * 1024 * 1024;

/// The bucket of a call's resource; connected once for the whole run.
pub(super) async fn bucket(cx: &Cx) -> Result<Arc<Bucket>> {
    cx.shared(connect(cx)).await
}

async fn connect(cx: &Cx) -> Result<Bucket> {
    let table: Table = cx.settings()?;
    let bounds = table.bounds()?;
    let endpoint = match &table.endpoint {
        Some(endpoint) => Some(cx.text(endpoint).await?.expose().to_owned()),
        None => None,
    };
    endpoint.as_deref().map(check_endpoint).transpose()?;
    let path_style = table.path_style.unwrap_or(endpoint.is_some());
    let found = table.keys().find(cx).await?;
    let mut builder = Builder::from(&found.config).region(found.region);
    if let Some(endpoint) = &endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    if let Some(ca) = &table.ca {
        builder = builder.http_client(trusting(cx, ca)?);
    }
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(bounds.request_timeout);
    let retry = RetryConfig::standard().with_max_backoff(LONGEST_PAUSE);
    // To watch each of thousands of small bodies costs more than it finds; large ones are watched by themselves.
    let stalls = StalledStreamProtectionConfig::enabled().upload_enabled(false).build();
    let config = builder
        .stalled_stream_protection(stalls)
        .force_path_style(path_style)
        .timeout_config(timeouts.build())
        .retry_config(retry.clone().with_max_attempts(TRIES))
        .build();
    let patient = config.to_builder().retry_config(retry.with_max_attempts(PATIENT_TRIES)).build();
    Ok(Bucket {
        client: Client::from_conf(config),
        patient: Client::from_conf(patient),
        folder: table.folder(),
        name: table.bucket,
        resource: cx.resource().to_string(),
        table: cx.table(),
        endpoint,
        bounds,
        tidied: tokio::sync::OnceCell::new(),
        confirmed: tokio::sync::OnceCell::new(),
    })
}

/// A client that trusts the authorities of one file and nobody else.
fn trusting(cx: &Cx, ca: &str) -> Result<SharedHttpClient> {
    let path = cx.trusted_path(ca);
    let text = files::read_text(&path, LARGEST_CA)?;
    if !text.contains("BEGIN CERTIFICATE") {
        return Err(Error::usage(format!("{} holds no certificate", path.display()))
            .fix("name a PEM file with at least one `BEGIN CERTIFICATE` with `ca`"));
    }
    let trust = TrustStore::empty().with_pem_certificate(text.into_bytes());
    let context = TlsContext::builder().with_trust_store(trust).build();
    let context =
        context.map_err(|why| Error::usage("`ca` cannot be used").why(chain(&why)).fix("name a PEM file"))?;
    Ok(HttpBuilder::new().build_with_connector_fn(move |settings, parts| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(parts.and_then(|parts| parts.sleep_impl()));
        let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
        connector.tls_provider(provider).tls_context(context.clone()).build()
    }))
}
