//! The runtime that asynchronous work runs on.

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::base::error::{Error, Result};

/// For much at a time: what waits for the outside leaves the processors to the script.
const WORKERS: usize = 2;
/// How far what gives way stands behind other work, in steps of `nice`: with nothing to do elsewhere it has a processor to
/// itself, else a tenth of one.
#[cfg(target_os = "linux")]
const BEHIND: i32 = 10;

/// A runtime with threads of its own.
pub fn start() -> Result<Runtime> {
    build(Builder::new_multi_thread().worker_threads(WORKERS))
}

/// A runtime on this thread alone, for one thing at a time.
pub fn on_this_thread() -> Result<Runtime> {
    build(&mut Builder::new_current_thread())
}

/// Does `work` on a thread of its own that gives way to all other work of this machine, as far as the system knows such an
/// order; what `work` opens lives no longer than it. Dropping the future ends the work.
pub async fn giving_way<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let (mut done, ended) = oneshot::channel();
    let thread = std::thread::Builder::new().name("giving way".to_owned()).spawn(move || {
        // Elsewhere it would be the priority of the whole process.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::nice(BEHIND);
        let result = on_this_thread().map(|runtime| {
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    () = done.closed() => None,
                    result = work => Some(result),
                }
            })
        });
        if let Some(result) = result.unwrap_or_else(|why| Some(Err(why))) {
            let _ = done.send(result);
        }
    });
    thread.map_err(|why| Error::io("a thread cannot be started", &why))?;
    ended.await.unwrap_or_else(|_| Err(Error::bug("work on a thread of its own broke off")))
}

fn build(builder: &mut Builder) -> Result<Runtime> {
    builder.enable_all().build().map_err(|why| Error::io("the runtime cannot be started", &why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn what_gives_way_stands_behind_and_nothing_else_does() {
        let place = || {
            rustix::process::getpriority_process(None).map_err(|why| Error::io("no priority", &why.into()))
        };
        let (before, runtime) = (place().unwrap(), start().unwrap());
        let there = runtime.block_on(giving_way(async move { place() })).unwrap();
        assert_eq!(there, (before + BEHIND).min(19));
        assert_eq!(runtime.block_on(async { place() }).unwrap(), before);
        let failed = runtime.block_on(giving_way(async { Err::<(), _>(Error::usage("no")) }));
        assert_eq!(failed.unwrap_err().what, "no");
    }

    #[test]
    fn what_nobody_waits_for_any_more_ends() {
        struct Told(std::sync::mpsc::Sender<()>);
        impl Drop for Told {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }
        let (tell, told) = std::sync::mpsc::channel();
        let tell = Told(tell);
        let work = giving_way(async move {
            let _tell = tell;
            std::future::pending::<Result<()>>().await
        });
        let waited = async { tokio::time::timeout(std::time::Duration::from_millis(50), work).await };
        assert!(start().unwrap().block_on(waited).is_err());
        told.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
    }
}
