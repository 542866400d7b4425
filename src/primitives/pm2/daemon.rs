//! Whether pm2 runs at a place, told without pm2 itself: whatever it is asked, it first starts the daemon that it lacks.

use std::time::Duration;

use super::door::Pm2;
use crate::base::error::{Error, Result};
use crate::sys::process::Status;

/// Tells `up`, or why not, in one line. Argument: a program that has to be there, or nothing. A number that another program
/// has got since is not taken for the daemon's.
const LOOK: &str = r#"
[ -z "$1" ] || command -v "$1" >/dev/null 2>&1 || { echo "$1: not found" >&2; exit 127; }
h=${PM2_HOME:-${HOME:-/etc}/.pm2}
[ -d "$h" ] || { echo "there is no folder $h"; exit 0; }
p=$(cat "$h/pm2.pid" 2>/dev/null)
case $p in ''|*[!0-9]*) echo "no daemon has left its number in $h/pm2.pid"; exit 0 ;; esac
down="the daemon of $h, process $p, has ended"
kill -0 "$p" 2>/dev/null || [ -d "/proc/$p" ] || { echo "$down"; exit 0; }
c=$(tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline")
[ -z "$c" ] || case "$c $(readlink "/proc/$p/exe" 2>/dev/null)" in
  *"God Daemon"*|*Daemon.js*|*/node*|*/bun*) ;;
  *) echo "$down"; exit 0 ;;
esac
echo up
"#;
/// A second word of pm2 on what is under way waits at least so long.
const SOON: Duration = Duration::from_secs(2);

impl Pm2 {
    /// Why pm2 does not run at a place; `None` when it does.
    pub(super) async fn absent(&self, host: &str) -> Result<Option<Error>> {
        let wanted = self.wanted(host)?;
        let ended = self.run(host, &["sh", "-c", LOOK, "sh", wanted]).await?;
        if ended.status != Status::Code(0) {
            return Err(self.refused(host, &["run"], &ended).unchanged());
        }
        let told = ended.stdout.text.trim();
        let told = told.lines().last().unwrap_or_default();
        Ok((told != "up").then(|| {
            Error::missing(format!("pm2 does not run on {host}"))
                .why(told.to_owned())
                .fix(format!(
                    "start an application with `start`, or correct `home`, or the user, in {}",
                    self.cx.table()
                ))
                .unchanged()
        }))
    }
}

/// How long to wait when pm2 only says that something is under way: as long as it says.
pub(super) fn busy(said: &str) -> Option<Duration> {
    let (_, rest) = said.split_once("Reload already in progress")?;
    let told = rest.split_once("try again in ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    Some(told.map_or(SOON, |seconds: u64| SOON.max(Duration::from_secs(seconds.min(600) + 1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_says_how_long() {
        let said = "[PM2][ERROR] Reload already in progress, please try again in 26 seconds or use --force";
        assert_eq!(busy(said), Some(Duration::from_secs(27)));
        let said = "[PM2][ERROR] Reload already in progress for process id 0, retry later";
        assert_eq!(busy(said), Some(SOON));
        assert_eq!(busy("[PM2][ERROR] Process or Namespace api not found"), None);
    }
}
