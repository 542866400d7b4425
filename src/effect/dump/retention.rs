//! Retention: of the dumps of one database that lie beside each other, the newest stay.

use std::num::NonZeroU32;

use futures::{StreamExt as _, TryStreamExt as _};

use super::mark::Mark;
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;
use crate::effect::store::Store;

/// How many objects are looked at at once.
const AT_ONCE: usize = 8;

/// What became of the dumps that were too many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// The keys of those that were removed.
    pub removed: Vec<String>,
    /// The key of each that could not be removed, and why.
    pub not_removed: Vec<(String, String)>,
}

impl Retained {
    fn tell(&mut self, cx: &Cx, what: &str, why: &Error) {
        cx.line(true, &format!("`{what}` was not removed: {why}"));
        self.not_removed.push((what.to_owned(), why.to_string()));
    }
}

/// Removes the oldest dumps of the database `of` beside `key`, as far as there are more than `keep`. The one under
/// `key` was verified just now: it counts as the newest, and is never removed. Whatever does not carry the mark of
/// this very database is neither counted nor touched. The new dump is safe whatever fails here, so a failure is told
/// and nothing else.
pub(super) async fn retain(
    cx: &Cx,
    store: &dyn Store,
    (key, of): (&str, &str),
    keep: NonZeroU32,
) -> Retained {
    let mut retained = Retained::default();
    match surplus(cx, store, (key, of), keep).await {
        Err(why) => retained.tell(cx, folder(key), &why),
        Ok(surplus) => {
            for old in surplus {
                let stopped = cx.stop().reason().map_or(Ok(()), Err);
                let removed = if stopped.is_ok() { store.remove(&old).await } else { stopped };
                match removed {
                    Ok(()) => retained.removed.push(old),
                    Err(why) => retained.tell(cx, &old, &why),
                }
            }
        }
    }
    retained
}

/// The keys that are too many, oldest first.
async fn surplus(
    cx: &Cx,
    store: &dyn Store,
    (key, of): (&str, &str),
    keep: NonZeroU32,
) -> Result<Vec<String>> {
    let beside = store.list(folder(key)).await?;
    let beside = beside.into_iter().map(|object| object.key);
    let beside = beside.filter(|other| other != key && folder(other) == folder(key));
    let look = |other: String| async move {
        cx.stop().reason().map_or(Ok(()), Err)?;
        // What cannot be read is not known to be a dump.
        Ok(Mark::read(store, &other).await.unwrap_or(None).map(|mark| (mark, other)))
    };
    let looked = futures::stream::iter(beside.map(look)).buffer_unordered(AT_ONCE);
    let marked: Vec<Option<(Mark, String)>> = looked.try_collect().await?;
    let mut dumps: Vec<(jiff::Timestamp, String)> = marked
        .into_iter()
        .flatten()
        .filter(|(mark, _)| mark.of == of)
        .filter_map(|(mark, other)| Some((mark.at.parse().ok()?, other)))
        .collect();
    dumps.sort();
    let surplus = (dumps.len() + 1).saturating_sub(keep.get() as usize);
    Ok(dumps.into_iter().take(surplus).map(|(_, old)| old).collect())
}

/// What a key begins with as far as its last `/`.
fn folder(key: &str) -> &str {
    key.rfind('/').map_or("", |end| &key[..=end])
}
