//! How `playbook doctor` sees a namespace: the server's version, its pods, and whether the grant is covered by a role.

use kube::api::ListParams;

use super::cluster::Cluster;
use super::kind::Kind;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::text;
use crate::effect::cx::Cx;
use crate::effect::health::Health;

/// So many pods are counted.
const MOST: u32 = 10_000;

/// Looks; that the pods are listed proves that it may be read.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let cluster = Cluster::of(&cx).await?;
    let version = cluster.version().await?;
    let health = Health::reached().version(format!("Kubernetes {}", version.trim_start_matches('v')));
    let (pods, _) = match cluster.list(&Kind::pod(), &ListParams::default().limit(MOST)).await {
        Ok(listed) => listed,
        Err(error) if error.details.get("code").is_some_and(|code| code == 403) => {
            return Ok(health.refused(error));
        }
        Err(error) => return Err(error),
    };
    if pods.is_empty()
        && let Some(error) = cluster.homeless().await
    {
        return Ok(health.refused(error));
    }
    let health = health.fact(format!("{} in {}", text::count(pods.len(), "pod"), cluster.namespace));
    let verb = match cx.granted() {
        Effect::Read => return Ok(health.permitted()),
        Effect::Write => "patch",
        Effect::Destroy => "delete",
    };
    Ok(match cluster.may(verb).await? {
        Ok(()) => health.permitted(),
        Err(why) => health.refused(
            Error::remote(format!("`{}` may not {verb} deployments", cx.resource())).why(why).fix(format!(
                "grant `{verb}` on `deployments.apps` in the namespace `{}` by a Role and a RoleBinding, or lower `access` in {}",
                cluster.namespace,
                cx.table()
            )),
        ),
    })
}
