//! Traffic: what the verbs `weights` and `set_weights` of all families share, so that a canary needs to know none of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::base::access::ResourceId;
use crate::base::error::{Error, Result};
use crate::base::suggest;

/// How much of the traffic each of a target's servers (backends, groups, releases) gets, in proportion to the others.
pub type Weights = BTreeMap<String, u32>;

/// Weights as a plan tells them: `blue 90, green 10`.
#[must_use]
pub fn told(weights: &Weights) -> String {
    let each: Vec<String> = weights.iter().map(|(name, weight)| format!("{name} {weight}")).collect();
    each.join(", ")
}

/// What `set_weights` gives: `#{ target, before, after, changed }`, with the weights of all that the target has.
#[must_use]
pub fn receipt(target: &str, before: &Weights, after: &Weights) -> Value {
    json!({ "target": target, "before": before, "after": after, "changed": before != after })
}

/// `have` with the weights of `wanted`. One that `have` does not know is an error, and so is none at all.
pub fn merged(have: &Weights, wanted: &Weights, whose: &str) -> Result<Weights> {
    if wanted.is_empty() {
        return Err(Error::usage(format!("no weight is given for {whose}"))
            .fix("name them with their weights: `#{ blue: 90, green: 10 }`"));
    }
    let mut merged = have.clone();
    for (name, weight) in wanted {
        let known = merged.get_mut(name).ok_or_else(|| {
            Error::missing(format!("there is no `{name}` in {whose}"))
                .fix(suggest::advice(name, have.keys().map(String::as_str)))
        })?;
        *known = *weight;
    }
    Ok(merged)
}

/// That a change would leave a target with nobody to serve it; it is refused before anything is done.
#[must_use]
pub fn nobody_left(resource: &ResourceId, target: &str, why: &str) -> Error {
    Error::usage(format!("`{target}` of `{resource}` would be left without a server"))
        .why(why)
        .fix("leave a weight to one that is up, or say `allow_empty: true` when nobody shall be served")
        .unchanged()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(of: &[(&str, u32)]) -> Weights {
        of.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
    }

    #[test]
    fn the_others_keep_their_weights_and_a_stranger_is_refused() {
        let have = weights(&[("blue", 100), ("green", 0), ("spare", 1)]);
        let merged = merged(&have, &weights(&[("blue", 90), ("green", 10)]), "`app`").unwrap();
        assert_eq!(told(&merged), "blue 90, green 10, spare 1");
        let receipt = receipt("app", &have, &merged);
        assert_eq!(
            (receipt["before"]["blue"].as_u64(), receipt["changed"].as_bool()),
            (Some(100), Some(true))
        );
        let stranger = super::merged(&have, &weights(&[("gren", 10)]), "`app`").unwrap_err();
        assert!(stranger.to_string().contains("`green`"), "{stranger}");
        assert!(super::merged(&have, &Weights::new(), "`app`").is_err());
    }
}
