//! The group as other families reach it: one host, one command.

use std::sync::Arc;

use async_trait::async_trait;

use super::fleet::Fleet;
use super::trouble::Trouble;
use crate::base::error::{Error, Result};
use crate::base::secret::Revealed;
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::hosts::{Hosts, Task, broken};
use crate::effect::primitive::Work;
use crate::effect::store::Content;
use crate::sys::blocking;
use crate::sys::pipe;
use crate::sys::process::{Ended, Line, Status};
use crate::sys::ssh::{Broken, Cut, Feed, Hold, Order, Patience, Target, leash};

/// How much of an output is kept for whoever asked, in bytes.
const KEEP: usize = 4 * 1024 * 1024;

/// Opens the group.
pub(super) fn hosts(cx: Cx) -> Work<'static, Arc<dyn Hosts>> {
    Box::pin(async move {
        let table: super::settings::Table = cx.settings()?;
        let (fleet, variables) = (super::fleet(&cx).await?, table.variables(&cx).await?);
        Ok(Arc::new(Door { cx, fleet, variables, folder: table.folder }) as Arc<dyn Hosts>)
    })
}

struct Door {
    cx: Cx,
    fleet: Arc<Fleet>,
    variables: Vec<(String, Revealed)>,
    folder: Option<String>,
}

impl Door {
    fn order(&self, task: &Task) -> Order {
        let set = |name: &String| task.variables.iter().any(|(other, _)| other == name);
        let mut variables: Vec<_> = self.variables.iter().filter(|(name, _)| !set(name)).cloned().collect();
        variables.extend(task.variables.iter().cloned());
        Order {
            arguments: task.arguments.clone(),
            folder: task.folder.clone().or_else(|| self.folder.clone()),
            variables,
            feed: Feed::Nothing,
            keep: KEEP,
            mark: None,
        }
    }

    fn target(&self, host: &str) -> Result<Target> {
        let mut found = self.fleet.choose(Some(&[host.to_owned()]))?;
        found.pop().ok_or_else(|| Error::bug("a host was chosen and is none"))
    }
}

#[async_trait]
impl Hosts for Door {
    fn names(&self) -> Vec<String> {
        self.fleet.all().iter().map(|target| target.name.clone()).collect()
    }

    async fn run(&self, host: &str, task: Task) -> Result<Ended> {
        let target = self.target(host)?;
        self.cx.close_gracefully();
        let (hold, leash) = leash()?;
        // A second one for when the session turns out to be lost before anything began.
        let mut orders = vec![self.order(&task), self.order(&task)];
        let (fleet, name, within) = (Arc::clone(&self.fleet), target.name.clone(), task.within);
        let work = blocking::begin(move || {
            let patience = Patience::of(Some(&leash), within + target.connect_within);
            Ok(fleet.with(&target, &patience, |session| {
                let order = orders.pop().ok_or_else(spent)?;
                session.run(order, &patience.at_most(within), &|_: Line<'_>| {})
            }))
        });
        let ended = until_stopped(&self.cx, hold, work).await?;
        ended.map_err(|trouble| failed(&name, &task, trouble))
    }

    async fn open(&self, host: &str, task: Task) -> Result<Content> {
        let target = self.target(host)?;
        let mut orders = vec![self.order(&task), self.order(&task)];
        let (hold, leash) = leash()?;
        let (to, from) = pipe::pipe();
        let (fleet, name, within, cx) =
            (Arc::clone(&self.fleet), target.name.clone(), task.within, self.cx.clone());
        let work = blocking::begin(move || {
            let patience = Patience::of(Some(&leash), within + target.connect_within);
            let mut to = to.blocking();
            let streamed = fleet.with(&target, &patience, |session| {
                session.stream(orders.pop().ok_or_else(spent)?, &patience.at_most(within), &mut to)
            });
            match streamed {
                Ok(ended) if ended.status == Status::Code(0) => {
                    let _ = to.end();
                }
                Ok(ended) => to.fail(broken(&ended)),
                Err(trouble) => {
                    to.fail(std::io::Error::other(failed(&name, &task, trouble)));
                }
            }
            Ok(())
        });
        tokio::spawn(async move { until_stopped(&cx, hold, work).await });
        Ok(Box::new(from))
    }
}

/// Waits for work on a thread, which is called off on a stop and still waited for: it ends what it began.
pub(super) async fn until_stopped<T>(
    cx: &Cx,
    hold: Hold,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        biased;
        done = &mut work => return done,
        () = cx.stop().given() => drop(hold),
    }
    let _ = work.await;
    Err(cx.stop().reason().unwrap_or_else(|| Error::cancelled("stopped")))
}

fn spent() -> Cut {
    Cut { why: Broken::Failed("the connection was lost".to_owned()), began: false, left: None }
}

fn failed(host: &str, task: &Task, trouble: Trouble) -> Error {
    let program = task.arguments.first().map_or("", String::as_str);
    match trouble {
        Trouble::Unreachable(why) => why.unchanged(),
        Trouble::Cut(Cut { why: Broken::Late, .. }) => {
            let within = text::show_duration(task.within);
            Error::timeout(format!("`{program}` on {host} gave no answer within {within}"))
        }
        Trouble::Cut(cut) => {
            let error = Error::remote(format!("`{program}` on {host} was cut off")).why(cut.why.words());
            if cut.began { error } else { error.unchanged() }
        }
    }
}
