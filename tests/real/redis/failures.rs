//! A server that is not there, hangs, dies, is full, or still loads.

use std::time::Instant;

use super::*;

#[test]
fn a_server_that_is_not_there_is_said_to_be() {
    need_redis!();
    let port = crate::rig::free_port();
    let settings = format!("[env.local.redis.main]\nport = {port}\naccess = \"destroy\"\n");
    for line in ["cache.ping();", "cache.set(\"a\", 1);", "cache.exists(\"a\");", "cache.invalidate(\"a*\");"]
    {
        exec(&settings, "destroy", line)
            .1
            .expect(1)
            .says(&format!("`redis.main` cannot be reached at 127.0.0.1:{port}"))
            .says("Connection refused")
            .hides("inverse")
            .says("start the server, or correct `host` and `port`");
    }
    let nowhere = "[env.local.redis.main]\nhost = \"no-such-host.invalid\"\n";
    exec(nowhere, "read", "cache.ping();").1.expect(1).says("cannot be reached at no-such-host.invalid:6379");
}

#[test]
fn what_is_no_redis_is_noticed() {
    need_redis!();
    let http = crate::rig::servers::http::Http::start();
    let port = http.url().rsplit_once(':').unwrap().1.to_owned();
    let settings = format!("[env.local.redis.main]\nport = {port}\nconnect_timeout = \"2s\"\n");
    let (_, seen) = exec(&settings, "read", "cache.ping();");
    assert!(matches!(seen.code, 1 | 4), "{seen}");
    seen.says("cannot be reached");
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_given_up() {
    need_redis!();
    let server = Server::start();
    server.hang();
    let settings = format!("{}connect_timeout = \"400ms\"\n", server.settings("write"));
    let begin = Instant::now();
    exec(&settings, "write", "cache.get(\"a\");").1.expect(4).says("did not answer within 400ms");
    // Nothing was sent, so there is no doubt.
    exec(&settings, "write", "cache.set(\"a\", 1);").1.expect(4).hides("in doubt").hides("not taken back");
    let patient = server.settings("write");
    exec(&patient, "write", "cache.set(\"a\", 1, #{ timeout: \"500ms\" });")
        .1
        .expect(4)
        .says("gave no answer within 500ms")
        .hides("in doubt");
    assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
    // Nor does a plan wait for ever for what is there now.
    let endless = format!("{}connect_timeout = \"10m\"\n", server.settings("write"));
    plan(&endless, "write", "cache.set(\"a\", 1, #{ timeout: \"500ms\" });")
        .expect(0)
        .says("would not begin: `redis.main` gave no answer within 500ms");
    server.go_on();
    assert_eq!(server.text("GET a"), "()");
}

#[test]
fn a_server_that_hangs_in_the_middle_leaves_a_change_in_doubt() {
    need_redis!();
    let server = Server::start();
    let lines = r#"
        cache.set("ready", "yes");
        retry 400 every "25ms" { if cache.get("go") == () { fail("not yet"); } }
        cache.set("n", 1, #{ timeout: "3s" });
    "#;
    let (rig, child) = begin(&server.settings("write"), "write", lines);
    wait_until("it has begun", 20, || server.text("EXISTS ready") == "1");
    // From now on the server answers reads, and keeps changes waiting: a hang that begins when the change was sent.
    let mut both = ::redis::pipe();
    both.atomic().cmd("CLIENT").arg("PAUSE").arg(6_000).arg("WRITE").cmd("SET").arg("go").arg(1);
    both.query::<()>(&mut server.try_connect().unwrap()).unwrap();
    let begin = Instant::now();
    end(&rig, child)
        .expect(4)
        .says("gave no answer within 3.0s")
        .says("it is not known whether it took effect")
        // What was there before is put back all the same, once the server lets it.
        .says("delete `n` of redis.main");
    assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
}

#[test]
fn a_server_that_dies_is_an_error_and_the_next_call_finds_it_again() {
    need_redis!();
    let server = Server::start();
    let lines = r#"
        cache.set("a", "1");
        let n = 0;
        for turn in 0..20 {
            // All connections are closed by the server, in between.
            cache.set(`k:${turn}`, "x");
            wait("20ms");
            n += 1;
        }
        check "all", n == 20;
    "#;
    let (rig, child) = begin(&server.settings("write"), "write", lines);
    wait_until("it has begun", 20, || server.text("EXISTS k:1") == "1");
    for _ in 0..10 {
        server.run("CLIENT KILL TYPE normal SKIPME yes");
        std::thread::sleep(std::time::Duration::from_millis(15));
    }
    // A connection closed while it lay idle is noticed before anything is sent on it; one closed in the middle of a
    // command is an error, which is rare but right.
    let seen = end(&rig, child);
    let says = ["went away during", "cannot be reached"];
    assert!(seen.code == 0 || says.iter().any(|says| seen.all().contains(says)), "{seen}");
}

#[test]
fn the_servers_own_words_come_with_what_to_do() {
    need_redis!();
    let full = Server::with(&[("maxmemory", "500kb"), ("maxmemory-policy", "noeviction")]);
    exec(&full.settings("write"), "write", "cache.set(\"a\", 1);")
        .1
        .expect(1)
        .says("refused SET of `a`")
        .says("OOM command not allowed when used memory > 'maxmemory'")
        .says("raise maxmemory")
        .hides("not taken back");
    let seen = Rig::new(&full.settings("write")).run(&["doctor", "redis.main"]).expect(1);
    seen.says("is full at").says("maxmemory-policy is noeviction").says("fix: remove what is not needed");
    Rig::new(&full.settings("read")).run(&["doctor", "redis.main"]).expect(0);
    let lonely = Server::with(&[("min-replicas-to-write", "1")]);
    exec(&lonely.settings("write"), "write", "cache.set(\"a\", 1);")
        .1
        .expect(1)
        .says("NOREPLICAS")
        .says("so few");
    let busy = Server::with(&[("maxclients", "1")]);
    // The one that asked whether it is there may not have left yet.
    let mut only = None;
    wait_until("the one place is taken", 20, || {
        let is_let_in = |mut one| ::redis::cmd("PING").query::<String>(&mut one).ok().map(|_| one);
        only = busy.try_connect().ok().and_then(is_let_in);
        only.is_some()
    });
    exec(&busy.settings("read"), "read", "cache.ping();").1.expect(1).says("maxclients");
    let small = Server::with(&[("databases", "2")]);
    exec(&format!("{}database = 5\n", small.settings("read")), "read", "cache.ping();")
        .1
        .expect(1)
        .says("DB index is out of range")
        .says("correct `database`");
    let bare = Server::with(&[("rename-command", "UNLINK \"\"")]);
    bare.run("SET a 1");
    exec(&bare.settings("destroy"), "destroy", "cache.delete(\"a\");")
        .1
        .expect(1)
        .says("unknown command")
        .says("Redis 4.0");
}

#[test]
fn a_server_that_loads_or_runs_a_script_is_waited_for_by_whoever_retries() {
    need_redis!();
    let server = Server::with(&[("busy-reply-threshold", "1")]);
    let mut long = server.try_connect().unwrap();
    let thread = std::thread::spawn(move || {
        let script = "local n = 0; while true do n = n + 1 end";
        let _ = ::redis::cmd("EVAL").arg(script).arg(0).query::<()>(&mut long);
    });
    wait_until("the server is busy", 20, || {
        let mut connection = match server.try_connect() {
            Ok(connection) => connection,
            Err(_) => return true,
        };
        ::redis::cmd("GET").arg("a").query::<Option<String>>(&mut connection).is_err()
    });
    exec(&server.settings("write"), "write", "cache.get(\"a\");")
        .1
        .expect(1)
        .says("BUSY")
        .says("SCRIPT KILL");
    let (rig, child) = begin(&server.settings("write"), "write", "cache.set(\"a\", 1, #{ retry: 20 });");
    std::thread::sleep(std::time::Duration::from_millis(300));
    server.run("SCRIPT KILL");
    let seen = end(&rig, child);
    assert!(seen.code == 0 || seen.all().contains("was not begun"), "{seen}");
    thread.join().unwrap();
}
