//! What is journalled as "the script": the playbook and all that it imports.

use sha2::{Digest as _, Sha256};

use crate::base::text::hexadecimal;
use crate::effect::journal::Script;

/// SHA-256 of all of it, hexadecimal: the same scripts have the same digest.
#[must_use]
pub fn digest(scripts: &[Script]) -> String {
    let mut hash = Sha256::new();
    for script in scripts {
        hash.update(script.name.as_bytes());
        hash.update([0]);
        hash.update(script.text.as_bytes());
        hash.update([0]);
    }
    hexadecimal(&hash.finalize())
}
