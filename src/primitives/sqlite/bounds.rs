//! What statements of a playbook may do: reach no other file, leave transactions alone, and tell when they only read.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::ffi;
use rusqlite::hooks::{AuthAction, Authorization};

use super::session::Purpose;
use crate::base::error::Kind;

/// Pragmas that only tell; all others are writes, or reach beyond the database.
const TELLING: &[&str] = &[
    "application_id",
    "auto_vacuum",
    "collation_list",
    "compile_options",
    "data_version",
    "database_list",
    "encoding",
    "foreign_key_check",
    "foreign_key_list",
    "foreign_keys",
    "freelist_count",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "journal_mode",
    "module_list",
    "page_count",
    "page_size",
    "pragma_list",
    "quick_check",
    "schema_version",
    "synchronous",
    "table_info",
    "table_list",
    "table_xinfo",
    "user_version",
];
/// Those of [`TELLING`] whose argument asks for something; with the others an argument sets something.
const ASKING: &[&str] = &[
    "foreign_key_check",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Why a statement was refused: what kind of mistake it is, why, and what to do.
pub(super) type Refusal = (Kind, &'static str, &'static str);

/// What statements of a playbook may not do, whatever the grants.
#[derive(Default)]
pub(super) struct Bounds {
    lifted: AtomicBool,
    running: AtomicBool,
    refused: Mutex<Option<Refusal>>,
}

impl Bounds {
    /// Does `work`, whose statements are our own, without any bounds.
    pub(super) fn lifted<T>(&self, work: impl FnOnce() -> T) -> T {
        during(&self.lifted, work)
    }

    /// Does `work`, which runs statements that were judged when they were prepared.
    pub(super) fn running<T>(&self, work: impl FnOnce() -> T) -> T {
        during(&self.running, work)
    }

    /// Why a statement was refused, once; `None` when none was.
    pub(super) fn refused(&self) -> Option<Refusal> {
        self.refused.lock().ok().and_then(|mut refused| refused.take())
    }

    /// Judges one thing that a statement wants to do, while it is prepared.
    pub(super) fn judge(&self, action: &AuthAction<'_>, purpose: Purpose) -> Authorization {
        if self.lifted.load(Ordering::Acquire) {
            return Authorization::Allow;
        }
        let refused = match action {
            // `VACUUM` attaches a nameless file of its own.
            AuthAction::Attach { filename: "" } => None,
            AuthAction::Attach { .. } | AuthAction::Unknown { code: ffi::SQLITE_ATTACH, .. } => Some((
                Kind::Denied,
                "it would reach a file that is no declared resource",
                "declare that file as a resource of its own in playbook.toml",
            )),
            // A statement was judged before it began to run; `VACUUM` then prepares a `BEGIN` of its own.
            AuthAction::Transaction { .. } if self.running.load(Ordering::Acquire) => None,
            AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => Some((
                Kind::Usage,
                "each call is a transaction of its own",
                "leave BEGIN, COMMIT, ROLLBACK and SAVEPOINT out; `transaction` and `script` do all or nothing",
            )),
            AuthAction::Pragma { pragma_name, pragma_value } if purpose == Purpose::Read => {
                let name = pragma_name.to_ascii_lowercase();
                let tells = TELLING.contains(&name.as_str())
                    && (pragma_value.is_none() || ASKING.contains(&name.as_str()));
                (!tells).then_some((Kind::Usage, "this pragma may change the database", "use `execute`"))
            }
            _ => None,
        };
        let Some(refused) = refused else { return Authorization::Allow };
        if let Ok(mut first) = self.refused.lock() {
            first.get_or_insert(refused);
        }
        Authorization::Deny
    }
}

fn during<T>(flag: &AtomicBool, work: impl FnOnce() -> T) -> T {
    flag.store(true, Ordering::Release);
    let done = work();
    flag.store(false, Ordering::Release);
    done
}
