//! Whom one connects to, as whom, how privately; and what happens when the other side is silent or goes away.

use std::process::Stdio;
use std::time::Instant;

use super::*;
use crate::rig::servers::postgres::Server;
use crate::rig::wait_until;

const ASK: &str = r#"check "one", db.value("SELECT 1") == 1;"#;

fn ask(settings: &str, password: &str) -> Seen {
    exec(Rig::new(settings).variable("PG_PASSWORD", password), "read", ASK).1
}

#[test]
fn each_way_of_not_getting_in_is_said_as_such() {
    let database = need_postgres!();
    let settings = database.settings("read");
    ask(&settings, "wr0ng-pa55word")
        .expect(1)
        .says("refused the password of `app`")
        .says("28P01")
        .hides("wr0ng-pa55word");
    ask(&settings.replace(&database.name, "nowhere"), PASSWORD)
        .expect(1)
        .says("has no database `nowhere`")
        .says("3D000");
    ask(&settings.replace("password = \"env:PG_PASSWORD\"\n", ""), PASSWORD)
        .expect(1)
        .says("wants a password")
        .says("password = \"env:NAME\"");
    ask(&settings, "").says("the secret `env:PG_PASSWORD`").says("export PG_PASSWORD");
    let port = format!("port = {}", database.server.port);
    let closed = format!("port = {}", crate::rig::free_port());
    ask(&settings.replace(&port, &closed), PASSWORD)
        .expect(1)
        .says("cannot be reached")
        .says("refused")
        .says("start the server");
    ask(&settings.replace("\"127.0.0.1\"", "\"no-such-host.invalid\""), PASSWORD)
        .expect(1)
        .says("cannot be reached at no-such-host.invalid");
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let settings = format!(
        "[env.local.postgres.main]\nhost = \"127.0.0.1\"\nport = {port}\nuser = \"app\"\nconnect_timeout = \"400ms\"\n"
    );
    let begin = Instant::now();
    ask(&settings, PASSWORD).expect(4).says("did not answer within 400ms");
    assert!(begin.elapsed().as_secs() < 10);
}

#[test]
fn a_connection_is_as_private_as_the_settings_say() {
    let database = need_postgres!();
    let encrypted = "db.value(\"SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()\")";
    let ca = database.server.authority();
    let with = |more: &str, wanted: bool| {
        let rig =
            Rig::new(&format!("{}{more}\n", database.settings("read"))).variable("PG_PASSWORD", PASSWORD);
        exec(rig, "read", &format!("check \"encrypted\", {encrypted} == {wanted};")).1
    };
    with("", true).expect(0);
    with("tls = \"disable\"", false).expect(0);
    with(&format!("tls = \"verify\"\nca = \"{}\"", ca.display()), true).expect(0);
    with("tls = \"verify\"", true).expect(1).says("no encrypted connection that can be trusted").says("`ca`");
    let other = database.server.socket().join("server.pem");
    with(&format!("tls = \"verify\"\nca = \"{}\"", other.with_extension("key").display()), true)
        .says("holds no certificate");
    let socket = database
        .settings("read")
        .replace("\"127.0.0.1\"", &format!("\"{}\"", database.server.socket().display()));
    ask(&socket, "unused").expect(0);
}

#[test]
fn a_password_within_a_url_is_a_secret_too() {
    let database = need_postgres!();
    let url = format!(
        "postgres://app:{PASSWORD}@127.0.0.1:{}/{}?sslmode=disable",
        database.server.port, database.name
    );
    let rig = Rig::new("[env.local.postgres.main]\nurl = \"env:DATABASE_URL\"\naccess = \"read\"\n")
        .variable("DATABASE_URL", &url);
    let (_, seen) = exec(
        rig,
        "read",
        &format!(
            "{ASK}\nlet word = `{}${{\"{}\"}}`; log(word); db.value(`SELECT '${{word}}'::int`);",
            &PASSWORD[..5],
            &PASSWORD[5..]
        ),
    );
    seen.expect(1).says("[secret]").hides(PASSWORD);
    let clear = format!("[env.local.postgres.main]\nurl = \"{url}\"\n");
    ask(&clear, "").says("holds a password in clear").hides(PASSWORD);
}

/// How many statements of the role `app` run on the server now.
fn running(server: &Server, database: &str) -> String {
    server.psql(database, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND state = 'active' AND datname = current_database()")
}

/// Whether the statement that sleeps has got so far: what comes before it is active for a moment, too.
fn sleeps(server: &Server, database: &str) -> bool {
    server.psql(database, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND wait_event = 'PgSleep' AND datname = current_database()") == "1"
}

#[test]
fn a_statement_that_takes_too_long_is_stopped_on_the_server_too() {
    let database = need_postgres!();
    database.sql("CREATE TABLE t (n int); INSERT INTO t VALUES (1)");
    let lines = r#"db.execute("UPDATE t SET n = 2 FROM pg_sleep(600)", [], #{ timeout: "3s" });"#;
    let begin = Instant::now();
    exec(rig(&database, "write"), "write", lines)
        .1
        .expect(4)
        .says("gave no answer within 3.0s")
        .says("the server was told to stop, and did")
        .hides("taken back");
    assert!(begin.elapsed().as_secs() < 60, "{:?}", begin.elapsed());
    assert_eq!(running(database.server, &database.name), "0");
    assert_eq!(database.sql("SELECT n FROM t"), "1");
}

#[test]
fn ctrl_c_stops_the_statement_on_the_server_too() {
    let database = need_postgres!();
    let rig = rig(&database, "read").file(
        "test.rhai",
        &script("read", r#"db.value("SELECT 1 FROM pg_sleep(600)", #{ timeout: "1h" });"#),
    );
    let mut child =
        rig.command(&["exec", "test.rhai"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the statement runs", 20, || sleeps(database.server, &database.name));
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    wait_until("it is stopped there", 20, || running(database.server, &database.name) == "0");
}

#[test]
fn a_server_that_hangs_in_the_middle_ends_nobodys_patience() {
    let Some(server) = Server::start() else { return };
    let rig = Rig::new(&server.settings("app", "write")).variable("PG_PASSWORD", PASSWORD);
    let lines = "db.value(\"SELECT 1\");\ndb.execute(\"SELECT pg_sleep(600)\", [], #{ timeout: \"15s\" });";
    let rig = rig.file("test.rhai", &script("write", lines));
    let child =
        rig.command(&["exec", "test.rhai"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the statement runs", 20, || sleeps(&server, "app"));
    server.signal("STOP");
    let begin = Instant::now();
    let output = child.wait_with_output().unwrap();
    server.signal("CONT");
    assert!(begin.elapsed().as_secs() < 60, "{:?}", begin.elapsed());
    Seen::new(
        output.status,
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
        rig.folder(),
    )
    .expect(6)
    .says("gave no answer within")
    .says("it is not known whether it took effect");
}

#[test]
fn a_server_that_dies_in_the_middle_leaves_a_change_in_doubt_and_a_transaction_undone() {
    for (statement, code, says) in [
        // What may commit by itself is in doubt; a statement in a transaction that was never committed is undone.
        (
            "db.execute(\"DO $$ BEGIN PERFORM pg_sleep(600); END $$\");",
            6,
            "it is not known whether it took effect",
        ),
        ("db.execute(\"SELECT pg_sleep(600)\");", 1, "nothing was changed"),
        ("db.transaction([\"SELECT pg_sleep(600)\"]);", 1, "nothing was changed"),
    ] {
        let Some(server) = Server::start() else { return };
        let rig = Rig::new(&server.settings("app", "write")).variable("PG_PASSWORD", PASSWORD);
        let rig = rig.file("test.rhai", &script("write", statement));
        let child = rig
            .command(&["exec", "test.rhai"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_until("the statement runs", 20, || sleeps(&server, "app"));
        server.signal("KILL");
        let output = child.wait_with_output().unwrap();
        Seen::new(
            output.status,
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
            rig.folder(),
        )
        .expect(code)
        .says("went away")
        .says(says);
    }
}

#[test]
fn a_connection_that_an_administrator_ends_is_an_error_and_the_next_call_gets_another() {
    let database = need_postgres!();
    let lines = r#"
        let error = ();
        try { db.execute("SELECT pg_terminate_backend(pg_backend_pid())"); } catch (caught) { error = caught; }
        check "said", error.details.sqlstate == "57P01";
        check "next", db.value("SELECT 1") == 1;
    "#;
    exec(rig(&database, "write"), "write", lines).1.expect(0);
}
