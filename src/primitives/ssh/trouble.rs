//! Why a host did not do what it was to do.

use crate::base::error::Error;
use crate::sys::ssh::Cut;

/// Why a host did not do what it was to do.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// Nothing was begun there.
    Unreachable(Error),
    /// It began, or may have begun, and its end is not known.
    Cut(Cut),
}
