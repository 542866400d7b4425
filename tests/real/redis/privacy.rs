//! Whom one connects as, and how privately.

use super::*;

const ASK: &str = r#"check "pong", cache.ping().nodes == 1; cache.get("a");"#;

fn ask(settings: &str, secret: &str) -> Seen {
    Rig::new(settings).variable("PW", secret).exec(&script("read", ASK)).1
}

#[test]
fn a_password_is_asked_for_and_kept() {
    need_redis!();
    let server = Server::with_password("rig-Pa55word");
    let settings = format!("{}password = \"env:PW\"\n", server.settings("read"));
    ask(&settings, "rig-Pa55word").expect(0);
    ask(&settings, "wr0ng-pa55word")
        .expect(1)
        .says("`redis.main` refused the password")
        .says("WRONGPASS")
        .says("correct `user`, or the value that `password` refers to")
        .hides("wr0ng-pa55word");
    ask(&server.settings("read"), "").expect(1).says("NOAUTH").says("set `password = \"env:NAME\"`");
    ask(&settings, "").says("the secret `env:PW`").says("export PW");
    let open = Server::start();
    ask(&format!("{}password = \"env:PW\"\n", open.settings("read")), "rig-Pa55word")
        .expect(1)
        .says("without any password configured")
        .says("take `password` out");
    // It is no word of the script's either.
    let lines = format!(
        "cache.ping(); cache.set(\"a\", `${{\"{}\"}}${{\"{}\"}}`); log(cache.get(\"a\"));",
        &"rig-Pa55word"[..6],
        &"rig-Pa55word"[6..]
    );
    let settings = format!("{}password = \"env:PW\"\n", server.settings("write"));
    Rig::new(&settings)
        .variable("PW", "rig-Pa55word")
        .exec(&script("write", &lines))
        .1
        .expect(0)
        .hides("rig-Pa55word");
}

#[test]
fn a_user_may_do_what_the_server_lets_it() {
    need_redis!();
    let server = Server::start();
    server.run("ACL SETUSER app on >app-Pa55word ~app:* +@read +@write +@connection -publish");
    server.run("SET app:a 1");
    let settings = format!("{}user = \"app\"\npassword = \"env:PW\"\n", server.settings("write"));
    let run =
        |lines: &str| Rig::new(&settings).variable("PW", "app-Pa55word").exec(&script("write", lines)).1;
    run("check \"a\", cache.get(\"app:a\") == \"1\"; cache.set(\"app:a\", 2);").expect(0);
    for (line, says) in [
        ("cache.get(\"other\");", "no permissions to access one of the keys"),
        ("cache.set(\"other\", 1);", "no permissions to access one of the keys"),
        ("cache.info();", "no permissions to run the 'info' command"),
        ("cache.publish(\"a\", \"b\");", "no permissions to run the 'publish' command"),
    ] {
        let seen = run(line).expect(1).says(says).says("NOPERM").says("ACL SETUSER");
        // What was refused was not done, so there is nothing to take back.
        seen.hides("not taken back");
    }
    let nobody = settings.replace("\"app\"\npass", "\"nobody\"\npass");
    ask(&nobody, "app-Pa55word").expect(1).says("refused the password of `nobody`").hides("app-Pa55word");
}

#[test]
fn a_connection_is_as_private_as_the_settings_say() {
    need_redis!();
    let server = Server::encrypted(&[("tls-auth-clients", "no")]);
    let ca = format!("ca = \"{}\"", server.path("ca.pem").display());
    let with = |more: &str| ask(&format!("{}{more}\n", server.settings("read")), "");
    with(&format!("tls = true\n{ca}")).expect(0);
    with("tls = true").expect(1).says("certificate").says("`ca`");
    with("").expect(1).says("cannot be reached").says("It may want encryption (`tls = true`)");
    with(&ca).expect(2).says("set `tls = true`");
    with(&format!("tls = true\nca = \"{}\"", server.path("server.key").display()))
        .says("holds no certificate");
    let named = server.settings("read").replace("127.0.0.1", "localhost");
    ask(&format!("{named}tls = true\n{ca}\n"), "").expect(1).says("certificate");
    let plain = Server::start();
    let plain = format!("{}tls = true\n{ca}\nconnect_timeout = \"1s\"\n", plain.settings("read"));
    ask(&plain, "").expect(4).says("set `tls = false`");
}

#[test]
fn a_server_that_asks_for_a_certificate_gets_one() {
    need_redis!();
    let server = Server::encrypted(&[]);
    let path = |name: &str| server.path(name).display().to_string();
    let base = format!("{}tls = true\nca = \"{}\"\n", server.settings("read"), path("ca.pem"));
    let own =
        format!("{base}certificate = \"{}\"\nkey = \"file:{}\"\n", path("client.pem"), path("client.key"));
    ask(&own, "").expect(0);
    ask(&base, "").expect(1).says("cannot be reached");
    let swapped = own.replace("file:", "env:X").replace(&path("client.key"), "");
    ask(&swapped, "").says("the secret `env:X`");
}
