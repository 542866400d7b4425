//! The runtime that asynchronous work runs on.

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::base::error::{Error, Result};

/// For much at a time: what waits for the outside leaves the processors to the script.
const WORKERS: usize = 2;

/// A runtime with threads of its own.
pub fn start() -> Result<Runtime> {
    build(Builder::new_multi_thread().worker_threads(WORKERS))
}

/// A runtime on this thread alone, for one thing at a time.
pub fn on_this_thread() -> Result<Runtime> {
    build(&mut Builder::new_current_thread())
}

/// Does `work` on a thread of its own, where its pauses are not lengthened by what else the run does; what `work` opens
/// lives no longer than it. Dropping the future ends the work.
pub async fn apart<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let (mut done, ended) = oneshot::channel();
    let thread = std::thread::Builder::new().name("apart".to_owned()).spawn(move || {
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

    #[test]
    fn what_is_done_apart_has_a_thread_of_its_own_and_tells_how_it_ended() {
        let runtime = start().unwrap();
        let name = || std::thread::current().name().map(str::to_owned);
        assert_eq!(runtime.block_on(apart(async move { Ok(name()) })).unwrap().as_deref(), Some("apart"));
        let failed = runtime.block_on(apart(async { Err::<(), _>(Error::usage("no")) }));
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
        let work = apart(async move {
            let _tell = tell;
            std::future::pending::<Result<()>>().await
        });
        let waited = async { tokio::time::timeout(std::time::Duration::from_millis(50), work).await };
        assert!(start().unwrap().block_on(waited).is_err());
        told.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
    }
}
