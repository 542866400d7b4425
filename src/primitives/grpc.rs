//! A gRPC server: whether it says of its services that they serve, by the standard health protocol.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::secret::Setting;
use crate::base::text::{parse_duration, show_duration};
use crate::effect::cx::Cx;
use crate::effect::family::{Family, Settings};
use crate::effect::primitive::{Primitive, entry};
use crate::sys::files;

/// The register's line.
pub const FAMILY: Family = Family {
    name: "grpc",
    about: "A gRPC server that answers the standard health protocol: whether it, and each of its services, serves.",
    settings: Settings::of::<Table>(),
    entries: &[entry::<Status>(), entry::<Health>()],
    store: None,
    sql: None,
};

/// A file of certificates larger than this is a mistake.
const LARGEST_CA: u64 = 4 * 1024 * 1024;

/// One gRPC server.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The address: `http://127.0.0.1:50051`, or `https://…` with TLS
    url: Setting,
    /// The file of the authority's certificate, PEM, in place of those that the machine trusts
    ca: Option<String>,
    /// How long connecting, and then the answer, may take
    #[serde(default = "five_seconds")]
    answer_within: String,
}

fn five_seconds() -> String {
    "5s".to_owned()
}

/// Asks once for the health of a service and gives `#{ service, status, ms }`; `status` is `SERVING`, `NOT_SERVING`, `UNKNOWN`, or
/// `SERVICE_UNKNOWN` where the server knows no such service.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Status {
    /// The service, whole: `shop.v1.Orders`; empty for the server as a whole
    #[serde(default)]
    service: String,
}

impl Primitive for Status {
    const NAME: &'static str = "status";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str =
        r#"check "serving", grpc("orders").status("shop.v1.Orders").status == "SERVING";"#;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("ask {resource} for the health of {}", shown(&self.service))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        Server::of(&cx).await?.ask(&self.service).await
    }
}

/// Waits until a service is `SERVING`, or fails when `within` is over, telling what was seen last. Gives what `status` gives,
/// and `attempts`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Health {
    /// The service, whole: `shop.v1.Orders`; empty for the server as a whole
    #[serde(default)]
    service: String,
    /// How long it may take in all
    #[serde(default = "half_a_minute")]
    within: String,
    /// How long to pause between two tries
    #[serde(default = "half_a_second")]
    every: String,
}

fn half_a_minute() -> String {
    "30s".to_owned()
}

fn half_a_second() -> String {
    "500ms".to_owned()
}

impl Primitive for Health {
    const NAME: &'static str = "health";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"grpc("orders").health("shop.v1.Orders", #{ within: "60s" });"#;
    // It bounds itself by `within`.
    const TIMEOUT: Duration = Duration::from_secs(24 * 3600);
    const WAITS: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        format!("wait until {} of {resource} serves, at most {}", shown(&self.service), self.within)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let (within, every) = (parse_duration(&self.within)?, parse_duration(&self.every)?);
        let server = Server::of(&cx).await?;
        let begin = cx.instant();
        let (mut attempts, mut last) = (0_u64, "no try came to an end".to_owned());
        loop {
            attempts += 1;
            let left = within.saturating_sub(begin.elapsed());
            let asked = tokio::select! {
                asked = server.ask(&self.service) => asked,
                stopped = cx.pause(left) => { stopped?; break }
            };
            match asked {
                Ok(mut value) if value["status"] == "SERVING" => {
                    value["attempts"] = attempts.into();
                    return Ok(value);
                }
                Ok(value) => last = format!("it was {} last", value["status"].as_str().unwrap_or_default()),
                Err(error) => {
                    last =
                        error.why.as_ref().map_or(error.what.clone(), |why| format!("{}: {why}", error.what));
                }
            }
            if begin.elapsed() + every >= within {
                break;
            }
            cx.pause(every).await?;
        }
        Err(Error::timeout(format!(
            "{} of `{}` did not serve within {}, in {attempts} tries",
            shown(&self.service),
            cx.resource(),
            self.within
        ))
        .why(last)
        .fix("look at the server's own log, or give `within` more time"))
    }
}

fn shown(service: &str) -> &str {
    if service.is_empty() { "the server" } else { service }
}

/// The server of a resource.
struct Server {
    name: String,
    endpoint: Endpoint,
    within: Duration,
}

impl Server {
    async fn of(cx: &Cx) -> Result<Self> {
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
    async fn ask(&self, service: &str) -> Result<Value> {
        let begin = crate::sys::clock::instant();
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
