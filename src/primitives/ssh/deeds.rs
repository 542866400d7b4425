//! The family's own scripts as what is done on each host; nothing of them is shown.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::fan::Deed;
use super::fleet::Fleet;
use crate::sys::files;
use crate::sys::process::{Ended, Line};
use crate::sys::ssh::{Broken, Cut, Feed, Order};

/// How much of what a script says is kept, in bytes.
const KEEP: usize = 16 * 1024;

/// A script without input on each host.
pub(super) fn asking(arguments: Vec<String>, within: Duration) -> Deed<Ended> {
    Arc::new(move |fleet: &Fleet, target, patience| {
        fleet.with(target, patience, |session| {
            session.run(order(&arguments, Feed::Nothing), &patience.at_most(within), &|_: Line<'_>| {})
        })
    })
}

/// A script that is fed a file on each host.
pub(super) fn sending(arguments: Vec<String>, path: PathBuf, within: Duration) -> Deed<Ended> {
    Arc::new(move |fleet: &Fleet, target, patience| {
        fleet.with(target, patience, |session| {
            let unreadable = |why: String| Cut { why: Broken::Failed(why), began: false, left: None };
            let opened = files::open(&path).map_err(|why| unreadable(why.what.clone()))?;
            let (file, _) = opened.ok_or_else(|| unreadable(format!("{} is gone", path.display())))?;
            let order = order(&arguments, Feed::From(Box::new(file)));
            session.run(order, &patience.at_most(within), &|_: Line<'_>| {})
        })
    })
}

fn order(arguments: &[String], feed: Feed) -> Order {
    Order { arguments: arguments.to_vec(), folder: None, variables: Vec::new(), feed, keep: KEEP, mark: None }
}
