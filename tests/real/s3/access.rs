//! Who one is to the server: links for others, profiles, temporary keys, certificates.

use std::process::{Command, Stdio};

use super::{rig, run, run_with};
use crate::rig::Rig;
use crate::rig::servers::http::{Answer, Http};
use crate::rig::servers::{moto, s3s};

/// Asks with `curl`; gives the status, and what came.
fn curl(arguments: &[&str]) -> (String, String) {
    let mut curl = Command::new("curl");
    curl.args(["-s", "-w", "\n%{http_code}"]).args(arguments).stdin(Stdio::null());
    let out = curl.output().expect("this test needs the program `curl`").stdout;
    let out = String::from_utf8(out).unwrap();
    let (body, status) = out.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

#[test]
fn a_link_works_for_others_and_is_shown_to_nobody() {
    let Some(bucket) = s3s::bucket() else { return };
    let desk = Http::start();
    desk.tell("/desk", &[Answer::new(200, "{}")]);
    let settings = format!(
        "{}[env.local.http.desk]\nurl = \"{}\"\naccess = \"write\"\n",
        bucket.settings("destroy"),
        desk.url()
    );
    let body = r#"
        box.put("report 1.txt", "figures");
        let read = box.presign("report 1.txt", #{ expires: "5m" });
        let write = box.presign("in/answer.txt", #{ method: "PUT" });
        log("the link is " + read);
        http("desk").post("/desk", #{ json: #{ read: read, write: write } });
        check "no longer", { let why = ""; try { box.presign("x", #{ expires: "8d" }); } catch (e) { why = e.what } why } == "a link cannot be good for 8d";
    "#;
    let body = body.replace("{ let why", "(|| { let why").replace("why } ==", "why }).call() ==");
    let (rig, seen) = run_with(rig(&settings), ", \"http.desk:write\"", &body);
    let seen = seen.expect(0).says("X-Amz-Signature=[secret]");
    let got: serde_json::Value = serde_json::from_str(&desk.got()[0].body).unwrap();
    let (read, write) = (got["read"].as_str().unwrap(), got["write"].as_str().unwrap());
    for link in [read, write] {
        let signature = link.split("X-Amz-Signature=").nth(1).unwrap().split('&').next().unwrap();
        assert!(signature.len() == 64 && !seen.all().contains(signature));
        let journal = std::fs::read(rig.path(".playbook/journal.db")).unwrap();
        assert!(!journal.windows(64).any(|part| part == signature.as_bytes()));
    }
    assert_eq!(curl(&[read]), ("200".to_owned(), "figures".to_owned()));
    assert_eq!(curl(&["-X", "PUT", "--data-binary", "yes", write]).0, "200");
    assert_eq!(std::fs::read_to_string(bucket.path("in/answer.txt")).unwrap(), "yes");
    assert_eq!(curl(&[&read.replace("report", "secret")]).0, "403", "a link is good for one object");
    assert_eq!(curl(&["-X", "PUT", "--data-binary", "no", read]).0, "403", "a link to read does not write");
}

/// A project whose resource names no keys, with the variables that AWS's own programs read.
fn keyless(bucket: &s3s::Bucket, more: &str) -> Rig {
    let settings = bucket.settings("destroy").replace("access_key = \"env:RIG_ACCESS\"\n", "");
    let settings = settings.replace("secret_key = \"env:RIG_SECRET\"\n", more);
    Rig::new(&settings).variable("AWS_EC2_METADATA_DISABLED", "true")
}

#[test]
fn keys_are_found_where_the_other_programs_of_aws_find_them() {
    let Some(bucket) = s3s::bucket() else { return };
    let write = "box.put(\"a\", \"x\"); log(\"it is KEY\");";
    let (_, seen) = run(keyless(&bucket, ""), write);
    seen.expect(1).says("there are no keys for `s3.box`").says("a `profile`, in [env.local.s3.box]");
    let rig = keyless(&bucket, "").variable("AWS_ACCESS_KEY_ID", s3s::ACCESS_KEY);
    let rig = rig.variable("AWS_SECRET_ACCESS_KEY", s3s::SECRET_KEY);
    run(rig, &write.replace("KEY", s3s::SECRET_KEY)).1.expect(0).says("it is [secret]");
    let text = format!(
        "[ops]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        s3s::ACCESS_KEY,
        s3s::SECRET_KEY
    );
    let rig = keyless(&bucket, "profile = \"ops\"\n").file(".aws/credentials", &text);
    run(rig, write).1.expect(0);
    let rig = keyless(&bucket, "profile = \"nobody\"\n").file(".aws/credentials", &text);
    run(rig, write).1.expect(1).says("there are no keys for `s3.box`").says("nobody");
}

#[test]
fn a_region_that_nobody_names_is_asked_for() {
    let settings = "[env.local.s3.box]\nbucket = \"b\"\naccess_key = \"env:RIG_ACCESS\"\nsecret_key = \"env:RIG_SECRET\"\naccess = \"read\"\n";
    let script = "//! T.\n//! uses = [\"s3.box:read\"]\ns3(\"box\").list();\n";
    rig(settings)
        .exec(script)
        .1
        .expect(1)
        .says("`s3.box` has no region")
        .says("set `region` in [env.local.s3.box]");
}

#[test]
fn wrong_settings_are_found_before_the_run() {
    let settings = "[env.local.s3.box]\nbucket = \"s3://b\"\naccess = \"read\"\n";
    rig(settings).exec("//! T.\n1;\n").1.expect(2).says("without `s3://`");
}

#[test]
fn a_certificate_is_trusted_only_when_its_authority_is_named() {
    let Some((server, authority)) = moto::Moto::start_with_tls() else { return };
    let settings = s3s::settings(server.port, "nothing-here", "destroy").replace("http://", "https://");
    let (_, seen) = run(rig(&settings), "box.list();");
    seen.expect(1).says("ertificate").says("as `ca` of [env.local.s3.box]");
    let trusting = rig(&format!("{settings}ca = \"ca.pem\"\n")).file("ca.pem", &authority);
    run(trusting, "box.list();").1.expect(1).says("there is no bucket `nothing-here`");
    let wrong = rig(&format!("{settings}ca = \"ca.pem\"\n")).file("ca.pem", "nothing");
    run(wrong, "box.list();").1.expect(1).says("holds no certificate");
}
