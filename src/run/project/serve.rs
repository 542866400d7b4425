//! `[serve]` of `playbook.toml`: where the live page is served, and who may see and decide there.

use std::path::PathBuf;

use crate::base::document::{Document, Field};
use crate::base::error::Error;
use crate::base::secret::Reference;
use crate::base::suggest;
use crate::effect::people::People;

/// The keys of `[serve]`, of a token, and of `[serve.oidc]`.
const SERVE: &[&str] = &["listen", "url", "certificate", "key", "tokens", "oidc"];
const TOKEN: &[&str] = &["token", "person", "role"];
const OIDC: &[&str] = &["issuer", "client_id", "client_secret", "others", "ca"];

/// What somebody who is signed in may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look at everything.
    #[default]
    Viewer,
    /// Also decide at gates, as the person that they are.
    Approver,
}

/// How the live page is served.
#[derive(Clone, Debug, Default)]
pub struct Serve {
    /// Where it listens: `127.0.0.1:7420`.
    pub listen: Option<String>,
    /// How browsers reach it, when that is not where it listens.
    pub url: Option<String>,
    /// The chain of certificates, PEM.
    pub certificate: Option<PathBuf>,
    /// The private key, PEM.
    pub key: Option<PathBuf>,
    /// Who may come in with a token.
    pub tokens: Vec<Token>,
    /// Who vouches for people.
    pub oidc: Option<Oidc>,
}

/// A token that lets somebody in.
#[derive(Clone, Debug)]
pub struct Token {
    /// Its name in the file.
    pub name: String,
    /// Where its value lies.
    pub token: Reference,
    /// Who comes in with it; nobody in particular when it is not said.
    pub person: Option<String>,
    /// What they may do.
    pub role: Role,
}

/// An OpenID provider that vouches for people.
#[derive(Clone, Debug)]
pub struct Oidc {
    /// Its address, as it names itself.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// Where our password there lies; public clients have none.
    pub client_secret: Option<Reference>,
    /// Whether those whom the file does not know may look.
    pub others: bool,
    /// Certificates of further authorities, PEM.
    pub ca: Option<PathBuf>,
}

/// Takes the table `[serve]`.
pub(super) fn read(document: &Document<'_>, field: Field<'_, '_>, people: &People) -> Serve {
    let mut serve = Serve::default();
    for one in document.table(field).unwrap_or_default() {
        match one.name() {
            "listen" => serve.listen = document.string(one, "127.0.0.1:7420").map(str::to_owned),
            "url" => serve.url = document.string(one, "https://deploy.example.com").map(str::to_owned),
            "certificate" => serve.certificate = document.string(one, "tls/cert.pem").map(PathBuf::from),
            "key" => serve.key = document.string(one, "tls/key.pem").map(PathBuf::from),
            "tokens" => {
                let tokens = document.table(one).unwrap_or_default();
                serve.tokens = tokens.into_iter().filter_map(|one| token(document, one, people)).collect();
            }
            "oidc" => serve.oidc = oidc(document, one),
            _ => document.unknown(one, "`serve`", SERVE),
        }
    }
    serve
}

fn token(document: &Document<'_>, field: Field<'_, '_>, people: &People) -> Option<Token> {
    let (mut token, mut person, mut role) = (None, None, Role::Viewer);
    for one in document.table(field)? {
        match one.name() {
            "token" => token = document.parsed(one, "env:PLAYBOOK_TOKEN", here),
            "person" => person = document.parsed(one, "ada", |name| known(name, people)),
            "role" => role = document.parsed(one, "approver", named).unwrap_or_default(),
            _ => document.unknown(one, "a token", TOKEN),
        }
    }
    if role == Role::Approver && person.is_none() {
        let error = Error::usage("whoever approves is somebody");
        document
            .refuse(&field.key.span(), error.fix("add person = \"NAME\", one of the tables [people.NAME]"));
    }
    let Some(token) = token else {
        let error = Error::usage(format!("the token `{}` has no value", field.name()));
        document.refuse(&field.key.span(), error.fix("add token = \"env:NAME\" or token = \"file:PATH\""));
        return None;
    };
    Some(Token { name: field.name().to_owned(), token, person, role })
}

fn oidc(document: &Document<'_>, field: Field<'_, '_>) -> Option<Oidc> {
    let (mut issuer, mut client_id, mut client_secret, mut others, mut ca) = (None, None, None, false, None);
    for one in document.table(field)? {
        match one.name() {
            "issuer" => issuer = document.string(one, "https://id.example.com").map(str::to_owned),
            "client_id" => client_id = document.string(one, "playbook").map(str::to_owned),
            "client_secret" => client_secret = document.parsed(one, "env:OIDC_SECRET", here),
            "others" => others = document.boolean(one).unwrap_or_default(),
            "ca" => ca = document.string(one, "tls/ca.pem").map(PathBuf::from),
            _ => document.unknown(one, "`oidc`", OIDC),
        }
    }
    let (Some(issuer), Some(client_id)) = (issuer, client_id) else {
        let error = Error::usage("`oidc` needs an issuer and a client");
        document.refuse(&field.key.span(), error.fix("add issuer = \"https://…\" and client_id = \"…\""));
        return None;
    };
    Some(Oidc { issuer, client_id, client_secret, others, ca })
}

/// A reference that needs no environment to be read.
fn here(text: &str) -> Result<Reference, Error> {
    let reference: Reference = text.parse()?;
    match reference.family() {
        None => Ok(reference),
        Some(_) => {
            Err(Error::usage(format!("`{reference}` belongs to an environment, and the page to none"))
                .fix("write \"env:NAME\" or \"file:PATH\""))
        }
    }
}

fn known(name: &str, people: &People) -> Result<String, Error> {
    if people.persons.contains_key(name) {
        return Ok(name.to_owned());
    }
    Err(Error::usage(format!("`{name}` is no person of this file"))
        .fix(suggest::advice(name, people.persons.keys().map(String::as_str))))
}

fn named(text: &str) -> Result<Role, Error> {
    match text {
        "viewer" => Ok(Role::Viewer),
        "approver" => Ok(Role::Approver),
        _ => Err(Error::usage(format!("`{text}` is no role")).fix("write \"viewer\" or \"approver\"")),
    }
}
