//! Where a dump goes and where one comes from: what the families say of both in the same words.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::checking::Verify;
use super::coding::Compression;
use super::refuse_taken;
use crate::base::access::{Access, ResourceId};
use crate::base::call::{Call, Inverse};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::store::{Object, Store};

/// Where a dump goes.
#[derive(Clone, Debug)]
pub struct Target {
    /// The store.
    pub store: ResourceId,
    /// The key that the dump will have.
    pub key: String,
    /// Whether an object that has this key already may be replaced.
    pub replace: bool,
    /// How it is compressed.
    pub compression: Compression,
    /// How it is verified before it is published.
    pub verify: Verify,
    /// How many dumps of the database stay beside it; all of them when this is not said.
    pub keep: Option<NonZeroU32>,
}

impl Target {
    /// Where an archive goes: read back whole, since it is small beside a database, and never one of several to be kept.
    #[must_use]
    pub fn archive(store: &ResourceId, key: &str, replace: bool, compression: Compression) -> Self {
        let (store, key) = (store.clone(), key.to_owned());
        Self { store, key, replace, compression, verify: Verify::Whole, keep: None }
    }

    /// How far the store has to be granted: only who removes something needs more than to write.
    fn effect(&self) -> Effect {
        if self.keep.is_some() { Effect::Destroy } else { Effect::Write }
    }

    /// What a call that dumps into it touches.
    #[must_use]
    pub fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        vec![Access::new(resource.clone(), Effect::Read), Access::new(self.store.clone(), self.effect())]
    }

    /// What will be done, in words for a plan.
    #[must_use]
    pub fn plan(&self, resource: &ResourceId) -> String {
        let then = match self.keep {
            Some(keep) => format!(", then remove the oldest beside it beyond {keep}"),
            None => String::new(),
        };
        format!(
            "dump `{resource}` to `{}` as `{}`, verified before it is published{then}",
            self.store, self.key
        )
    }

    /// A dump that was made stays: it is what one has when everything else goes wrong. One that was replaced is gone.
    pub async fn inverse(&self, cx: &Cx) -> Result<Inverse> {
        let replaces =
            self.replace && cx.store(&self.store, Effect::Read).await?.head(&self.key).await?.is_some();
        Ok(if replaces { Inverse::none("it replaced an older one, as asked") } else { Inverse::Nothing })
    }

    /// Whether a dump in doubt is there: nothing has the key that was not verified.
    pub async fn probe(&self, cx: &Cx) -> Result<Option<bool>> {
        let there = cx.store(&self.store, Effect::Read).await?.head(&self.key).await?.is_some();
        Ok((!self.replace || !there).then_some(there))
    }

    /// Opens the store, and refuses what could not end well, before any work is done.
    pub async fn open(&self, cx: &Cx) -> Result<Arc<dyn Store>> {
        if self.keep.is_some() && self.compression == Compression::None {
            return Err(Error::usage("`keep` knows dumps by the mark that only compressed ones carry")
                .fix("leave `compression` out, or remove old dumps by the store's own rules"));
        }
        let store = cx.store(&self.store, self.effect()).await?;
        refuse_taken(&*store, self).await?;
        Ok(store)
    }
}

/// Where a dump that is restored comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The store.
    pub store: ResourceId,
    /// Its key there.
    pub key: String,
    /// The key of the dump to go back to, in the same store.
    pub undo: Option<String>,
}

impl Origin {
    /// What a call that puts it in place of what `resource` holds touches.
    #[must_use]
    pub fn needs(&self, resource: &ResourceId) -> Vec<Access> {
        vec![Access::new(resource.clone(), Effect::Destroy), Access::new(self.store.clone(), Effect::Read)]
    }

    /// What will be done, in words for a plan.
    #[must_use]
    pub fn plan(&self, resource: &ResourceId) -> String {
        format!("replace what `{resource}` holds by the dump `{}` of `{}`", self.key, self.store)
    }

    /// The call of `verb` that goes back to the dump named for that, which has to be there.
    pub async fn inverse(&self, cx: &Cx, verb: &str) -> Result<Inverse> {
        let Some(undo) = &self.undo else {
            return Ok(Inverse::none(
                "what the database held is gone; `dump_to` first, and name that dump as `undo`",
            ));
        };
        if cx.store(&self.store, Effect::Read).await?.head(undo).await?.is_none() {
            return Err(Error::missing(format!("`{}` holds no `{undo}` to go back to", self.store)));
        }
        let call = Call::new(cx.resource().clone(), verb);
        Ok(Inverse::Call(call.with("store", self.store.to_string()).with("key", undo.as_str())))
    }

    /// The object that it is in the store.
    pub async fn object(&self, cx: &Cx) -> Result<Object> {
        let found = cx.store(&self.store, Effect::Read).await?.head(&self.key).await?;
        found.ok_or_else(|| {
            Error::missing(format!("`{}` has no object `{}`", self.store, self.key))
                .fix("list the store to see what it holds")
        })
    }
}
