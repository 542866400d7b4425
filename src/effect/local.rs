//! This machine as a place where commands run.

use async_trait::async_trait;

use super::child;
use super::cx::Cx;
use super::hosts::{Hosts, Task, broken};
use super::store::Content;
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::sys::pipe;
use crate::sys::process::{self, Command, Ended, Line, Status, Stdin};

/// This machine.
#[derive(Clone, Debug)]
pub struct Local {
    cx: Cx,
    pass: Vec<String>,
}

impl Local {
    /// This machine, whose commands are given these variables of our own environment.
    #[must_use]
    pub fn new(cx: &Cx, pass: &[&str]) -> Self {
        Self { cx: cx.clone(), pass: pass.iter().map(|name| (*name).to_owned()).collect() }
    }

    async fn command(&self, task: &Task) -> Result<Command> {
        let mut words = task.arguments.iter();
        let program = words.next().ok_or_else(|| Error::bug("a command without a program"))?;
        let mut variables =
            child::variables(&self.cx, &std::collections::BTreeMap::new(), &self.pass).await?;
        variables.retain(|(name, _)| task.variables.iter().all(|(set, _)| set != name));
        variables.extend(task.variables.iter().cloned());
        Ok(Command {
            program: child::program(&self.cx, program)?,
            arguments: words.cloned().collect(),
            variables,
            folder: child::folder(&self.cx, None).map(|project| match &task.folder {
                Some(folder) => project.join(folder),
                None => project,
            })?,
        })
    }
}

#[async_trait]
impl Hosts for Local {
    fn names(&self) -> Vec<String> {
        vec![crate::sys::environment::host()]
    }

    async fn run(&self, _: &str, task: Task) -> Result<Ended> {
        let command = self.command(&task).await?;
        let stop = self.cx.stop().child();
        let work = async {
            let late = || {
                let within = text::show_duration(task.within);
                Error::timeout(format!("`{}` took longer than {within}", task.arguments.join(" ")))
            };
            let run = process::run(&command, Stdin::Null, &stop, &|_: Line<'_>| {});
            let mut run = std::pin::pin!(run);
            tokio::select! {
                ended = &mut run => return ended,
                () = crate::sys::clock::pause(task.within) => stop.give(late()),
            }
            run.await
        };
        work.await
    }

    async fn open(&self, _: &str, task: Task) -> Result<Content> {
        let command = self.command(&task).await?;
        let mut running = process::spawn(&command, Stdin::Null)?;
        let mut stdout = running.take_stdout()?;
        let stop = self.cx.stop().clone();
        let (to, from) = pipe::pipe();
        tokio::spawn(async move {
            let sender = &to;
            // The program's output closes with it, so that a program that nobody listens to any more ends.
            let copy = async move {
                while let Ok(Some(chunk)) = pipe::chunk(&mut stdout).await {
                    if !sender.send(chunk).await {
                        return;
                    }
                }
            };
            let finish = running.finish(&stop, &|_: Line<'_>| {});
            let ((), ended) = tokio::join!(copy, finish);
            match ended {
                Ok(ended) if ended.status == Status::Code(0) => to.end().await,
                Ok(ended) => to.fail(broken(&ended)).await,
                Err(why) => to.fail(std::io::Error::other(why.what.clone())).await,
            }
        });
        Ok(Box::new(from))
    }
}
