//! The secrets that the settings of resources refer to, found by the settings' schemas, and whether each has a value.

use std::collections::BTreeSet;
use std::time::Duration;

use super::finding::Finding;
use crate::base::access::ResourceId;
use crate::base::error::Error;
use crate::base::secret::Reference;
use crate::effect::environment::Resource;
use crate::effect::family::Families;
use crate::effect::pipeline::Pipeline;
use crate::effect::references;
use crate::sys::stop::Stop;

/// Which resource refers to which secret.
pub(super) struct Secrets(BTreeSet<(ResourceId, String)>);

impl Secrets {
    /// The secrets of these resources.
    pub(super) fn of(resources: &[Resource], families: Families) -> Self {
        let mut found = BTreeSet::new();
        for resource in resources {
            found.extend(
                references::of(resource, families).into_iter().map(|text| (resource.id.clone(), text)),
            );
        }
        Self(found)
    }

    /// One finding on all of them; none where there are no secrets. Which one has no value its resource says as well.
    pub(super) async fn resolve(
        self,
        pipeline: &Pipeline,
        within: Duration,
        stop: &Stop,
    ) -> std::option::IntoIter<Finding> {
        let looks = self.0.iter().filter_map(|(id, text)| {
            let reference = Reference::find(text)?;
            Some(async move { pipeline.resolves(id, &reference, within, stop).await })
        });
        let seen = futures::future::join_all(looks).await;
        let missing: Vec<Error> = seen.iter().filter_map(|one| one.as_ref().err().cloned()).collect();
        let finding = match (seen.len(), missing.len()) {
            (0, _) => return None.into_iter(),
            (1, 0) => Finding::new("secrets").fact("the only one has a value"),
            (all, 0) => Finding::new("secrets").fact(format!("all {all} have a value")),
            (all, none) => Finding::new("secrets").fact(format!("{none} of {all} without a value")),
        };
        Some(missing.into_iter().fold(finding, Finding::because)).into_iter()
    }
}
