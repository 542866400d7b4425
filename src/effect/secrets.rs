//! Where the value of a secret is read: a variable, a file, a vault, the secrets and parameters of AWS.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::sync::OnceCell;

use super::cx::Cx;
use super::primitive::Work;
use super::references;
use super::vault;
use crate::base::access::ResourceId;
use crate::base::error::{Error, Result};
use crate::base::redact;
use crate::base::secret::{Reference, Revealed};
use crate::base::suggest;

type Cell = Arc<OnceCell<Revealed>>;

/// What was fetched from elsewhere: once for the whole run, all the parts of one secret together.
#[derive(Debug, Default)]
pub(super) struct Fetched(Mutex<HashMap<(String, String), Cell>>);

impl Fetched {
    fn cell(&self, reference: &Reference) -> Result<Cell> {
        let key = (reference.provider.clone(), reference.parts().0.to_owned());
        let mut all = self.0.lock().map_err(|_| Error::bug("the table of secrets is poisoned"))?;
        Ok(Arc::clone(all.entry(key).or_default()))
    }
}

/// The value of a secret; from now on it is taken out of everything that is shown or kept.
pub(super) async fn read(cx: &Cx, reference: &Reference) -> Result<Revealed> {
    let value = match reference.family() {
        None => references::here(reference, &cx.host().project)?,
        Some(_) => references::trimmed(&elsewhere(cx, reference).await?),
    };
    let value = value.ok_or_else(|| references::no_value(reference, cx.resource()))?;
    cx.redactor().learn(reference, &value);
    Ok(Revealed::new(value))
}

/// A stored value made whole: the references in it are the secrets' present values.
pub(super) async fn whole(cx: &Cx, stored: &Value) -> Result<Value> {
    let mut named = Vec::new();
    redact::whole(stored, &mut |reference| {
        named.push(reference.clone());
        Ok(String::new())
    })?;
    let mut values = HashMap::new();
    for reference in named {
        let value = read(cx, &reference).await.map_err(|error| {
            error.fix("give the secret its value again: the record keeps only where it lies")
        })?;
        values.insert(reference, value);
    }
    redact::whole(stored, &mut |reference| {
        Ok(values.get(reference).map(|value| value.expose().to_owned()).unwrap_or_default())
    })
}

/// The value of a secret that another system keeps.
async fn elsewhere(cx: &Cx, reference: &Reference) -> Result<String> {
    reference.check()?;
    let cell = cx.host().secrets.cell(reference)?;
    let whole = cell.get_or_try_init(|| fetch(cx, reference)).await?;
    match reference.parts() {
        (_, None) => Ok(whole.expose().to_owned()),
        (_, Some(part)) => part_of(cx, reference, whole, part),
    }
}

/// Asks the keeper. Boxed, because a keeper's own settings may be secrets of another.
fn fetch<'a>(cx: &'a Cx, reference: &'a Reference) -> Work<'a, Revealed> {
    Box::pin(async move {
        let keeper = keeper(cx, reference)?;
        let at = cx.on_keeper(&keeper);
        let fetched = match reference.provider.as_str() {
            "vault" => vault::secret(&at, reference).await,
            #[cfg(feature = "aws")]
            "aws-sm" => super::aws::secrets::secret(&at, reference).await,
            #[cfg(feature = "aws")]
            "aws-ssm" => super::aws::secrets::parameter(&at, reference).await,
            provider => Err(Error::usage(format!("this build of playbook cannot read `{provider}:`"))
                .fix("build it with the feature `aws`")),
        };
        fetched.map_err(|mut error| {
            let what = std::mem::take(&mut error.what);
            error.what = format!("the secret `{reference}` of `{}` cannot be had", cx.resource());
            error.why = Some(match error.why.take() {
                Some(why) => format!("{what}: {why}"),
                None => what,
            });
            error
        })
    })
}

/// The resource that keeps the secret.
fn keeper(cx: &Cx, reference: &Reference) -> Result<ResourceId> {
    let environment = &cx.host().environment;
    let family = reference.family().unwrap_or_default();
    environment.keeper(family).cloned().ok_or_else(|| no_keeper(&environment.name, reference, family))
}

/// What is said of a secret whose keeper is none or not clear.
pub(super) fn no_keeper(environment: &str, reference: &Reference, family: &str) -> Error {
    Error::missing(format!("`{reference}` needs a resource `{family}` of [env.{environment}]")).fix(format!(
        "add [env.{environment}.{family}.main]; if there are several, say which with `{family} = \"{family}.main\"` in \
         [env.{environment}.secrets]"
    ))
}

/// One field of a secret that is a JSON object.
fn part_of(cx: &Cx, reference: &Reference, whole: &Revealed, part: &str) -> Result<String> {
    let what = || format!("the secret `{reference}` of `{}` cannot be had", cx.resource());
    let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(whole.expose()) else {
        return Err(Error::remote(what())
            .why("its value is no JSON object, so it has no parts")
            .fix(format!("leave out `#{part}`")));
    };
    match fields.get(part) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Null) => Ok(String::new()),
        Some(other) => Ok(other.to_string()),
        None => Err(Error::missing(what())
            .why(format!("it has no `{part}`"))
            .fix(suggest::advice(part, fields.keys().map(String::as_str)))),
    }
}
