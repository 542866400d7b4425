//! A request to a service of AWS, in the protocol that the service speaks: JSON, a form, or a path with XML.

use bytes::Bytes;
use serde_json::Value;

use crate::sys::http::Method;

/// A service of AWS.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// What people call it.
    pub name: &'static str,
    /// Its word in signatures and in policies.
    pub(super) word: &'static str,
    /// The first part of its host.
    pub(super) host: &'static str,
    /// Whether it is one for all regions.
    pub(super) is_global: bool,
    /// The version of its protocol, or what stands before the name of an action.
    version: &'static str,
}

const fn service(
    name: &'static str,
    word: &'static str,
    host: &'static str,
    version: &'static str,
) -> Service {
    Service { name, word, host, version, is_global: false }
}

impl Service {
    /// Content at the edge.
    pub const CLOUDFRONT: Self =
        Self { is_global: true, ..service("CloudFront", "cloudfront", "cloudfront", "2020-05-31") };
    /// Names.
    pub const ROUTE53: Self =
        Self { is_global: true, ..service("Route 53", "route53", "route53", "2013-04-01") };
    /// Who one is.
    pub const STS: Self = service("STS", "sts", "sts", "2011-06-15");
    /// Machines.
    pub const EC2: Self = service("EC2", "ec2", "ec2", "2016-11-15");
    /// Load balancers and target groups.
    pub const ELB: Self = service("ELB", "elasticloadbalancing", "elasticloadbalancing", "2015-12-01");
    /// Services of containers.
    pub const ECS: Self = service("ECS", "ecs", "ecs", "AmazonEC2ContainerServiceV20141113");
    /// Images of containers.
    pub const ECR: Self = service("ECR", "ecr", "api.ecr", "AmazonEC2ContainerRegistry_V20150921");
    /// Secrets.
    pub const SECRETS: Self =
        service("Secrets Manager", "secretsmanager", "secretsmanager", "secretsmanager");
    /// Parameters.
    pub const SSM: Self = service("SSM", "ssm", "ssm", "AmazonSSM");
}

/// What a request does to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    Read,
    /// Twice is the same as once.
    Change,
    /// Twice is twice.
    ChangeOnce,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Ask {
    pub(super) service: Service,
    pub(super) action: &'static str,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) target: Option<String>,
    pub(super) content: Option<(&'static str, String)>,
    pub(super) does: Does,
}

impl Ask {
    fn new(service: Service, action: &'static str, method: Method) -> Self {
        let (path, query) = ("/".to_owned(), String::new());
        Self { service, action, method, path, query, target: None, content: None, does: Does::Read }
    }

    /// One in JSON.
    #[must_use]
    pub fn json(service: Service, action: &'static str, body: &Value) -> Self {
        Self {
            target: Some(format!("{}.{action}", service.version)),
            content: Some(("application/x-amz-json-1.1", body.to_string())),
            ..Self::new(service, action, Method::POST)
        }
    }

    /// One as a form, to be filled with [`Ask::field`].
    #[must_use]
    pub fn form(service: Service, action: &'static str) -> Self {
        let body = format!("Action={action}&Version={}", service.version);
        let content = Some(("application/x-www-form-urlencoded; charset=utf-8", body));
        Self { content, ..Self::new(service, action, Method::POST) }
    }

    /// One for a path below the protocol's version: the parts of the path are `parts`.
    #[must_use]
    pub fn path(service: Service, action: &'static str, method: Method, parts: &[&str]) -> Self {
        let parts = parts.iter().map(|part| percent(part)).collect::<Vec<_>>().join("/");
        Self { path: format!("/{}/{parts}", service.version), ..Self::new(service, action, method) }
    }

    /// The same with one more field of the form.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        if let Some((_, body)) = &mut self.content {
            body.push_str(&format!("&{}={}", percent(name), percent(value)));
        }
        self
    }

    /// The same with one more name and value behind the `?`.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        let before = if self.query.is_empty() { "" } else { "&" };
        self.query.push_str(&format!("{before}{}={}", percent(name), percent(value)));
        self
    }

    /// The same with a body of XML.
    #[must_use]
    pub fn xml(self, body: String) -> Self {
        Self { content: Some(("text/xml", body)), ..self }
    }

    /// The same, of a request that changes something, where twice is the same as once.
    #[must_use]
    pub fn changing(self) -> Self {
        Self { does: Does::Change, ..self }
    }

    /// The same, of a request that changes something each time that it is sent.
    #[must_use]
    pub fn changing_once(self) -> Self {
        Self { does: Does::ChangeOnce, ..self }
    }

    /// Its body as it is sent.
    pub(super) fn body(&self) -> Option<(&'static str, Bytes)> {
        self.content.as_ref().map(|(kind, text)| (*kind, Bytes::from(text.clone())))
    }
}

/// Text as it stands in a URL or a form: a space is `%20`, which every side understands.
fn percent(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().fold(String::new(), |mut out, byte| {
        match is_plain(byte) {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_protocol_says_its_action_in_its_own_way() {
        let json = Ask::json(Service::ECS, "DescribeServices", &serde_json::json!({ "cluster": "main" }));
        assert_eq!(json.target.as_deref(), Some("AmazonEC2ContainerServiceV20141113.DescribeServices"));
        let form = Ask::form(Service::STS, "GetCallerIdentity").field("A b", "c&d");
        assert_eq!(form.content.unwrap().1, "Action=GetCallerIdentity&Version=2011-06-15&A%20b=c%26d");
        let path =
            Ask::path(Service::ROUTE53, "List", Method::GET, &["hostedzone", "Z1/x"]).query("name", "a b");
        assert_eq!(
            (path.path.as_str(), path.query.as_str()),
            ("/2013-04-01/hostedzone/Z1%2Fx", "name=a%20b")
        );
    }
}
