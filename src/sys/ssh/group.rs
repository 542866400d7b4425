//! Ending all that a command started on another machine: asked first, killed after a while, through the same session.

use std::io::Read as _;
use std::time::Duration;

use super::{Broken, Patience, Session, wire};

/// How long asking, waiting and killing may take.
const WITHIN: Duration = Duration::from_secs(8);

/// Ends the process group; when this returns well, nothing of it is left. A group exists only under the number of the
/// process that made it, so no stranger is hit when the machine made none.
pub(super) fn end(session: &Session, group: u32) -> Result<(), Broken> {
    let script = format!(
        "g={group}; kill -s TERM -- \"-$g\" 2>/dev/null || kill -s TERM \"$g\" 2>/dev/null; n=0; \
         while kill -s 0 -- \"-$g\" 2>/dev/null && [ $n -lt 40 ]; do n=$((n+1)); sleep 0.1 2>/dev/null || sleep 1; done; \
         kill -s KILL -- \"-$g\" 2>/dev/null; exit 0"
    );
    let patience = Patience::of(None, WITHIN);
    let text = format!("exec /bin/sh -c {}", wire::quote(&script));
    let (mut channel, _) = session.start(&text, false, &patience).map_err(|cut| cut.why)?;
    let mut buffer = [0; 256];
    loop {
        match channel.read(&mut buffer) {
            Ok(0) => break,
            Ok(_) => {}
            Err(why) if why.kind() == std::io::ErrorKind::WouldBlock => session.wait(&patience)?,
            Err(why) => return Err(Broken::Failed(why.to_string())),
        }
    }
    session.patiently(&patience, || channel.wait_close())
}
