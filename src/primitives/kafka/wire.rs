//! One connection to one broker: a request, its answer, in the newest version that both sides know.

use std::collections::HashMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, FindCoordinatorRequest, FindCoordinatorResponse,
    ListOffsetsRequest, ListOffsetsResponse, MetadataRequest, MetadataResponse, OffsetFetchRequest,
    OffsetFetchResponse, RequestHeader, ResponseHeader, SaslAuthenticateRequest, SaslAuthenticateResponse,
    SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::login::Login;
use crate::base::error::{Error, Result};
use crate::base::text::show_duration;
use crate::sys::net::{Address, Stream};
use crate::sys::tls::{self, Trust};

/// A longer answer is none that was asked for; in bytes.
const LONGEST: usize = 64 * 1024 * 1024;

/// A request, and what answers it.
pub(super) trait Request: Encodable + HeaderVersion {
    /// Its number.
    const KEY: i16;
    /// Its answer.
    type Response: Decodable + HeaderVersion;
}

/// Says which answer belongs to which request.
macro_rules! request {
    ($key:ident, $request:ident, $response:ident) => {
        impl Request for $request {
            const KEY: i16 = ApiKey::$key as i16;
            type Response = $response;
        }
    };
}

request!(ApiVersions, ApiVersionsRequest, ApiVersionsResponse);
request!(Metadata, MetadataRequest, MetadataResponse);
request!(FindCoordinator, FindCoordinatorRequest, FindCoordinatorResponse);
request!(OffsetFetch, OffsetFetchRequest, OffsetFetchResponse);
request!(ListOffsets, ListOffsetsRequest, ListOffsetsResponse);
request!(SaslHandshake, SaslHandshakeRequest, SaslHandshakeResponse);
request!(SaslAuthenticate, SaslAuthenticateRequest, SaslAuthenticateResponse);

/// How every broker of a cluster is come to.
pub(super) struct Door {
    /// Whom an encrypted connection trusts; `None` for one that is not.
    pub(super) trust: Option<Trust>,
    /// Who wants to be let in.
    pub(super) login: Option<Login>,
    /// How long each step may take.
    pub(super) within: Duration,
}

/// A connection.
pub(super) struct Broker {
    pub(super) name: String,
    address: Address,
    within: Duration,
    stream: Stream,
    number: i32,
    /// The newest version of each request that the broker knows.
    newest: HashMap<i16, i16>,
}

impl Broker {
    /// Connects, learns what the broker knows, and logs in.
    pub(super) async fn connect(name: &str, address: Address, door: &Door) -> Result<Self> {
        let within = door.within;
        let stream = tls::connect(name, &address, door.trust.as_ref(), within).await?;
        let mut broker =
            Self { name: name.to_owned(), address, within, stream, number: 0, newest: HashMap::new() };
        let told = broker.exchange(ApiVersionsRequest::default(), 0).await?;
        broker.newest = told.api_keys.iter().map(|one| (one.api_key, one.max_version)).collect();
        if let Some(login) = &door.login {
            login.show(&mut broker).await?;
        }
        Ok(broker)
    }

    /// The newest version of a request that the broker knows, at most `most`.
    pub(super) fn version<R: Request>(&self, most: i16) -> i16 {
        self.newest.get(&R::KEY).map_or(0, |newest| most.min(*newest))
    }

    /// Asks, in version `most` or the newest before it that the broker knows.
    pub(super) async fn ask<R: Request>(&mut self, request: R, most: i16) -> Result<R::Response> {
        let newest = self.newest.get(&R::KEY).copied().ok_or_else(|| {
            Error::remote(format!("`{}` at {} does not know that request", self.name, self.address))
                .why(format!("its list of requests lacks number {}", R::KEY))
        })?;
        self.exchange(request, most.min(newest)).await
    }

    pub(super) async fn exchange<R: Request>(&mut self, request: R, version: i16) -> Result<R::Response> {
        self.number += 1;
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.number)
            .with_client_id(Some(StrBytes::from_static_str("playbook")));
        let wrong = |why: String| Error::bug("a request to Kafka cannot be written").why(why);
        let mut body = BytesMut::new();
        header.encode(&mut body, R::header_version(version)).map_err(|why| wrong(why.to_string()))?;
        request.encode(&mut body, version).map_err(|why| wrong(why.to_string()))?;
        let length = i32::try_from(body.len()).map_err(|why| wrong(why.to_string()))?;
        let answered = tokio::time::timeout(self.within, async {
            self.stream.write_all(&length.to_be_bytes()).await?;
            self.stream.write_all(&body).await?;
            let length = usize::try_from(self.stream.read_i32().await?).unwrap_or(usize::MAX);
            if length > LONGEST {
                return Err(std::io::Error::other("that is no Kafka"));
            }
            let mut answer = vec![0; length];
            self.stream.read_exact(&mut answer).await?;
            Ok(answer)
        })
        .await;
        let (name, address) = (&self.name, &self.address);
        let answer = match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(why)) => {
                return Err(Error::remote(format!("`{name}` at {address} broke the connection off"))
                    .why(why.to_string())
                    .fix("check that this port is Kafka's, and whether it wants `tls` or a `user`"));
            }
            Err(_) => {
                return Err(Error::remote(format!("`{name}` at {address} does not answer"))
                    .why(format!("nothing came within {}", show_duration(self.within)))
                    .fix("see whether the broker hangs; `answer_within` sets how long to wait"));
            }
        };
        let unreadable = |why: String| {
            Error::remote(format!("the answer of `{name}` at {address} cannot be read")).why(why)
        };
        let mut answer = Bytes::from(answer);
        let header = ResponseHeader::decode(&mut answer, R::Response::header_version(version))
            .map_err(|why| unreadable(why.to_string()))?;
        if header.correlation_id != self.number {
            return Err(unreadable("it is the answer to another request".to_owned()));
        }
        R::Response::decode(&mut answer, version).map_err(|why| unreadable(why.to_string()))
    }
}
