//! What happens when a notice fails: it is journalled as failed, and the run goes on unless it was told that it must not.

use serde_json::{Value, json};

use crate::base::call::Inverse;
use crate::base::error::{Error, Kind, NOT_SENT, Result};
use crate::effect::cx::Cx;

/// An inverse that could not be worked out keeps a change from being begun, but no notice from being sent.
pub(super) fn inverse(must: bool, asked: Result<Inverse>) -> Result<Inverse> {
    match asked {
        Err(error) if is_forgiven(must, &error) => {
            Ok(Inverse::none(error.why.clone().unwrap_or_else(|| error.what.clone())))
        }
        asked => asked,
    }
}

/// A notice that may have arrived all the same is no doubt that anybody has to settle; whoever reads of it is told that the
/// run did not fail for it.
pub(super) fn settle(must: bool, mut error: Error) -> Error {
    if !is_forgiven(must, &error) {
        return error;
    }
    if matches!(error.kind, Kind::Timeout | Kind::InDoubt) && !error.unchanged {
        error.kind = Kind::Remote;
        error.why.get_or_insert_with(|| "it may have arrived all the same".to_owned());
    }
    error.detail(NOT_SENT, true)
}

/// Shows why a notice was not sent, and what to do: nobody else will, because no error is raised.
pub(super) fn explain<T>(must: bool, result: &Result<T>, cx: &Cx) {
    if let Err(error) = result
        && is_forgiven(must, error)
    {
        for (name, text) in [("why", &error.why), ("fix", &error.fix)] {
            for line in text.iter().flat_map(|text| text.lines()) {
                cx.line(true, &format!("{name}: {line}"));
            }
        }
    }
}

/// What the script gets: of a failure that is forgiven, a receipt that says so.
pub(super) fn receipt(must: bool, result: Result<Value>) -> Result<Value> {
    match result {
        Err(error) if is_forgiven(must, &error) => Ok(json!({
            "sent": false, "kind": error.kind.word(), "what": error.what, "why": error.why, "fix": error.fix,
        })),
        result => result,
    }
}

/// A stop, a limit, a denial or a fault of the product itself is never forgiven.
fn is_forgiven(must: bool, error: &Error) -> bool {
    !must && error.kind.is_catchable()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failure_that_need_not_be_heeded_is_forgiven() {
        let failed = || Err(Error::remote("no answer"));
        assert_eq!(receipt(false, failed()).unwrap()["sent"], false);
        assert!(receipt(true, failed()).is_err());
        assert!(receipt(false, Err(Error::cancelled("stopped"))).is_err());
        assert!(receipt(false, Err(Error::denied("no"))).is_err());
        assert_eq!(receipt(false, Ok(json!({ "sent": true }))).unwrap()["sent"], true);
    }

    #[test]
    fn a_notice_in_doubt_is_settled_as_failed() {
        assert_eq!(settle(false, Error::timeout("slow")).kind, Kind::Remote);
        assert_eq!(settle(false, Error::remote("no")).details[NOT_SENT], true);
        assert!(settle(true, Error::remote("no")).details.is_empty());
        assert_eq!(settle(true, Error::timeout("slow")).kind, Kind::Timeout);
        assert_eq!(settle(false, Error::cancelled("stopped")).kind, Kind::Cancelled);
    }
}
