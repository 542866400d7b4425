//! `count` and `invalidate`: all keys of a pattern, on all masters at once, without other clients noticing.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::pattern;
use super::session::Session;
use super::settings::Table;
use super::sweep::{self, Order};
use crate::base::access::ResourceId;
use crate::base::call::Inverse;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::environment::Resource;
use crate::effect::primitive::Primitive;

/// So many keys are looked at in one turn at most, unless the call says otherwise.
const BATCH: usize = 1000;
/// More in one turn would keep a server busy for longer than clients forgive.
const LARGEST_BATCH: usize = 10_000;

/// Counts the keys that match a pattern. It looks at every key there is, a few at a time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Count {
    /// The pattern, as Redis reads it: `*` for anything, `?` for one character, `[ab]` for one of these, `\*` for `*`
    pattern: String,
}

impl Primitive for Count {
    const NAME: &'static str = "count";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLE: &'static str = r#"redis("cache").count("user:*")"#;
    const TIMEOUT: Duration = Duration::from_secs(300);

    fn plan(&self, resource: &ResourceId) -> String {
        format!("count the keys `{}` of {resource}", self.pattern)
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        pattern::check(&self.pattern)?;
        let session = Session::open(&cx).await?;
        let order = Order { pattern: self.pattern, batch: BATCH, removes: false, rate: None };
        Ok(sweep::run(session, order).await?.matched.into())
    }
}

/// Removes every key that matches a pattern, on all masters of a cluster at once, and gives `#{ matched, removed, took_ms }`.
/// The keys are looked for and removed a few at a time, fewer where the server is busy, so that its other clients do not
/// notice; `rate` bounds it further.
///
/// It is for copies of what stands elsewhere: the keys are not kept, and a run that fails after it says that they are gone
/// and ends with exit code 6. Where a cache that fills itself again is nothing lost, say so with `stays: true`. Where the
/// copies made meanwhile would be wrong after a rollback, invalidate them again in the `rollback { … }` of the step
/// that changed what they are copies of. On a resource marked `production`, a pattern such as `*`, with no letter and no
/// digit of its own, is refused without `confirm`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Invalidate {
    /// The pattern, as Redis reads it: `*` for anything, `?` for one character, `[ab]` for one of these, `\*` for `*`
    pattern: String,
    /// The name of the resource, to say that a pattern such as `*` is meant, and meant for this one
    #[serde(default)]
    confirm: Option<String>,
    /// How many keys to remove in a second at most; without it as many as other clients do not notice
    #[serde(default)]
    #[schemars(range(min = 1))]
    rate: Option<u64>,
    /// How many keys to look at, and to remove, in one turn at most: 1 to 10000
    #[serde(default = "batch")]
    #[schemars(range(min = 1, max = 10_000))]
    batch: usize,
}

const fn batch() -> usize {
    BATCH
}

impl Primitive for Invalidate {
    const NAME: &'static str = "invalidate";
    // What is removed cannot be had again from the system itself, which is what `destroy` means. That most of it can be
    // had from elsewhere only the team knows, and says so by granting it.
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLE: &'static str = r#"let gone = redis("cache").invalidate("user:*", #{ rate: 50_000 });"#;
    const NO_PROBE: Option<&'static str> =
        Some("keys that are there afterwards may have been set since; to delete them again does no harm");
    const TIMEOUT: Duration = Duration::from_secs(600);
    const IDEMPOTENT: bool = true;

    fn plan(&self, resource: &ResourceId) -> String {
        let rate = self.rate.map(|rate| format!(", at most {rate} a second")).unwrap_or_default();
        format!("remove every key `{}` of {resource}{rate}", self.pattern)
    }

    fn forbidden(&self, resource: &Resource, environment: &str) -> Option<Error> {
        let table = Table::deserialize(&resource.settings).ok()?;
        let named = format!("[env.{environment}.{}]", resource.id);
        self.permitted((&resource.id, &named), table.is_production(environment)).err()
    }

    async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let session = Session::open(cx).await?;
        self.permit(cx, &session)?;
        let now = sweep::estimate(session, &self.pattern).await?;
        Ok(Inverse::none(format!("{now} match now, and are not kept: a cache fills itself again")))
    }

    async fn run(self, cx: Cx) -> Result<Value> {
        let session = Session::open(&cx).await?;
        self.permit(&cx, &session)?;
        let begin = cx.instant();
        let order = Order { pattern: self.pattern, batch: self.batch, removes: true, rate: self.rate };
        let done = sweep::run(session, order).await?;
        let took = (begin.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        Ok(json!({ "matched": done.matched, "removed": done.removed, "took_ms": took }))
    }
}

impl Invalidate {
    /// Whether it may be done at all, as far as that can be told from the call and the resource.
    fn permit(&self, cx: &Cx, session: &Session) -> Result<()> {
        self.permitted((cx.resource(), &cx.table()), session.door.target.is_production)
    }

    fn permitted(&self, (id, table): (&ResourceId, &str), is_production: bool) -> Result<()> {
        pattern::check(&self.pattern)?;
        if !(1..=LARGEST_BATCH).contains(&self.batch) || self.rate == Some(0) {
            return Err(
                Error::usage("`batch` is a number from 1 to 10000, and `rate` one above 0").unchanged()
            );
        }
        let name = &id.name;
        if self.confirm.as_ref().is_some_and(|confirmed| confirmed != name) {
            return Err(Error::denied(format!("`confirm` names another resource than `{id}`"))
                .fix(format!("look twice, then write `confirm: \"{name}\"`"))
                .unchanged());
        }
        if !is_production || !pattern::spares_nothing(&self.pattern) || self.confirm.is_some() {
            return Ok(());
        }
        Err(Error::denied(format!("`{}` would remove everything from `{id}`", self.pattern))
            .why(format!(
                "{table} is marked `production`, and no letter or digit of the pattern spares any key"
            ))
            .fix(format!(
                "name a part of the keys, as in \"user:*\", or confirm it with `confirm: \"{name}\"`"
            ))
            .unchanged())
    }
}
