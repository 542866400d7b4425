//! `ssm` against `moto_server`; what it cannot refuse or break is refused and broken by a proxy before it.

use serde_json::json;

use super::aws::{DENIED_JSON, fresh, project, script};
use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::http::{Answer, Http};
use crate::rig::servers::moto::{self, Moto};
use crate::rig::servers::proxy::{Fault, Proxy};

struct Shelf {
    moto: &'static Moto,
    path: String,
}

fn shelf() -> Option<Shelf> {
    Some(Shelf { moto: moto::shared()?, path: format!("/{}", fresh("shop")) })
}

impl Shelf {
    fn keep(&self, name: &str, value: &str, kind: &str) {
        let name = format!("{}/{name}", self.path);
        let body = json!({ "Name": name, "Value": value, "Type": kind });
        self.moto.json("ssm", "AmazonSSM.PutParameter", &body);
    }

    fn held(&self, name: &str) -> Option<String> {
        let body = json!({ "Names": [format!("{}/{name}", self.path)] });
        let answer = self.moto.json("ssm", "AmazonSSM.GetParameters", &body);
        answer["Parameters"][0]["Value"].as_str().map(str::to_owned)
    }

    fn rig(&self, port: u16) -> Rig {
        let more = format!(
            "[env.local.ssm.shop]\naccount = \"aws.main\"\npath = \"{}\"\naccess = \"destroy\"\n",
            self.path
        );
        project(port, &more)
    }

    fn exec(&self, port: u16, body: &str) -> Seen {
        self.rig(port).exec(&script("ssm.shop:destroy", &format!("let shop = ssm(\"shop\");\n{body}"))).1
    }
}

#[test]
fn parameters_are_read_set_made_and_deleted() {
    let Some(shelf) = shelf() else { return };
    shelf.keep("workers", "4", "String");
    shelf.keep("old", "x", "String");
    let body = r#"
        check "read", shop.get("workers") == "4";
        let set = shop.put("workers", "8");
        check "set", set.changed && set.version == 2;
        check "again", !shop.put("workers", "8").changed;
        check "made", shop.put("queues/mail", "on").changed;
        check "deleted", shop.delete("old").changed;
        check "nothing left", !shop.delete("old").changed;
    "#;
    shelf.exec(shelf.moto.port, body).expect(0);
    assert_eq!(shelf.held("workers").as_deref(), Some("8"));
    assert_eq!((shelf.held("queues/mail").as_deref(), shelf.held("old")), (Some("on"), None));
}

#[test]
fn a_later_failure_takes_every_change_back() {
    let Some(shelf) = shelf() else { return };
    shelf.keep("workers", "4", "String");
    shelf.keep("old", "x", "String");
    let body = r#"
        step "change" { shop.put("workers", "8"); shop.put("fresh", "1"); shop.delete("old"); }
        fail("later");
    "#;
    shelf.exec(shelf.moto.port, body).expect(1).says("taken back");
    assert_eq!((shelf.held("workers").as_deref(), shelf.held("old").as_deref()), (Some("4"), Some("x")));
    assert_eq!(shelf.held("fresh"), None);
}

#[test]
fn a_plan_changes_nothing() {
    let Some(shelf) = shelf() else { return };
    let rig = shelf.rig(shelf.moto.port);
    let rig = rig.file("test.rhai", &script("ssm.shop:write", "ssm(\"shop\").put(\"workers\", \"8\");"));
    rig.run(&["plan", "test.rhai"]).expect(0).says("set `workers` of ssm.shop");
    assert_eq!(shelf.held("workers"), None);
}

#[test]
fn a_secret_parameter_never_enters_a_script() {
    let Some(shelf) = shelf() else { return };
    shelf.keep("token", "hunter2-of-ssm", "SecureString");
    for body in ["shop.get(\"token\");", "shop.put(\"token\", \"x\");", "shop.delete(\"token\");"] {
        let seen = shelf.exec(shelf.moto.port, body).expect(1).hides("hunter2");
        seen.says("is a secret, which no script may see").says(&format!("\"aws-ssm:{}/token\"", shelf.path));
    }
    assert!(shelf.held("token").is_some());
}

#[test]
fn what_a_change_replaces_is_kept_without_the_secrets_in_it() {
    let Some(shelf) = shelf() else { return };
    // Somebody left the value of a secret in a plain parameter too.
    let secret = "hunter2-in-the-open";
    shelf.keep("token", secret, "SecureString");
    shelf.keep("copy", secret, "String");
    let server = Http::start();
    server.tell("/", &[Answer::new(200, "")]);
    let more = format!(
        "[env.local.ssm.shop]\naccount = \"aws.main\"\npath = \"{path}\"\naccess = \"write\"\n\
         [env.local.http.api]\nurl = \"{}\"\ntoken = \"aws-ssm:{path}/token\"\n",
        server.url(),
        path = shelf.path
    );
    let body =
        "http(\"api\").get(\"/\");\nstep \"hide\" { ssm(\"shop\").put(\"copy\", \"x\"); }\nfail(\"later\");";
    let (rig, seen) =
        project(shelf.moto.port, &more).exec(&script("ssm.shop:write\", \"http.api:read", body));
    seen.expect(1).says("taken back").hides("hunter2");
    assert_eq!(shelf.held("copy").as_deref(), Some(secret));
    rig.keeps_no(secret);
}

#[test]
fn missing_denied_and_hanging_are_told_apart() {
    let Some(shelf) = shelf() else { return };
    shelf
        .exec(shelf.moto.port, "shop.get(\"none\");")
        .expect(1)
        .says(&format!("no parameter {}/none", shelf.path));
    shelf.exec(shelf.moto.port, "shop.get(\"../x\");").expect(1).says("is no name of a parameter");
    shelf.exec(shelf.moto.port, "shop.get(\"/x\");").expect(1).says("is no name of a parameter");
    let proxy = Proxy::http(shelf.moto.port);
    proxy.when_said("PutParameter", DENIED_JSON, 1);
    shelf
        .exec(proxy.port, "shop.put(\"a\", \"b\");")
        .expect(1)
        .says("do `ssm:PutParameter`")
        .hides("in doubt");
    // Each of its three tries took effect, and its answer was lost; so it is taken back.
    proxy.when_said("PutParameter", Fault::Half(0), 3);
    shelf.exec(proxy.port, "shop.put(\"a\", \"b\");").says("in doubt").says("taken back");
    assert_eq!(shelf.held("a"), None);
    proxy.when_said("PutParameter", Fault::Hold, 9);
    shelf.exec(proxy.port, "shop.put(\"c\", \"d\", #{ timeout: \"700ms\" });").says("in doubt").says("700ms");
    proxy.release();
}

#[test]
fn a_crash_around_a_change_is_survived() {
    let Some(shelf) = shelf() else { return };
    shelf.keep("workers", "4", "String");
    for line in ["ssm(\"shop\").put(\"workers\", \"8\");", "ssm(\"shop\").delete(\"workers\");"] {
        let rig = || shelf.rig(shelf.moto.port);
        crate::rig::crash::survives(rig, "ssm.shop:destroy", line, || shelf.held("workers"));
    }
}
