//! Connections: a pool for the whole run, and one connection lent to one call, which the server is told to stop when
//! the call is.

use std::future::Future;
use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use serde_json::Value;
use tokio_postgres::{CancelToken, Client, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::errors::{self, Source};
use super::settings::{Table, Target};
use super::waits::{self, Waiter};
use super::{fate, tls};
use crate::base::error::{Error, Result};
use crate::base::period::Period;
use crate::base::text::parse_duration;
use crate::effect::cx::Cx;

/// How long the server may take to confirm that it stopped a statement.
const CANCEL: Duration = Duration::from_secs(3);

/// Begins a transaction that may only read.
pub(super) const READING: &str = "BEGIN READ ONLY";
/// Begins a transaction that may change something.
pub(super) const WRITING: &str = "BEGIN";

/// What all calls on one database share.
pub(super) struct Door {
    /// Where it leads.
    pub(super) target: Target,
    pool: Pool,
    tls: MakeRustlsConnect,
}

impl Door {
    /// The door of the call's resource, made at the first call.
    pub(super) async fn of(cx: &Cx) -> Result<std::sync::Arc<Self>> {
        cx.shared(async {
            let target = cx.settings::<Table>()?.resolve(cx).await?;
            Self::new(target)
        })
        .await
    }

    /// A door of its own, with its own pool.
    pub(super) fn new(target: Target) -> Result<Self> {
        let tls = tls::connector(&target)?;
        // What one call sets (a search path, a lock, a temporary table) is undone before the next call.
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Clean };
        let manager = Manager::from_config(target.config.clone(), tls.clone(), manager);
        let pool = Pool::builder(manager)
            .max_size(target.pool)
            .create_timeout(Some(target.connect_timeout))
            .recycle_timeout(Some(target.connect_timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|why| Error::bug("the pool of connections cannot be built").why(why.to_string()))?;
        Ok(Self { target, pool, tls })
    }
}

/// One connection, lent to one call. Unless it is handed back clean, it is closed, and the server is told to stop.
pub(super) struct Session {
    object: Option<Object>,
    cancel: CancelToken,
    tls: MakeRustlsConnect,
    /// How long a change may wait for a lock; as long as it takes when nothing is said.
    lock_timeout: Option<Duration>,
    /// The server's process, once a change has asked for it.
    process: OnceLock<i32>,
    /// The resource, for errors.
    pub(super) named: String,
}

impl Session {
    /// Takes a connection from the pool, or makes one. Whatever fails here has changed nothing.
    pub(super) async fn open(cx: &Cx) -> Result<Self> {
        let door = Door::of(cx).await.map_err(Error::unchanged)?;
        Self::open_at(cx, &door).await
    }

    /// The same through another door.
    pub(super) async fn open_at(cx: &Cx, door: &Door) -> Result<Self> {
        cx.close_gracefully();
        tokio::select! {
            biased;
            session = Self::connect(cx, door) => session,
            () = cx.stop().given() => {
                let stopped = cx.stop().reason().unwrap_or_else(|| Error::cancelled("stopped"));
                Err(stopped.why("it was still connecting to the server"))
            }
        }
        .map_err(Error::unchanged)
    }

    async fn connect(cx: &Cx, door: &Door) -> Result<Self> {
        let named = cx.resource().to_string();
        let object = door.pool.get().await.map_err(|why| errors::unreachable(&named, &door.target, why))?;
        Ok(Self {
            cancel: object.cancel_token(),
            object: Some(object),
            tls: door.tls.clone(),
            lock_timeout: door.target.lock_timeout,
            process: OnceLock::new(),
            named,
        })
    }

    /// The same, whose changes wait so long for a lock instead of as long as the resource's table says.
    pub(super) fn patient(mut self, lock_timeout: Option<&Period>) -> Result<Self> {
        if let Some(lock_timeout) = lock_timeout {
            self.lock_timeout = Some(parse_duration(lock_timeout)?);
        }
        Ok(self)
    }

    /// Prepares for a change, after the words that begin a transaction where it is in one: how long it may wait for a lock,
    /// and which process of the server it is that may have to wait.
    pub(super) async fn prepare(&self, begin: &str) -> Result<(), tokio_postgres::Error> {
        let (begin, local) =
            if begin.is_empty() { (String::new(), "") } else { (format!("{begin}; "), "LOCAL ") };
        let limit = self.lock_timeout.map(|limit| limit.as_millis().max(1));
        let limit = limit.map(|ms| format!("SET {local}lock_timeout = {ms}; ")).unwrap_or_default();
        let sql = format!("{begin}{limit}SELECT pg_backend_pid()");
        let Ok(client) = self.client() else { return Ok(()) };
        let told = client.simple_query(&sql).await?;
        let process = told.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
            _ => None,
        });
        if let Some(process) = process {
            let _ = self.process.set(process);
        }
        Ok(())
    }

    /// The connection.
    pub(super) fn client(&self) -> Result<&Client> {
        self.object
            .as_ref()
            .map(|object| &***object)
            .ok_or_else(|| Error::bug("a connection was used after it was closed"))
    }

    /// Waits for `work` on this connection, and sees for whom a change waits. On a stop the server is told to stop too, and
    /// `work` may end.
    pub(super) async fn until_stopped<T>(&self, cx: &Cx, work: impl Future<Output = Result<T>>) -> Result<T> {
        let waiter = Waiter::Process(&self.process);
        waits::attend(cx, waiter, self.lock_timeout, self.stoppable(cx, work)).await
    }

    async fn stoppable<T>(&self, cx: &Cx, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut work = pin!(work);
        tokio::select! {
            biased;
            result = &mut work => result,
            () = cx.stop().given() => {
                let ended = async {
                    let (_, result) = tokio::join!(self.cancel.cancel_query(self.tls.clone()), work);
                    result
                };
                let stopped = cx.stop().reason().unwrap_or_else(|| Error::cancelled("stopped"));
                match tokio::time::timeout(CANCEL, ended).await {
                    // It was done just before it could be stopped.
                    Ok(Ok(value)) => Ok(value),
                    Ok(Err(why)) if why.unchanged => Err(stopped.why("the server was told to stop, and did").unchanged()),
                    Ok(Err(_)) => Err(stopped),
                    Err(_) => Err(stopped.why("the server was told to stop, and did not confirm it")),
                }
            }
        }
    }

    /// Runs `work` in a transaction that begins with `begin`: all of it takes effect, or nothing.
    pub(super) async fn transaction<T>(
        &self,
        cx: &Cx,
        begin: &str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let whole = async {
            let client = self.client()?;
            let failed = |why: &tokio_postgres::Error, sql, wrote| {
                errors::failed(
                    &self.named,
                    Source { name: "the transaction", ..Source::statement(sql) },
                    why,
                    wrote,
                )
            };
            let begun = match begin {
                WRITING => self.prepare(begin).await,
                _ => client.batch_execute(begin).await,
            };
            begun.map_err(|why| failed(&why, begin, false).unchanged())?;
            match work.await {
                Ok(value) => {
                    client.batch_execute("COMMIT").await.map_err(|why| {
                        let error = failed(&why, "COMMIT", begin == WRITING);
                        if errors::is_lost(&why) { error } else { error.unchanged() }
                    })?;
                    Ok(value)
                }
                Err(error) => {
                    // Where this fails the connection is gone, and the transaction with it.
                    let _ = client.batch_execute("ROLLBACK").await;
                    Err(error.unchanged())
                }
            }
        };
        self.until_stopped(cx, whole).await
    }

    /// The same for a change whose value a doubt has to give back: just before the end the run's record learns which
    /// transaction it is, so that the server can be asked later whether it was committed.
    pub(super) async fn change<T>(
        &self,
        cx: &Cx,
        work: impl Future<Output = Result<T>>,
        value: impl Fn(&T) -> Value,
    ) -> Result<T> {
        let told = async {
            let done = work.await?;
            let row = self.client()?.query_one(fate::WHICH, &[]).await;
            let which: i64 = row
                .and_then(|row| row.try_get(0))
                .map_err(|why| errors::failed(&self.named, Source::statement(fate::WHICH), &why, false))?;
            cx.witness(fate::witness(which, value(&done)))?;
            Ok(done)
        };
        self.transaction(cx, WRITING, told).await
    }

    /// Tells the server to stop what this connection runs.
    pub(super) async fn cancel(&self) {
        let _ = tokio::time::timeout(CANCEL, self.cancel.cancel_query(self.tls.clone())).await;
    }

    /// Hands the connection back for the next call, unless this one was stopped.
    pub(super) fn end(mut self, cx: &Cx) {
        if !cx.stop().is_given() {
            drop(self.object.take());
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        let client = Object::take(object);
        let (cancel, tls) = (self.cancel.clone(), self.tls.clone());
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        // The server does not notice that its client has left before the statement ends, so it is told.
        runtime.spawn(async move {
            let _ = tokio::time::timeout(CANCEL, cancel.cancel_query(tls)).await;
            drop(client);
        });
    }
}
