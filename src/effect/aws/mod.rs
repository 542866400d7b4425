//! What all the systems of AWS share: whose keys, where each service is, signed requests and their answers.

#[cfg(feature = "aws")]
mod account;
#[cfg(feature = "aws")]
mod ask;
#[cfg(feature = "aws")]
mod failure;
pub mod keys;
#[cfg(feature = "aws")]
pub(super) mod secrets;
#[cfg(feature = "aws")]
mod settings;
#[cfg(feature = "aws")]
mod signing;
#[cfg(feature = "aws")]
mod xml;

#[cfg(feature = "aws")]
pub use self::account::{Account, open, own};
#[cfg(feature = "aws")]
pub use self::ask::{Ask, Service};
#[cfg(feature = "aws")]
pub use self::failure::{code, is};
#[cfg(feature = "aws")]
pub use self::settings::{Table, check};
#[cfg(feature = "aws")]
pub use self::xml::{Element, escape};

use std::error::Error as StdError;

use crate::base::text;

/// An error and what caused it, in one line.
#[must_use]
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let part = error.to_string();
        // Many errors repeat what they wrap.
        if !parts.iter().any(|have| have.contains(&part)) {
            parts.push(part);
        }
        next = error.source();
    }
    text::headline(&parts.join(": "), 400)
}
