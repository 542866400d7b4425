//! Goes on with runs that wait once their time has come or their gate was answered, as `playbook tick` does: in a process
//! of its own that outlives the page.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::error::Result;
use crate::base::secret::Revealed;
use crate::effect::journal::Journal;
use crate::run::due;
use crate::sys::process::{self, Command, Detached, Status};
use crate::sys::{blocking, clock, environment};

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(2);
/// How long it is left alone after one that failed: a run that cannot go on before somebody mends it is not tried all the time.
const REST: Duration = Duration::from_secs(20);
/// How long one look waits for the process that goes on; it is asked again at the next.
const MOMENT: Duration = Duration::from_millis(1);

/// Goes on with what is due, as long as the page is served.
pub(super) async fn go_on(folder: PathBuf, journal: Journal) {
    let mut busy: Option<Detached> = None;
    loop {
        if let Some(ticking) = &mut busy
            && let Some(ended) = ticking.ends_within(MOMENT).await
        {
            busy = None;
            if ended != Status::Code(0) {
                clock::pause(REST).await;
            }
        }
        if busy.is_none() {
            let journal = journal.clone();
            let is_due = blocking::run(move || Ok(!due::due(&journal)?.is_empty())).await;
            if matches!(is_due, Ok(true)) {
                // What cannot be begun now is tried again at the next look.
                busy = begin(&folder).ok();
            }
        }
        clock::pause(LOOK).await;
    }
}

fn begin(folder: &Path) -> Result<Detached> {
    let arguments = ["tick", "--no-input", "--color", "never", "--project"].map(str::to_owned).into_iter();
    let command = Command {
        program: environment::program()?,
        arguments: arguments.chain([folder.display().to_string()]).collect(),
        variables: environment::variables()
            .into_iter()
            .map(|(name, value)| (name, Revealed::new(value)))
            .collect(),
        folder: folder.to_path_buf(),
    };
    process::start_detached(&command, &folder.join(".playbook/tick.log"), |_| Ok(()))
}
