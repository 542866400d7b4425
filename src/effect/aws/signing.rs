//! The signature that says whose request it is: AWS's own library makes it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;

use super::ask::Ask;
use super::chain;
use crate::base::error::{Error, Result};
use crate::sys::clock;
use crate::sys::http::Url;

/// The headers of a request, its signature among them.
pub(super) fn headers(
    ask: &Ask,
    url: &Url,
    region: &str,
    keys: &Credentials,
) -> Result<BTreeMap<String, String>> {
    let wrong = |why: &(dyn std::error::Error + 'static)| {
        Error::usage(format!("a request to {} cannot be signed", ask.service.name)).why(chain(why))
    };
    let mut headers = BTreeMap::new();
    if let Some(target) = &ask.target {
        headers.insert("x-amz-target".to_owned(), target.clone());
    }
    let identity = keys.clone().into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(ask.service.word)
        .time(SystemTime::from(clock::now()))
        .settings(SigningSettings::default())
        .build()
        .map_err(|why| wrong(&why))?
        .into();
    let (kind, body) = ask.content.as_ref().map_or(("", ""), |(kind, body)| (*kind, body.as_str()));
    let named = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let named = named.chain((!kind.is_empty()).then_some(("content-type", kind)));
    let body = SignableBody::Bytes(body.as_bytes());
    let request = SignableRequest::new(ask.method.as_str(), url.as_str(), named, body);
    let signed = sign(request.map_err(|why| wrong(&why))?, &parameters).map_err(|why| wrong(&why))?;
    let (signed, _) = signed.into_parts();
    let signed: Vec<_> = signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    headers.extend(signed);
    Ok(headers)
}
