//! What was changed is taken back: any kind of value, and its time to live.

use super::*;

/// Keys of every kind, with and without a time to live.
fn filled() -> Server {
    let server = Server::start();
    for command in [
        "SET text one",
        "SET timed two PX 600000",
        "HSET hash a 1 b 2",
        "RPUSH list x y z",
        "SADD set m",
        "ZADD sorted 1 a 2 b",
        "XADD stream 1-1 field value",
        "EXPIRE hash 600",
    ] {
        server.run(command);
    }
    let mut connection = server.try_connect().unwrap();
    ::redis::cmd("SET").arg("bytes").arg(vec![0_u8, 0xff]).query::<()>(&mut connection).unwrap();
    server
}

#[test]
fn a_failed_run_leaves_the_keys_as_they_were() {
    need_redis!();
    let server = filled();
    let before = server.dump();
    let lines = r#"
        cache.set("text", "new", #{ expires: "1h" });
        cache.set("timed", "new");
        cache.set("hash", "was a hash");
        cache.set("bytes", "was bytes");
        cache.set("made", "here");
        cache.set("made", "twice");
        cache.delete(["list", "set", "nowhere"]);
        cache.delete("sorted");
        cache.expire("stream", "10m");
        cache.persist("timed");
        check "changed", cache.get("timed") == "new" && !cache.exists("list");
        fail("on purpose");
    "#;
    let (_, seen) = exec(&server.settings("destroy"), "destroy", lines);
    seen.expect(1).says("on purpose").says("taken back");
    assert_eq!(server.dump(), before);
    let left: u64 = server.text("PTTL timed").parse().unwrap();
    assert!((500_000..=600_000).contains(&left), "{left}");
    let left: u64 = server.text("PTTL hash").parse().unwrap();
    assert!((500_000..=600_000).contains(&left), "{left}");
}

#[test]
fn a_key_that_expired_meanwhile_is_put_back_with_its_value() {
    need_redis!();
    let server = filled();
    let before = server.dump();
    let lines = r#"
        cache.expire("list", "1ms");
        cache.expire("timed", "1ms");
        retry 100 every "20ms" { if cache.exists("list") || cache.exists("timed") { fail("still there"); } }
        cache.expire("text", "10m");
        cache.set("text", "changed since");
        fail("on purpose");
    "#;
    exec(&server.settings("write"), "write", lines).1.expect(1).says("on purpose");
    assert_eq!(server.dump(), before);
}

#[test]
fn a_key_that_is_there_gets_back_its_time_and_keeps_what_others_wrote() {
    need_redis!();
    let server = filled();
    let lines = r#"
        cache.expire("list", "10m");
        retry 1200 every "25ms" { if !cache.exists("go") { fail("not yet"); } }
        fail("on purpose");
    "#;
    let (rig, child) = begin(&server.settings("write"), "write", lines);
    wait_until("the list expires", 20, || server.text("PTTL list") != "-1");
    server.run("RPUSH list other");
    server.run("SET go 1");
    end(&rig, child).expect(1);
    assert_eq!((server.text("LLEN list"), server.text("PTTL list")), ("4".to_owned(), "-1".to_owned()));
}

#[test]
fn what_is_too_large_to_be_kept_is_said_to_be_gone() {
    need_redis!();
    let server = Server::start();
    server.run("SETRANGE large 2000000 x");
    let lines = r#"cache.set("large", "small"); fail("on purpose");"#;
    let (_, seen) = exec(&server.settings("write"), "write", lines);
    seen.expect(6).says("`large` holds 1.9 MiB, and no more than 1.0 MiB are kept");
    assert_eq!(server.text("GET large"), "small");
    // Its time can be kept all the same.
    let lines = r#"cache.set("large", "again"); cache.expire("large", "10m"); fail("on purpose");"#;
    exec(&server.settings("write"), "write", lines).1.expect(1);
    server.run("SETRANGE large 2000000 x");
    let lines = r#"cache.expire("large", "10m"); fail("on purpose");"#;
    exec(&server.settings("write"), "write", lines).1.expect(1);
    assert_eq!(server.text("PTTL large"), "-1");
    let lines = r#"cache.persist("large"); cache.expire("large", "10m"); fail("on purpose");"#;
    server.run("EXPIRE large 900");
    exec(&server.settings("write"), "write", lines).1.expect(1);
    let left: u64 = server.text("PTTL large").parse().unwrap();
    assert!((800_000..=900_000).contains(&left), "{left}");
}

#[test]
fn what_the_user_may_not_read_can_be_changed_but_not_taken_back() {
    need_redis!();
    let server = Server::start();
    server.run("ACL SETUSER app on nopass ~app:* +set +unlink +ping +client|setname");
    server.run("SET app:a before");
    let settings = format!("{}user = \"app\"\npassword = \"env:PW\"\n", server.settings("destroy"));
    let lines = r#"cache.set("app:a", "after"); fail("on purpose");"#;
    let rig = Rig::new(&settings).variable("PW", "whatever");
    rig.exec(&script("destroy", lines)).1.expect(6).says("may not be read").says("NOPERM");
    assert_eq!(server.text("GET app:a"), "after");
}

#[test]
fn a_plan_changes_nothing_and_says_what_would_be_final() {
    need_redis!();
    let server = filled();
    server.run("SETRANGE large 2000000 x");
    let before = server.dump();
    let lines = r#"
        let was = cache.get("text");
        check "was", was == "one";
        cache.set("text", "new", #{ expires: "10m" });
        cache.set("large", "small");
        cache.delete(["list", "set"]);
        cache.expire("hash", "5m");
        cache.persist("hash");
        cache.publish("news", "hello");
        cache.invalidate("t*");
        cache.restore([#{ key: "text", text: "x" }]);
    "#;
    plan(&server.settings("destroy"), "destroy", lines)
        .expect(0)
        .says("set `text` of redis.main to `new` for 10m")
        .says("`large` holds 1.9 MiB")
        .says("delete `list`, `set` of redis.main")
        .says("let `hash` of redis.main expire: 5m")
        .says("publish `hello` on `news`")
        .says("remove every key `t*` of redis.main")
        .says("2 of 9 keys match now");
    assert_eq!(server.dump(), before);
}

#[test]
fn each_verb_wants_the_access_that_it_is_worth() {
    need_redis!();
    let server = filled();
    let before = server.dump();
    for (access, line, wants) in [
        ("read", "cache.set(\"text\", \"x\");", "redis.main:write"),
        ("read", "cache.expire(\"text\", \"1m\");", "redis.main:write"),
        ("read", "cache.persist(\"timed\");", "redis.main:write"),
        ("read", "cache.publish(\"a\", \"b\");", "redis.main:write"),
        ("read", "cache.restore([]);", "redis.main:write"),
        ("write", "cache.delete(\"text\");", "redis.main:destroy"),
        ("write", "cache.invalidate(\"t*\");", "redis.main:destroy"),
    ] {
        exec(&server.settings(access), access, line).1.expect(3).says(wants);
        exec(&server.settings("destroy"), access, line).1.expect(3).says(wants);
    }
    assert_eq!(server.dump(), before);
}

#[test]
fn a_crash_around_a_change_is_survived() {
    need_redis!();
    let server = Server::start();
    server.run("SET banner old");
    server.run("SET short lived EX 5500");
    let rig = || Rig::new(&server.settings("destroy"));
    let state = || {
        let ttl = |key: &str| server.text(&format!("TTL {key}")).parse::<i64>().map_or(0, |ttl| ttl / 1000);
        (server.text("GET banner"), server.text("GET short"), ttl("banner"), ttl("short"))
    };
    for line in [
        "redis(\"main\").set(\"banner\", \"new\");",
        "redis(\"main\").expire(\"banner\", \"3h\");",
        "redis(\"main\").persist(\"short\");",
        "redis(\"main\").delete([\"banner\", \"short\"]);",
    ] {
        crate::rig::crash::survives(rig, "redis.main:destroy", line, state);
    }
    // Of what was done in part before the crash, all comes back.
    let text = "//! T.\n//! uses = [\"redis.main:destroy\"]\nredis(\"main\").delete([\"banner\", \"short\"]);\nfail(\"no\");\n";
    let (rig, before) = (rig().file("test.rhai", text), state());
    rig.killed(crate::rig::crash::BEFORE);
    server.run("DEL banner");
    rig.run(&["resume", "last"]).expect(1).says("taken back");
    assert_eq!(state(), before);
}

#[test]
fn a_crash_around_and_in_the_middle_of_removing_a_pattern_is_survived() {
    need_redis!();
    let server = Server::start();
    let text = script("destroy", "cache.invalidate(\"p:*\");");
    for (moment, left) in [("3:after", "50"), ("4:before", "0")] {
        server.fill("p", 50);
        let rig = Rig::new(&server.settings("destroy")).file("test.rhai", &text);
        rig.killed(moment);
        assert_eq!(server.text("DBSIZE"), left, "{moment}");
        rig.run(&["resume", "last"]).expect(0);
        assert_eq!(server.text("DBSIZE"), "0", "{moment}");
    }
    server.fill("p", 2_000);
    let (rig, mut child) =
        begin(&server.settings("destroy"), "destroy", "cache.invalidate(\"p:*\", #{ rate: 200 });");
    wait_until("it removes", 20, || server.text("DBSIZE") != "2000");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_ne!(server.text("DBSIZE"), "0", "it was killed too late to show anything");
    rig.run(&["resume", "last"]).expect(0);
    assert_eq!(server.text("DBSIZE"), "0");
}
