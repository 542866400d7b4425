//! An account of AWS: its services are asked with signed requests, and what fails in passing is asked again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use serde_json::Value;

use super::ask::{Ask, Does, Service};
use super::failure::{Again, Failure};
use super::settings::{Table, address};
use super::{Element, keys, signing};
use crate::base::access::ResourceId;
use crate::base::effect::Effect;
use crate::base::error::{Error, Kind, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::sys::http::{Answer, Client, Request, Settings, Url};
use crate::sys::{clock, files};

/// A file of certificates larger than this is a mistake.
const LARGEST_CA: u64 = 4 * 1024 * 1024;
/// An answer longer than this is none that is asked for, in bytes.
const LARGEST_ANSWER: usize = 8 * 1024 * 1024;
/// Keys that end within this time are fetched anew.
const ENDING: Duration = Duration::from_secs(300);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// The connection to an account.
#[derive(Debug)]
pub struct Account {
    /// The table of `playbook.toml` that declares it.
    pub table: String,
    /// Its region.
    pub region: String,
    provider: SharedCredentialsProvider,
    endpoint: Option<Url>,
    authorities: Option<String>,
    patience: Duration,
    keys: tokio::sync::Mutex<Option<Credentials>>,
    clients: Mutex<HashMap<String, Client>>,
}

/// The account that another resource names in its settings.
pub async fn open(cx: &Cx, account: &ResourceId) -> Result<Arc<Account>> {
    if account.family != "aws" {
        return Err(Error::usage(format!("`account` of {} is no account of AWS", cx.table()))
            .fix("name a resource of `aws`: account = \"aws.main\""));
    }
    own(&cx.on(account, Effect::Read)?).await
}

/// The account that the call's own resource is; connected once for the whole run.
pub async fn own(cx: &Cx) -> Result<Arc<Account>> {
    cx.shared(connect(cx)).await
}

async fn connect(cx: &Cx) -> Result<Account> {
    let table: Table = cx.settings()?;
    let endpoint = match &table.endpoint {
        Some(endpoint) => Some(address(cx.text(endpoint).await?.expose())?),
        None => None,
    };
    let authorities = match &table.ca {
        Some(path) => Some(files::read_text(&cx.trusted_path(path), LARGEST_CA)?),
        None => None,
    };
    let found = table.keys().find(cx).await?;
    let provider = match &table.role {
        None => found.provider,
        Some(role) => {
            let mut config = aws_config::defaults(keys::behavior())
                .region(found.region.clone())
                .credentials_provider(found.provider);
            if let Some(endpoint) = &endpoint {
                config = config.endpoint_url(endpoint.as_str());
            }
            let role = aws_config::sts::AssumeRoleProvider::builder(role).session_name(session(cx));
            SharedCredentialsProvider::new(role.configure(&config.load().await).build().await)
        }
    };
    Ok(Account {
        table: cx.table(),
        region: found.region.to_string(),
        provider,
        endpoint,
        authorities,
        patience: table.patience()?,
        keys: tokio::sync::Mutex::default(),
        clients: Mutex::default(),
    })
}

/// What the role's sessions are called, for whoever reads the trail: letters and digits alone are surely taken.
fn session(cx: &Cx) -> String {
    let name = format!("playbook-{}", cx.run());
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(64).collect()
}

impl Account {
    /// The answer in JSON; `doing` completes "could not …" where there is none.
    pub async fn json(&self, cx: &Cx, doing: &str, ask: &Ask) -> Result<Value> {
        let answer = self.answer(cx, doing, ask).await?;
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.body).map_err(|why| self.unreadable(cx, doing, &why.to_string()))
    }

    /// The answer in XML; `doing` completes "could not …" where there is none.
    pub async fn xml(&self, cx: &Cx, doing: &str, ask: &Ask) -> Result<Element> {
        let answer = self.answer(cx, doing, ask).await?;
        let text = String::from_utf8_lossy(&answer.body);
        Element::read(&text)
            .map_err(|error| self.unreadable(cx, doing, error.why.as_deref().unwrap_or_default()))
    }

    fn unreadable(&self, cx: &Cx, doing: &str, why: &str) -> Error {
        Error::remote(format!("`{}` could not {doing}", cx.resource()))
            .why(format!("the answer cannot be read: {why}"))
            .fix(format!("check that `endpoint` of {} speaks for AWS", self.table))
    }

    async fn answer(&self, cx: &Cx, doing: &str, ask: &Ask) -> Result<Answer> {
        let mut tried = 0;
        loop {
            tried += 1;
            let Failure { error, again } = match self.once(cx, doing, ask).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let tries = match again {
                Again::Never => 1,
                Again::Slow => 2,
                Again::Passing => 3,
                Again::Throttled => 6,
            };
            if tried >= tries {
                return Err(error);
            }
            cx.pause(Duration::from_millis(125 << tried).min(LONGEST_PAUSE)).await?;
        }
    }

    async fn once(&self, cx: &Cx, doing: &str, ask: &Ask) -> Result<Answer, Failure> {
        let url = self.url(ask)?;
        let region = if ask.service.is_global { "us-east-1" } else { &self.region };
        let headers = signing::headers(ask, &url, region, &self.keys(cx).await?)?;
        let request = Request::new(ask.method.clone(), url.clone(), &headers, ask.body())?;
        let client = self.client(&url)?;
        let sent = tokio::time::timeout(self.patience, client.send(request, LARGEST_ANSWER)).await;
        let what = format!("`{}` could not {doing}", cx.resource());
        match sent {
            Ok(Ok(answer)) if (200..300).contains(&answer.status) => Ok(answer),
            Ok(Ok(answer)) => Err(self.refused(what, ask, &answer)),
            Ok(Err(error)) => Err(self.unanswered(what, ask, error)),
            Err(_) => Err(self.silent(what, ask)),
        }
    }

    fn silent(&self, what: String, ask: &Ask) -> Failure {
        let waited = text::show_duration(self.patience);
        let error = Error::timeout(what)
            .why(format!("{} gave no answer within {waited}", ask.service.name))
            .fix(format!("check the network, or give it longer with `request_timeout` of {}", self.table));
        let again = if ask.does == Does::ChangeOnce { Again::Never } else { Again::Slow };
        Failure { error, again }
    }

    /// There was no answer: nothing was sent, or it broke off.
    fn unanswered(&self, what: String, ask: &Ask, mut error: Error) -> Failure {
        let is_sent = error.details.get("sent") == Some(&Value::Bool(true));
        let why = error.why.take().unwrap_or_default();
        let said =
            error.what.split_once(" failed: ").map_or(error.what.as_str(), |(_, said)| said).to_owned();
        error.why = Some(if why.is_empty() { said } else { format!("{said}: {why}") });
        error.what = what;
        error.fix = Some(format!("check `region` and `endpoint` of {}, and the network", self.table));
        if is_sent && ask.does != Does::Read {
            error.kind = Kind::InDoubt;
        }
        let again = if is_sent && ask.does == Does::ChangeOnce { Again::Never } else { Again::Passing };
        Failure { error, again }
    }

    /// The keys as they are now.
    async fn keys(&self, cx: &Cx) -> Result<Credentials> {
        let mut have = self.keys.lock().await;
        let soon = SystemTime::from(clock::now()) + ENDING;
        if let Some(keys) = have.as_ref().filter(|keys| keys.expiry().is_none_or(|end| end > soon)) {
            return Ok(keys.clone());
        }
        let keys = keys::reveal(cx, &self.provider).await?;
        Ok(have.insert(keys).clone())
    }

    fn url(&self, ask: &Ask) -> Result<Url> {
        let mut url = match &self.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => {
                let host = self.host(&ask.service);
                let wrong = || {
                    Error::usage(format!("`{}` is no region", self.region))
                        .fix(format!("correct `region` of {}", self.table))
                };
                format!("https://{host}").parse().map_err(|_| wrong())?
            }
        };
        url.set_path(&ask.path);
        url.set_query((!ask.query.is_empty()).then_some(ask.query.as_str()));
        Ok(url)
    }

    fn host(&self, service: &Service) -> String {
        let end = if self.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        match service.is_global {
            true => format!("{}.{end}", service.host),
            false => format!("{}.{}.{end}", service.host, self.region),
        }
    }

    /// The client for the host of an address.
    fn client(&self, url: &Url) -> Result<Client> {
        let mut base = url.clone();
        base.set_path("/");
        base.set_query(None);
        let mut clients = self.clients.lock().map_err(|_| Error::bug("the table of clients is poisoned"))?;
        if let Some(client) = clients.get(base.as_str()) {
            return Ok(client.clone());
        }
        let client = Client::new(Settings {
            name: self.table.clone(),
            base: base.clone(),
            headers: Vec::new(),
            authorization: None,
            authorities: self.authorities.clone(),
            follow: 0,
        })?;
        clients.insert(base.to_string(), client.clone());
        Ok(client)
    }
}
