//! `cloudfront` against `moto_server`, where an invalidation is completed at once; what takes longer, is refused or
//! breaks off is said by a proxy before it, in AWS's own words.

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::moto::{self, Moto, between};
use crate::rig::servers::proxy::{Fault, Proxy};

use super::aws::{DENIED_XML, project, script};

const IN_PROGRESS: Fault = Fault::Say(
    200,
    "<?xml version=\"1.0\"?><Invalidation xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\"><Id>INEW</Id>\
     <Status>InProgress</Status><CreateTime>2026-01-01T00:00:00Z</CreateTime><InvalidationBatch><Paths><Quantity>1</Quantity>\
     <Items><Path>/x</Path></Items></Paths><CallerReference>other</CallerReference></InvalidationBatch></Invalidation>",
);
const COMPLETED: Fault = Fault::Say(
    200,
    "<Invalidation><Id>INEW</Id><Status>Completed</Status><CreateTime>2026-01-01T00:00:00Z</CreateTime></Invalidation>",
);

/// A distribution of its own; gives its id.
pub fn distribution(moto: &Moto) -> String {
    let config = format!(
        "<DistributionConfig xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\"><CallerReference>{}</CallerReference>\
         <Aliases><Quantity>1</Quantity><Items><CNAME>www.example.com</CNAME></Items></Aliases><DefaultRootObject></DefaultRootObject>\
         <Origins><Quantity>1</Quantity><Items><Origin><Id>o</Id><DomainName>example.com</DomainName><OriginPath></OriginPath>\
         <CustomHeaders><Quantity>0</Quantity></CustomHeaders><CustomOriginConfig><HTTPPort>80</HTTPPort><HTTPSPort>443</HTTPSPort>\
         <OriginProtocolPolicy>http-only</OriginProtocolPolicy><OriginSslProtocols><Quantity>1</Quantity><Items><SslProtocol>TLSv1.2</SslProtocol></Items></OriginSslProtocols></CustomOriginConfig>\
         </Origin></Items></Origins><DefaultCacheBehavior><TargetOriginId>o</TargetOriginId><ViewerProtocolPolicy>allow-all</ViewerProtocolPolicy>\
         <MinTTL>1</MinTTL><ForwardedValues><QueryString>false</QueryString><Cookies><Forward>none</Forward></Cookies></ForwardedValues>\
         <TrustedSigners><Enabled>false</Enabled><Quantity>0</Quantity></TrustedSigners></DefaultCacheBehavior><Comment></Comment>\
         <Logging><Enabled>false</Enabled><IncludeCookies>false</IncludeCookies><Bucket></Bucket><Prefix></Prefix></Logging>\
         <PriceClass>PriceClass_All</PriceClass><Enabled>true</Enabled></DistributionConfig>",
        super::aws::fresh("distribution")
    );
    let made = moto.xml("cloudfront", "POST", "/2020-05-31/distribution", &config);
    between(&made, "<Id>", "</Id>")[0].clone()
}

fn invalidations(moto: &Moto, id: &str) -> Vec<String> {
    let path = format!("/2020-05-31/distribution/{id}/invalidation");
    between(&moto.xml("cloudfront", "GET", &path, ""), "<Id>", "</Id>")
}

fn rig(port: u16, id: &str) -> Rig {
    let more = format!(
        "[env.local.cloudfront.cdn]\naccount = \"aws.main\"\ndistribution = \"{id}\"\naccess = \"write\"\n"
    );
    project(port, &more)
}

fn exec(port: u16, id: &str, body: &str) -> Seen {
    rig(port, id).exec(&script("cloudfront.cdn:write", &format!("let cdn = cloudfront(\"cdn\");\n{body}"))).1
}

#[test]
fn paths_are_invalidated_once_for_each_call() {
    let Some(moto) = moto::shared() else { return };
    let id = distribution(moto);
    let body = r#"
        let done = cdn.invalidate(["/index.html", "/assets/*", "/a&b"]);
        check "completed", done.status.to_lower() == "completed" && done.paths == 3 && done.id != "";
        cdn.invalidate(["/index.html", "/assets/*", "/a&b"]);
        let how = cdn.status();
        check "enabled", how.enabled;
        check "alias", how.aliases == ["www.example.com"];
    "#;
    exec(moto.port, &id, body).expect(0);
    let made = invalidations(moto, &id);
    assert_eq!(made.len(), 2);
    let path = format!("/2020-05-31/distribution/{id}/invalidation/{}", made[0]);
    let one = moto.xml("cloudfront", "GET", &path, "");
    assert_eq!(between(&one, "<Path>", "</Path>"), ["/index.html", "/assets/*", "/a&amp;b"]);
}

#[test]
fn it_waits_until_every_edge_has_done_it() {
    let Some(moto) = moto::shared() else { return };
    let id = distribution(moto);
    let proxy = Proxy::http(moto.port);
    proxy.when("POST", "invalidation", IN_PROGRESS, 1);
    proxy.when("GET", "INEW", IN_PROGRESS, 1);
    proxy.when("GET", "INEW", COMPLETED, 1);
    let body = r#"check "completed", cdn.invalidate(["/x"]).status == "Completed";"#;
    exec(proxy.port, &id, body).expect(0).says("invalidation INEW is InProgress");
    proxy.when("POST", "invalidation", IN_PROGRESS, 1);
    exec(
        proxy.port,
        &id,
        r#"check "not waited", cdn.invalidate(["/x"], #{ wait: false }).status == "InProgress";"#,
    )
    .expect(0);
    proxy.when("POST", "invalidation", IN_PROGRESS, 1);
    proxy.when("GET", "INEW", IN_PROGRESS, 99);
    exec(proxy.port, &id, r#"cdn.invalidate(["/x"], #{ timeout: "1500ms" });"#).says("in doubt").says("1.5s");
}

#[test]
fn a_plan_invalidates_nothing() {
    let Some(moto) = moto::shared() else { return };
    let id = distribution(moto);
    let rig = rig(moto.port, &id).file(
        "test.rhai",
        &script("cloudfront.cdn:write", "cloudfront(\"cdn\").invalidate([\"/a\", \"/b\", \"/c\"]);"),
    );
    rig.run(&["plan", "test.rhai"]).expect(0).says("invalidate /a and 2 more paths in cloudfront.cdn");
    assert!(invalidations(moto, &id).is_empty());
}

#[test]
fn the_services_own_refusals() {
    let Some(moto) = moto::shared() else { return };
    let seen = exec(moto.port, "ENONE", r#"cdn.invalidate(["/x"]);"#).expect(1);
    seen.says("`cloudfront.cdn` could not invalidate paths of the distribution ENONE")
        .says("NoSuchDistribution");
    for (paths, says) in
        [("[]", "there is no path"), ("[\"x\"]", "does not begin with a `/`"), ("[\"/*/x\"]", "at its end")]
    {
        exec(moto.port, "ENONE", &format!("cdn.invalidate({paths});")).says(says).hides("ENONE could");
    }
    let id = distribution(moto);
    let proxy = Proxy::http(moto.port);
    proxy.when("POST", "invalidation", DENIED_XML, 1);
    let seen = exec(proxy.port, &id, r#"cdn.invalidate(["/x"]);"#).expect(1);
    seen.says("do `cloudfront:CreateInvalidation`").hides("in doubt");
    assert!(invalidations(moto, &id).is_empty());
}

#[test]
fn an_answer_that_is_lost_leaves_a_doubt_that_a_second_try_does_not_double() {
    let Some(moto) = moto::shared() else { return };
    let id = distribution(moto);
    let proxy = Proxy::http(moto.port);
    proxy.when("POST", "invalidation", Fault::Half(0), 99);
    exec(proxy.port, &id, r#"cdn.invalidate(["/x"]);"#)
        .expect(5)
        .says("in doubt")
        .says("closed the connection");
    // Each try went by the same name, by which AWS itself tells them apart.
    let names: Vec<String> = invalidations(moto, &id)
        .iter()
        .map(|one| {
            let path = format!("/2020-05-31/distribution/{id}/invalidation/{one}");
            between(&moto.xml("cloudfront", "GET", &path, ""), "<CallerReference>", "</CallerReference>")[0]
                .clone()
        })
        .collect();
    assert!(
        names.len() == 3 && names.iter().all(|name| *name == names[0] && name.starts_with("playbook-")),
        "{names:?}"
    );
}

#[test]
fn a_later_failure_has_nothing_to_take_back() {
    let Some(moto) = moto::shared() else { return };
    let id = distribution(moto);
    let seen =
        exec(moto.port, &id, "step \"purge\" { cdn.invalidate([\"/x\"]); }\nfail(\"later\");").expect(1);
    seen.hides("NOT");
    assert_eq!(invalidations(moto, &id).len(), 1);
}

#[test]
fn a_crash_around_an_invalidation_makes_no_second_one() {
    use crate::rig::crash::{AFTER, BEFORE};
    let Some(moto) = moto::shared() else { return };
    for moment in [BEFORE, AFTER] {
        let id = distribution(moto);
        let body = r#"let done = cloudfront("cdn").invalidate(["/x", "/y"]); check "told", done.paths == 2 && done.id != "";"#;
        let rig = rig(moto.port, &id).file("test.rhai", &script("cloudfront.cdn:write", body));
        rig.killed(moment);
        assert_eq!(invalidations(moto, &id).is_empty(), moment == BEFORE);
        rig.run(&["resume", "last"]).expect(0);
        assert_eq!(invalidations(moto, &id).len(), 1, "at {moment}");
    }
}
