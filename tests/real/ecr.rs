//! `ecr` against `moto_server`: which image a tag means.

use serde_json::json;

use super::aws::{DENIED_JSON, fresh, project, script};
use crate::rig::seen::Seen;
use crate::rig::servers::moto;
use crate::rig::servers::proxy::{Fault, Proxy};

fn exec(port: u16, repository: &str, body: &str) -> Seen {
    let rig = project(
        port,
        &format!("[env.local.ecr.api]\naccount = \"aws.main\"\nrepository = \"{repository}\"\n"),
    );
    rig.exec(&script("ecr.api:read", &format!("let api = ecr(\"api\");\n{body}"))).1
}

#[test]
fn a_tag_means_one_image() {
    let Some(moto) = moto::shared() else { return };
    let repository = fresh("shop/api");
    let word = "AmazonEC2ContainerRegistry_V20150921";
    moto.json("ecr", &format!("{word}.CreateRepository"), &json!({ "repositoryName": repository }));
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": { "mediaType": "application/vnd.docker.container.image.v1+json", "size": 7, "digest": format!("sha256:{}", "a".repeat(64)) },
        "layers": [{ "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": 11, "digest": format!("sha256:{}", "b".repeat(64)) }],
    });
    let body =
        json!({ "repositoryName": repository, "imageManifest": manifest.to_string(), "imageTag": "1.4.2" });
    moto.json("ecr", &format!("{word}.PutImage"), &body);
    let body = format!(
        r#"
        let image = api.image("1.4.2");
        check "digest", image.digest.starts_with("sha256:") && image.tags == ["1.4.2"];
        check "whole name", image.uri == "123456789012.dkr.ecr.us-east-1.amazonaws.com/{repository}@" + image.digest;
        check "by digest", api.image(image.digest).digest == image.digest;
        check "there", api.exists("1.4.2");
        check "not there", !api.exists("1.4.3");
        "#
    );
    exec(moto.port, &repository, &body).expect(0);
    let seen = exec(moto.port, &repository, "api.image(\"1.4.3\");").expect(1);
    seen.says("could not find the image `1.4.3`").says("ImageNotFoundException").says("fix: push it first");
}

#[test]
fn missing_denied_and_silent_are_told_apart() {
    let Some(moto) = moto::shared() else { return };
    exec(moto.port, "none", "api.exists(\"1\");").expect(1).says("RepositoryNotFoundException");
    let proxy = Proxy::http(moto.port);
    proxy.when_said("DescribeImages", DENIED_JSON, 1);
    exec(proxy.port, "none", "api.exists(\"1\");").expect(1).says("do `ecr:DescribeImages`");
    proxy.when_said("DescribeImages", Fault::HoldAnswer, 9);
    exec(proxy.port, "none", "api.exists(\"1\", #{ timeout: \"500ms\" });").expect(4).says("500ms");
    proxy.release();
}
