//! One question to a gRPC server, and why there is no answer.

use std::time::Duration;

use serde_json::{Value, json};
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::Table;
use crate::base::error::{Error, Result};
use crate::base::text::{parse_duration, show_duration};
use crate::effect::cx::Cx;
use crate::sys::{clock, files};

/// A file of certificates larger than this is a mistake.
const LARGEST_CA: u64 = 4 * 1024 * 1024;

/// The server of a resource.
pub(super) struct Server {
    name: String,
    endpoint: Endpoint,
    within: Duration,
}

impl Server {
    pub(super) async fn of(cx: &Cx) -> Result<Self> {
        let table: Table = cx.settings()?;
        let name = cx.resource().to_string();
        let url = cx.text(&table.url).await?.expose().to_owned();
        let wrong = || {
            Error::usage(format!("`url` of `{name}` is no address"))
                .fix("write for example \"http://127.0.0.1:50051\"")
        };
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(wrong());
        }
        let within = parse_duration(&table.answer_within)?;
        let is_encrypted = url.starts_with("https://");
        let mut endpoint =
            Endpoint::from_shared(url).map_err(|_| wrong())?.connect_timeout(within).timeout(within);
        if is_encrypted {
            let tls = match &table.ca {
                Some(path) => {
                    let pem = files::read_text(&cx.trusted_path(path), LARGEST_CA)?;
                    ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem))
                }
                None => ClientTlsConfig::new().with_native_roots(),
            };
            endpoint = endpoint.tls_config(tls).map_err(|why| wrong().why(causes(&why)))?;
        }
        Ok(Self { name, endpoint, within })
    }

    /// Asks once, on a connection of its own: a server that was restarted is met anew.
    pub(super) async fn ask(&self, service: &str) -> Result<Value> {
        let begin = clock::instant();
        let channel: Channel = self.endpoint.connect().await.map_err(|why| self.unreachable(&why))?;
        let request = HealthCheckRequest { service: service.to_owned() };
        let asked = HealthClient::new(channel).check(request).await;
        let status = match asked {
            Ok(answer) => match answer.into_inner().status() {
                ServingStatus::Serving => "SERVING",
                ServingStatus::NotServing => "NOT_SERVING",
                ServingStatus::ServiceUnknown => "SERVICE_UNKNOWN",
                ServingStatus::Unknown => "UNKNOWN",
            },
            Err(status) if status.code() == Code::NotFound => "SERVICE_UNKNOWN",
            Err(status) => return Err(self.refused(&status)),
        };
        let ms = (begin.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        Ok(json!({ "service": service, "status": status, "ms": ms }))
    }

    fn unreachable(&self, why: &tonic::transport::Error) -> Error {
        Error::remote(format!("`{}` cannot be reached at {}", self.name, self.endpoint.uri()))
            .why(causes(why))
            .fix("start the server, or correct `url` of that resource in playbook.toml")
    }

    fn refused(&self, status: &tonic::Status) -> Error {
        let told = Error::remote(format!("`{}` does not tell its health", self.name))
            .detail("code", format!("{:?}", status.code()));
        match status.code() {
            Code::Unimplemented => told
                .why("it does not implement grpc.health.v1.Health")
                .fix("add the health service to the server"),
            Code::DeadlineExceeded | Code::Cancelled => told
                .why(format!("nothing came within {}", show_duration(self.within)))
                .fix("see whether the server hangs; `answer_within` sets how long to wait"),
            code => told.why(format!("{code:?}: {}", status.message())),
        }
    }
}

/// An error with what caused it, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !told.contains(&more) {
            told = format!("{told}: {more}");
        }
        next = cause.source();
    }
    told
}
