//! Secrets of a vault, from a real server that speaks Vault's API to a real server that wants them, and nowhere else.

use serde_json::json;

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::http::{Answer, Http};
use crate::rig::servers::proxy::{Fault, Proxy};
use crate::rig::servers::vault::{self, Vault};

const SECRET: &str = "v4ult/s3cret of ada";

fn settings(port: u16, more: &str) -> String {
    format!(
        "[env.local.vault.main]\nurl = \"http://127.0.0.1:{port}\"\ntoken = \"env:RIG_TOKEN\"\n\
         request_timeout = \"2s\"\n{more}\n"
    )
}

fn project(port: u16, token: &str, more: &str) -> Rig {
    Rig::new(&settings(port, more)).variable("RIG_TOKEN", token)
}

/// A server that answers with the secret, and a project whose `http.api` has that token.
fn consumer(server: &Http, vault: &Vault, token: &str, reference: &str) -> (Rig, Seen) {
    exec(server, vault.port, token, reference)
}

fn exec(server: &Http, port: u16, token: &str, reference: &str) -> (Rig, Seen) {
    server.tell("/", &[Answer::new(500, SECRET)]);
    let more = format!("[env.local.http.api]\nurl = \"{}\"\ntoken = \"{reference}\"", server.url());
    let script = "//! Test.\n//!\n//! uses = [\"http.api:read\"]\nhttp(\"api\").get(\"/\");\n";
    project(port, token, &more).exec(script)
}

#[test]
fn a_secret_reaches_who_wants_it_and_nothing_else() {
    let Some(vault) = vault::shared() else { return };
    let path = vault::fresh_path();
    vault.write(&path, &json!({ "token": SECRET, "port": 5432 }));
    let server = Http::start();
    let (rig, seen) = consumer(&server, vault, &vault.token, &format!("vault:{path}#token"));
    seen.expect(1).says("why: [secret]").hides("v4ult").hides(&vault.token);
    assert_eq!(server.got()[0].headers["authorization"], format!("Bearer {SECRET}"));
    rig.keeps_no("v4ult/s3cret");
    rig.keeps_no(&vault.token);
    consumer(&server, vault, &vault.token, &format!("vault:{path}#port")).1.expect(1);
    assert_eq!(server.got()[1].headers["authorization"], "Bearer 5432");
}

#[cfg(feature = "postgres")]
#[test]
fn a_database_gets_its_password_from_the_vault() {
    use crate::rig::servers::postgres::{self, PASSWORD};
    let (Some(vault), Some(database)) = (vault::shared(), postgres::database()) else { return };
    let path = vault::fresh_path();
    vault.write(&path, &json!({ "password": PASSWORD }));
    let reference = format!("vault:{path}#password");
    let settings = database.settings("read").replace("env:PG_PASSWORD", &reference);
    assert!(settings.contains(&reference), "{settings}");
    let script = "//! Test.\n//!\n//! uses = [\"postgres.main:read\"]\n\
                  check \"connected\", postgres(\"main\").value(\"SELECT 7\") == 7;\n";
    let (rig, seen) = project(vault.port, &vault.token, &settings).exec(script);
    seen.expect(0).hides(PASSWORD);
    rig.keeps_no(PASSWORD);
    vault.write(&path, &json!({ "password": "another-than-that" }));
    let (rig, seen) = project(vault.port, &vault.token, &settings).exec(script);
    seen.expect(1).says("refused the password").hides("another-than-that");
    rig.keeps_no("another-than-that");
}

#[test]
fn what_is_not_there_is_said_with_what_may_be_meant() {
    let Some(vault) = vault::shared() else { return };
    let path = vault::fresh_path();
    vault.write(&path, &json!({ "password": SECRET }));
    let server = Http::start();
    let ask = |reference: &str| consumer(&server, vault, &vault.token, reference).1.hides("v4ult");
    ask("vault:kv/none/app#x")
        .expect(1)
        .says("`vault:kv/none/app#x` of `http.api` cannot be had")
        .says("vault kv put");
    ask(&format!("vault:{path}#pasword")).expect(1).says("did you mean `password`?");
    let wrong = path.replacen("kv/", "kv/data/", 1);
    ask(&format!("vault:{wrong}#password"))
        .expect(1)
        .says(&format!("leave out `data/`, which is part of the API and not of the path: vault:{path}"));
    assert!(server.got().is_empty());
}

#[test]
fn a_token_that_may_not_is_refused() {
    let Some(vault) = vault::shared() else { return };
    let path = vault::fresh_path();
    vault.write(&path, &json!({ "password": SECRET }));
    let server = Http::start();
    let reference = format!("vault:{path}#password");
    let seen = consumer(&server, vault, "no-token-at-all", &reference).1.expect(1);
    seen.says("Permission denied")
        .says("let the policy of `token` of [env.local.vault.main] `read` that path");
    // What Vault itself says where a policy does not allow it; the server at hand knows no policies.
    let proxy = Proxy::http(vault.port);
    proxy.when(
        "GET",
        "/v1/",
        Fault::Say(403, "{\"errors\":[\"1 error occurred:\\n\\t* permission denied\\n\\n\"]}"),
        1,
    );
    let asked = || exec(&server, proxy.port, &vault.token, &reference).1;
    asked()
        .expect(1)
        .says("why: ")
        .says("1 error occurred: * permission denied (HTTP 403)")
        .hides(&vault.token);
    // It breaks off, and goes on.
    proxy.when("GET", "/v1/", Fault::Half(10), 1);
    asked().expect(1).says("cannot be had").says("closed the connection");
    asked().expect(1).says("why: [secret]");
    assert_eq!(server.got().len(), 1);
}

#[test]
fn a_role_logs_in() {
    let Some(vault) = vault::shared() else { return };
    let (path, (id, proof)) = (vault::fresh_path(), vault.role());
    vault.write(&path, &json!({ "password": SECRET }));
    let server = Http::start();
    server.tell("/", &[Answer::new(500, SECRET)]);
    let ask = |proof: &str| {
        let settings = settings(vault.port, "")
            .replace("token = \"env:RIG_TOKEN\"", "role_id = \"ID\"\nsecret_id = \"env:RIG_PROOF\"");
        let more =
            format!("[env.local.http.api]\nurl = \"{}\"\ntoken = \"vault:{path}#password\"\n", server.url());
        let rig = Rig::new(&format!("{}{more}", settings.replace("\"ID\"", &format!("\"{id}\""))))
            .variable("RIG_PROOF", proof);
        rig.exec("//! Test.\n//!\n//! uses = [\"http.api:read\"]\nhttp(\"api\").get(\"/\");\n")
    };
    let (rig, seen) = ask(&proof);
    seen.expect(1).says("why: [secret]");
    rig.keeps_no(&proof);
    let seen = ask("no-proof-at-all").1.expect(1);
    seen.says("does not let its role in").says("get a new `secret_id`").hides("no-proof-at-all");
    assert_eq!(server.got().len(), 1);
}

#[test]
fn sealed_hanging_and_absent_vaults_are_told_apart() {
    let Some(vault) = Vault::start() else { return };
    vault.write("kv/app", &json!({ "password": SECRET }));
    let server = Http::start();
    let reference = "vault:kv/app#password";
    let status = r#"let how = vault("main").status(); check "open", how.initialized && !how.sealed;"#;
    let script = |body: &str| format!("//! Test.\n//!\n//! uses = [\"vault.main:read\"]\n{body}\n");
    project(vault.port, "x", "").exec(&script(status)).1.expect(0);
    vault.seal();
    project(vault.port, "x", "")
        .exec(&script(r#"check "sealed", vault("main").status().sealed;"#))
        .1
        .expect(0);
    consumer(&server, &vault, &vault.token, reference)
        .1
        .expect(1)
        .says("unseal the vault of [env.local.vault.main]");
    vault.unseal();
    consumer(&server, &vault, &vault.token, reference).1.says("why: [secret]");
    vault.warden().hang();
    let seen = consumer(&server, &vault, &vault.token, reference).1.expect(4);
    vault.warden().go_on();
    seen.says("gave no answer within 2.0s").says("`request_timeout` of [env.local.vault.main]");
    let port = crate::rig::free_port();
    let seen = project(port, "x", "").exec(&script("vault(\"main\").status();")).1.expect(1);
    seen.says("nothing listens at 127.0.0.1:");
    assert_eq!(server.got().len(), 1);
}

#[test]
fn wrong_references_are_shown_at_their_place() {
    let check = |settings: &str| {
        let rig = Rig::new(settings).file("test.rhai", "//! Test.\n");
        rig.run(&["check", "test.rhai"])
    };
    let none = "[env.local.http.api]\nurl = \"http://127.0.0.1:1\"\ntoken = \"vault:secret/app#token\"\nuser = \"vault:secret\"\n";
    insta::assert_snapshot!(check(none), @r#"
    exit code: 2
    --- stdout
    --- stderr
    error: `vault:secret` does not say what is meant
      --> playbook.toml:4:8
      |
    4 | user = "vault:secret"
      |        ^^^^^^^^^^^^^^
      fix: say which field is meant: "vault:secret/app#password"
    "#);
    let none = "[env.local.http.api]\nurl = \"http://127.0.0.1:1\"\ntoken = \"vault:secret/app#token\"\n";
    insta::assert_snapshot!(check(none), @r#"
    exit code: 2
    --- stdout
    --- stderr
    error: nothing here keeps `vault:secret/app#token`
      --> playbook.toml:3:9
      |
    3 | token = "vault:secret/app#token"
      |         ^^^^^^^^^^^^^^^^^^^^^^^^
      fix: declare the `vault` that does: [env.local.vault.main]
    "#);
    let clear = "[env.local.vault.main]\nurl = \"http://127.0.0.1:1\"\ntoken = \"hvs.hunter2\"\n";
    check(clear).expect(2).hides("hunter2").says("the secret `token` may not stand in clear");
    let own = "[env.local.vault.main]\nurl = \"http://127.0.0.1:1\"\ntoken = \"vault:secret/own#token\"\n";
    check(own).expect(2).says("cannot be asked for what is needed to reach it");
}
