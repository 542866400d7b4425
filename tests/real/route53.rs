//! `route53` against `moto_server`, where a change is known everywhere at once; a proxy before it makes it take longer.

use super::aws::{DENIED_XML, fresh, project, script};
use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::moto::{self, Moto, between};
use crate::rig::servers::proxy::{Fault, Proxy};

const PENDING: Fault = Fault::Say(
    200,
    "<ChangeResourceRecordSetsResponse><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status></ChangeInfo></ChangeResourceRecordSetsResponse>",
);
const IN_SYNC: Fault = Fault::Say(
    200,
    "<GetChangeResponse><ChangeInfo><Id>/change/C1</Id><Status>INSYNC</Status></ChangeInfo></GetChangeResponse>",
);

struct Zone {
    moto: &'static Moto,
    id: String,
    name: String,
}

fn zone() -> Option<Zone> {
    let moto = moto::shared()?;
    let name = format!("{}.example.com", fresh("zone"));
    let body = format!(
        "<CreateHostedZoneRequest><Name>{name}</Name><CallerReference>{name}</CallerReference></CreateHostedZoneRequest>"
    );
    let made = moto.xml("route53", "POST", "/2013-04-01/hostedzone", &body);
    let id = between(&made, "<Id>/hostedzone/", "</Id>")[0].clone();
    Some(Zone { moto, id, name })
}

impl Zone {
    fn make(&self, set: &str) {
        let body = format!(
            "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>CREATE</Action><ResourceRecordSet>{}</ResourceRecordSet>\
             </Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>",
            set.replace("ZONE", &self.name)
        );
        self.moto.xml("route53", "POST", &format!("/2013-04-01/hostedzone/{}/rrset", self.id), &body);
    }

    fn all(&self) -> String {
        self.moto.xml("route53", "GET", &format!("/2013-04-01/hostedzone/{}/rrset", self.id), "")
    }

    fn rig(&self, port: u16) -> Rig {
        let id = &self.id;
        project(
            port,
            &format!(
                "[env.local.route53.zone]\naccount = \"aws.main\"\nzone = \"{id}\"\naccess = \"destroy\"\n"
            ),
        )
    }

    fn exec(&self, port: u16, body: &str) -> Seen {
        let body = format!("let zone = route53(\"zone\");\n{}", body.replace("ZONE", &self.name));
        self.rig(port).exec(&script("route53.zone:destroy", &body)).1
    }
}

const WWW: &str = "<Name>www.ZONE</Name><Type>A</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>10.0.0.1</Value>\
                   </ResourceRecord><ResourceRecord><Value>10.0.0.2</Value></ResourceRecord></ResourceRecords>";
const ALIAS: &str = "<Name>a.ZONE</Name><Type>A</Type><AliasTarget><HostedZoneId>Z1</HostedZoneId><DNSName>lb.example.com</DNSName>\
                     <EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>";

#[test]
fn records_are_read_set_and_deleted() {
    let Some(zone) = zone() else { return };
    zone.make(WWW);
    let body = r#"
        let www = zone.record("www.ZONE", "A");
        check "read", www.exists && www.values == ["10.0.0.1", "10.0.0.2"] && www.ttl == 60 && www.alias == "";
        check "not there", !zone.record("ww.ZONE", "A").exists && !zone.record("www.ZONE", "AAAA").exists;
        let set = zone.set_record("www.ZONE", "A", ["10.0.0.9"], #{ ttl: 30 });
        check "set", set.before == ["10.0.0.1", "10.0.0.2"] && set.after == ["10.0.0.9"] && set.status == "INSYNC";
        zone.set_record("_acme.ZONE", "TXT", ["a \"b\" & c"]);
        check "text", zone.record("_acme.ZONE", "TXT").values == ["a \"b\" & c"];
        check "deleted", zone.delete_record("www.ZONE", "A").before == ["10.0.0.9"];
        check "nothing left", zone.delete_record("www.ZONE", "A").before.is_empty();
    "#;
    zone.exec(zone.moto.port, body).expect(0);
    assert!(!zone.all().contains("www.") && zone.all().contains("_acme"), "{}", zone.all());
}

#[test]
fn a_later_failure_takes_every_change_back() {
    let Some(zone) = zone() else { return };
    zone.make(WWW);
    let body = r#"
        step "change" {
            zone.set_record("www.ZONE", "A", ["10.0.0.9"]);
            zone.set_record("fresh.ZONE", "CNAME", ["www.ZONE"]);
        }
        step "delete" { zone.delete_record("www.ZONE", "A"); }
        fail("later");
    "#;
    zone.exec(zone.moto.port, body).expect(1).says("taken back");
    let all = zone.all();
    assert_eq!(between(&all, "<Value>10.", "</Value>"), ["0.0.1", "0.0.2"]);
    assert!(all.contains("<TTL>60</TTL>") && !all.contains("fresh"), "{all}");
}

#[test]
fn a_change_is_waited_for_and_may_be_in_doubt() {
    let Some(zone) = zone() else { return };
    let proxy = Proxy::http(zone.moto.port);
    proxy.when("POST", "rrset", PENDING, 1);
    proxy.when("GET", "/change/C1", IN_SYNC, 1);
    let body = r#"check "everywhere", zone.set_record("www.ZONE", "A", ["10.0.0.9"]).status == "INSYNC";"#;
    zone.exec(proxy.port, body).expect(0).says("change C1 is PENDING");
    proxy.when("POST", "rrset", PENDING, 1);
    let body = r#"check "not waited", zone.set_record("www.ZONE", "A", ["10.0.0.9"], #{ wait: false }).status == "PENDING";"#;
    zone.exec(proxy.port, body).expect(0);
    // Each of its three tries took effect, and its answer was lost; so it is taken back.
    proxy.when("POST", "rrset", Fault::Half(0), 3);
    let seen = zone.exec(proxy.port, r#"zone.set_record("www.ZONE", "A", ["10.0.0.9"]);"#);
    seen.says("in doubt").says("closed the connection").says("taken back");
    assert!(!zone.all().contains("10.0.0.9"));
}

#[test]
fn a_plan_changes_nothing() {
    let Some(zone) = zone() else { return };
    let body = format!("route53(\"zone\").set_record(\"www.{}\", \"A\", [\"10.0.0.9\"]);", zone.name);
    let rig = zone.rig(zone.moto.port).file("test.rhai", &script("route53.zone:write", &body));
    rig.run(&["plan", "test.rhai"]).expect(0).says("in route53.zone to 10.0.0.9");
    assert!(!zone.all().contains("www."));
}

#[test]
fn what_could_not_be_put_back_is_left_alone() {
    let Some(zone) = zone() else { return };
    zone.make(ALIAS);
    zone.exec(zone.moto.port, r#"check "alias", zone.record("a.ZONE", "A").alias == "lb.example.com";"#)
        .expect(0);
    for body in [r#"zone.set_record("a.ZONE", "A", ["10.0.0.9"]);"#, r#"zone.delete_record("a.ZONE", "A");"#]
    {
        zone.exec(zone.moto.port, body).expect(1).says("is an alias, which `route53.zone` leaves alone");
    }
    zone.exec(zone.moto.port, r#"zone.set_record("b.ZONE", "A", []);"#).expect(1).says("would have no value");
}

#[test]
fn health_checks_are_read() {
    let Some(zone) = zone() else { return };
    let body = format!(
        "<CreateHealthCheckRequest><CallerReference>{}</CallerReference><HealthCheckConfig><IPAddress>10.0.0.25</IPAddress><Port>80</Port>\
         <Type>HTTP</Type><ResourcePath>/</ResourcePath><FullyQualifiedDomainName>example.com</FullyQualifiedDomainName>\
         <RequestInterval>10</RequestInterval><FailureThreshold>2</FailureThreshold></HealthCheckConfig></CreateHealthCheckRequest>",
        zone.name
    );
    let made = zone.moto.xml("route53", "POST", "/2013-04-01/healthcheck", &body);
    let id = &between(&made, "<Id>", "</Id>")[0];
    let body = format!(
        r#"let seen = zone.health("{id}"); check "well", seen.checkers > 0 && seen.healthy == seen.checkers;"#
    );
    zone.exec(zone.moto.port, &body).expect(0);
    zone.exec(zone.moto.port, "zone.health(\"none\");").expect(1).says("NoSuchHealthCheck");
    let proxy = Proxy::http(zone.moto.port);
    let mixed = "<GetHealthCheckStatusResponse><HealthCheckObservations><HealthCheckObservation><Region>us-east-1</Region><StatusReport>\
                 <Status>Success: HTTP Status Code 200, OK</Status></StatusReport></HealthCheckObservation><HealthCheckObservation><StatusReport>\
                 <Status>Failure: Connection timed out.</Status></StatusReport></HealthCheckObservation></HealthCheckObservations></GetHealthCheckStatusResponse>";
    proxy.when("GET", "/status", Fault::Say(200, mixed), 1);
    let body = r#"
        let seen = zone.health("x");
        check "one of two", seen.checkers == 2 && seen.healthy == 1 && seen.failures == ["Failure: Connection timed out."];
    "#;
    zone.exec(proxy.port, body).expect(0);
}

#[test]
fn missing_denied_and_silent_are_told_apart() {
    let Some(zone) = zone() else { return };
    let none = Zone { moto: zone.moto, id: "ZNONE".to_owned(), name: "none.example.com".to_owned() };
    none.exec(zone.moto.port, r#"zone.record("www.ZONE", "A");"#).expect(1).says("NoSuchHostedZone");
    let proxy = Proxy::http(zone.moto.port);
    proxy.when("POST", "rrset", DENIED_XML, 1);
    let seen = zone.exec(proxy.port, r#"zone.set_record("www.ZONE", "A", ["10.0.0.9"]);"#).expect(1);
    seen.says("do `route53:ChangeResourceRecordSets`").hides("in doubt");
    proxy.when("GET", "rrset", Fault::HoldAnswer, 9);
    zone.exec(proxy.port, r#"zone.record("www.ZONE", "A", #{ timeout: "500ms" });"#).expect(4).says("500ms");
    proxy.release();
}

#[test]
fn a_crash_around_a_change_is_survived() {
    let Some(zone) = zone() else { return };
    zone.make("<Name>old.ZONE</Name><Type>A</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords>");
    for line in [
        "route53(\"zone\").set_record(\"new.ZONE\", \"A\", [\"192.0.2.2\"], #{ ttl: 60 });",
        "route53(\"zone\").set_record(\"old.ZONE\", \"A\", [\"192.0.2.2\"], #{ ttl: 60 });",
        "route53(\"zone\").delete_record(\"old.ZONE\", \"A\");",
    ] {
        let line = line.replace("ZONE", &zone.name);
        crate::rig::crash::survives(
            || zone.rig(zone.moto.port),
            "route53.zone:destroy",
            &line,
            || zone.all(),
        );
    }
}
