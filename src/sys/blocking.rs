//! Work that blocks its thread, kept off the threads that serve everything else.

use std::pin::Pin;

use crate::base::error::{Error, Result};

/// Work that was begun, whose end can be waited for.
pub type Pending<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// Does `work` on a thread that may block. Dropping the future does not end the work: whoever can be stopped in the
/// middle needs a signal of its own.
pub async fn run<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    begin(work).await
}

/// Begins `work` at once on a thread that may block; what is returned waits for its end.
pub fn begin<T, F>(work: F) -> impl Future<Output = Result<T>> + Send + 'static
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    let task = tokio::task::spawn_blocking(work);
    async {
        let broken = |why: tokio::task::JoinError| {
            Error::bug("work on a thread of its own broke off").why(why.to_string())
        };
        task.await.unwrap_or_else(|why| Err(broken(why)))
    }
}
