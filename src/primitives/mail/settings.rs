//! The settings of a mail server, and the connection made of them.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use schemars::JsonSchema;
use serde::Deserialize;

use super::failure;
use crate::base::error::{Error, Result};
use crate::base::secret::{Secret, Setting};
use crate::effect::cx::Cx;
use crate::effect::health::Health;
use crate::sys::files;

/// How long a single answer of the server may take.
const ANSWER: Duration = Duration::from_secs(20);
/// A file of certificates larger than this is a mistake.
const LARGEST_CA: u64 = 4 * 1024 * 1024;

/// A mail server, and who writes to whom.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// The server's name
    pub(super) host: String,
    /// Who writes: "deploys@example.com" or "Deploys <deploys@example.com>"
    from: String,
    /// Who is written to, unless a call says otherwise
    #[serde(default)]
    to: Vec<String>,
    /// Its port; 587 for `starttls`, 465 for `tls`, 25 for `none` when left out
    port: Option<u16>,
    /// How the connection is encrypted
    #[serde(default)]
    encryption: Encryption,
    /// The user, where the server wants one
    user: Option<Setting>,
    /// The user's password
    password: Option<Secret>,
    /// The file of a further authority's certificate, PEM, beside those the machine trusts
    ca: Option<String>,
    /// What this machine calls itself; its own name when left out
    hello: Option<String>,
    /// The address of a run's page, with `{run}` for its id; each mail links to it
    pub(super) run_url: Option<String>,
}

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Encryption {
    /// It begins in clear and must become TLS before anything is said
    #[default]
    Starttls,
    /// TLS from the first byte
    Tls,
    /// None; without a password only
    None,
}

/// What is wrong with the table, as far as no secret is needed.
pub(super) fn check(value: &serde_json::Value) -> Result<(), String> {
    let table = Table::deserialize(value).map_err(|why| why.to_string())?;
    for address in table.to.iter().chain([&table.from]) {
        address.parse::<Mailbox>().map_err(|_| format!("`{address}` is no address of a person"))?;
    }
    match (&table.user, &table.password) {
        (Some(_), None) => return Err("it has a `user` but no `password`".into()),
        (None, Some(_)) => return Err("it has a `password` but no `user`".into()),
        (Some(_), Some(_)) if table.encryption == Encryption::None => {
            return Err(
                "a password would travel in clear; set `encryption` to \"starttls\" or \"tls\"".into()
            );
        }
        _ => {}
    }
    Ok(())
}

/// A connection to a mail server, made when something is sent.
pub(super) struct Post {
    /// Its settings.
    pub(super) table: Table,
    /// The connection.
    pub(super) transport: AsyncSmtpTransport<Tokio1Executor>,
    /// Where it leads, for errors: `host:port`.
    pub(super) place: String,
}

impl Post {
    /// The mail server of the call's resource.
    pub(super) async fn of(cx: &Cx) -> Result<Self> {
        let table: Table = cx.settings()?;
        let usual = match table.encryption {
            Encryption::Starttls => 587,
            Encryption::Tls => 465,
            Encryption::None => 25,
        };
        let port = table.port.unwrap_or(usual);
        let tls = match table.encryption {
            Encryption::Starttls => Tls::Required(trust(cx, &table)?),
            Encryption::Tls => Tls::Wrapper(trust(cx, &table)?),
            Encryption::None => Tls::None,
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&table.host);
        let mut builder = builder.port(port).tls(tls).timeout(Some(ANSWER));
        if let Some(hello) = &table.hello {
            builder = builder.hello_name(ClientId::Domain(hello.clone()));
        }
        if let (Some(user), Some(password)) = (&table.user, &table.password) {
            let (user, password) = (cx.text(user).await?, cx.reveal(password).await?);
            builder =
                builder.credentials(Credentials::new(user.expose().to_owned(), password.expose().to_owned()));
        }
        let place = format!("{}:{port}", table.host);
        Ok(Self { transport: builder.build(), table, place })
    }

    /// Who writes.
    pub(super) fn from(&self) -> Result<Mailbox> {
        address(&self.table.from)
    }

    /// Who is written to: those of the call, or else those of the settings.
    pub(super) fn to(&self, cx: &Cx, asked: &[String]) -> Result<Vec<Mailbox>> {
        let all = if asked.is_empty() { &self.table.to } else { asked };
        if all.is_empty() {
            return Err(Error::usage(format!("`{}` is told nobody to write to", cx.resource()))
                .fix(format!("give `to: [\"…\"]`, or set `to` in {}", cx.table())));
        }
        all.iter().map(|text| address(text)).collect()
    }
}

/// Reads the address of a person.
pub(super) fn address(text: &str) -> Result<Mailbox> {
    text.parse().map_err(|why: lettre::address::AddressError| {
        Error::usage(format!("`{text}` is no address of a person"))
            .why(why.to_string())
            .fix("write for example \"name@example.com\" or \"Name <name@example.com>\"")
    })
}

fn trust(cx: &Cx, table: &Table) -> Result<TlsParameters> {
    let mut builder = TlsParameters::builder(table.host.clone());
    if let Some(path) = &table.ca {
        let pem = files::read_text(&cx.trusted_path(path), LARGEST_CA)?;
        let certificate = Certificate::from_pem(pem.as_bytes()).map_err(|why| {
            Error::usage(format!("`ca` of `{}` holds no certificate", cx.resource()))
                .why(why.to_string())
                .fix("name a file in PEM form, with BEGIN CERTIFICATE")
        })?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|why| {
        Error::usage(format!("no encryption can be set up for `{}`", cx.resource()))
            .why(failure::causes(&why))
    })
}

/// Connects, encrypts and logs in; nothing is sent.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let post = Post::of(&cx).await?;
    post.transport
        .test_connection()
        .await
        .map_err(|why| failure::told(&cx, &post.place, "log in", &why))
        .map_or_else(Health::or_refused, |_| {
            let to = post.table.to.len();
            Ok(Health::reached()
                .version("SMTP")
                .fact(format!("at {}", post.place))
                .fact(format!("{to} recipients"))
                .permitted())
        })
}
