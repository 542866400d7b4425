//! What keys hold: read and written, of every kind.

use super::*;

#[test]
fn values_come_and_go() {
    need_redis!();
    let server = Server::start();
    server.run("HSET hash a 1");
    let lines = r#"
        check "nothing", cache.get("a") == () && !cache.exists("a");
        check "receipt", cache.set("a", "it's \"ü\"\n") == #{ key: "a", bytes: 10 };
        check "text", cache.get("a") == "it's \"ü\"\n" && cache.exists("a");
        cache.set("n", 5); check "number", cache.get("n") == "5";
        cache.set("n", 0.5); check "fraction", cache.get("n") == "0.5";
        cache.set("n", true); check "yes", cache.get("n") == "true";
        cache.set("empty", ""); check "empty", cache.get("empty") == "" && cache.exists("empty");
        cache.set("json", #{ a: [1] }.to_json()); check "json", cache.get("json") == `{"a":[1]}`;
        cache.set("bytes", "AP8=", #{ base64: true });
        check "bytes", cache.get("bytes", #{ base64: true }) == "AP8=";
        check "hash", cache.exists("hash");
        cache.set("t", "x", #{ expires: "10m" });
        check "time", cache.time_to_live("t") in 590_000..=600_000;
        check "for ever", cache.time_to_live("a") == ();
        cache.set("t", "y"); check "set lets live for ever", cache.time_to_live("t") == ();
        check "expire", cache.expire("t", "1h").changed && cache.time_to_live("t") > 3_590_000;
        check "until", cache.expire("t", "2999-01-01T00:00:00Z").changed && cache.time_to_live("t") > 3_600_000;
        check "persist", cache.persist("t").changed && cache.time_to_live("t") == () && !cache.persist("t").changed;
        check "several", cache.delete(["a", "a", "n", "nowhere"]).removed == 2;
        check "one", cache.delete("hash").removed == 1 && cache.delete("hash").removed == 0;
    "#;
    exec(&server.settings("destroy"), "destroy", lines).1.expect(0);
    assert_eq!(server.text("STRLEN bytes"), "2");
}

#[test]
fn what_is_no_text_or_too_large_is_refused_and_says_what_to_do() {
    need_redis!();
    let server = Server::start();
    server.run("HSET hash a 1");
    server.run("SETRANGE large 4000000 x");
    let mut connection = server.try_connect().unwrap();
    ::redis::cmd("SET").arg("bytes").arg(vec![b'a', 0xff]).query::<()>(&mut connection).unwrap();
    let lines = r#"
        let said = [];
        let held = |error| said.push(`${error.kind}: ${error.what}: ${error.why}: ${error.fix}`);
        try { cache.get("hash"); } catch (error) { held.call(error); check "code", error.details.code == "WRONGTYPE"; }
        try { cache.get("bytes"); } catch (error) { held.call(error); }
        try { cache.get("large"); } catch (error) { held.call(error); }
        try { cache.set("k", [1]); } catch (error) { held.call(error); }
        try { cache.set("k", "?", #{ base64: true }); } catch (error) { held.call(error); }
        try { cache.set("k", "x", #{ expires: "soon" }); } catch (error) { held.call(error); }
        try { cache.expire("nowhere", "1m"); } catch (error) { held.call(error); }
        try { cache.persist("nowhere"); } catch (error) { held.call(error); }
        try { cache.time_to_live("nowhere"); } catch (error) { held.call(error); }
        try { cache.count(""); } catch (error) { held.call(error); }
        check `ten ${said.len()}`, said.len() == 10;
        for line in said { log(line); }
        check "nothing was written", !cache.exists("k");
    "#;
    exec(&server.settings("write"), "write", lines)
        .1
        .expect(0)
        .says("WRONGTYPE Operation against a key holding the wrong kind of value")
        .says("holds another kind of value, such as a list or a hash")
        .says("no UTF-8 text: the first wrong byte stands at offset 1")
        .says("base64: true")
        .says("it is 3.8 MiB; at most 3.0 MiB come into a script")
        .says("give a text, a number, `true` or `false`")
        .says("is no base64")
        .says("`soon` is no duration")
        .says("missing: `redis.main` has no key `nowhere`")
        .says("an empty pattern matches nothing");
}

#[test]
fn messages_reach_those_who_listen() {
    need_redis!();
    let server = Server::start();
    let mut connection = server.try_connect().unwrap();
    let mut listener = connection.as_pubsub();
    listener.subscribe("news").unwrap();
    let lines = r#"
        check "one", cache.publish("news", "hello ü").receivers == 1;
        check "none", cache.publish("elsewhere", "hello").receivers == 0;
        fail("now");
    "#;
    // A message is not called back, and the summary says so.
    exec(&server.settings("write"), "write", lines)
        .1
        .expect(6)
        .says("a message that was heard cannot be called back");
    assert_eq!(listener.get_message().unwrap().get_payload::<String>().unwrap(), "hello ü");
}

#[test]
fn the_server_tells_of_itself() {
    need_redis!();
    let server = Server::with(&[("maxmemory", "100mb"), ("maxmemory-policy", "allkeys-lru")]);
    server.fill("k", 10);
    server.run("EXPIRE k:1 100");
    server.run("GET k:1");
    server.run("GET nowhere");
    let lines = r#"
        let ping = cache.ping();
        check "ping", ping.nodes == 1 && ping.latency_ms > 0.0 && ping.latency_ms < 5000.0;
        let info = cache.info();
        check "version", info.version.starts_with("7.") || info.version.len() > 2;
        check "role", info.role == "master" && info.replication.replicas == [];
        check "memory", info.memory.max == 104_857_600 && info.memory.used > 500_000;
        check "ratio", info.memory.ratio > 0.0 && info.memory.ratio < 0.5;
        check "clients", info.clients.connected >= 1 && info.clients.blocked == 0 && info.clients.max > 100;
        check "keys", info.keys == #{ total: 10, expiring: 1 };
        check "hits", info.hits == 1 && info.misses == 1 && info.hit_ratio == 0.5;
        check "evicted", info.evicted == 0 && info.expired == 0;
        check "up", info.up_ms >= 0 && info.operations_per_second >= 0;
    "#;
    exec(&server.settings("read"), "read", lines).1.expect(0);
    let second = format!("{}database = 3\n", server.settings("write"));
    let lines = r#"cache.set("only", "here"); let keys = cache.info().keys; check `${keys}`, keys == #{ total: 1, expiring: 0 };"#;
    exec(&second, "write", lines).1.expect(0);
    assert_eq!(server.text("DBSIZE"), "10");
}
