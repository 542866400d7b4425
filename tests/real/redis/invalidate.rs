//! Whole patterns: counted, removed, guarded, bounded, and stopped in the middle.

use std::time::Instant;

use super::*;

#[test]
fn all_keys_of_a_pattern_go_and_no_other() {
    need_redis!();
    let server = Server::start();
    server.fill("p", 20_000);
    server.fill("q", 5_000);
    server.run("HSET p:hash a 1");
    let lines = r#"
        check "count", cache.count("p:*") == 20_001 && cache.count("*") == 25_001 && cache.count("none*") == 0;
        let done = cache.invalidate("p:*");
        check `done ${done}`, done.matched == 20_001 && done.removed == 20_001 && done.took_ms > 0.0;
        check "again", cache.invalidate("p:*").removed == 0;
        check "one", cache.invalidate("q:1?").removed == 10;
        check "class", cache.invalidate("q:[34]0").removed == 2;
        check "escaped", cache.invalidate("q:\\*").removed == 0;
        check "rest", cache.count("*") == 4_988;
        check "all", cache.invalidate("*", #{ batch: 7 }).removed == 4_988;
    "#;
    exec(&server.settings("destroy"), "destroy", lines).1.expect(0);
    assert_eq!(server.text("DBSIZE"), "0");
    // Never by a command that would block the server.
    assert_eq!(server.calls("keys"), 0);
    assert!(server.calls("unlink") > 20 && server.calls("del") == 0);
}

#[test]
fn removed_keys_are_gone_and_a_block_takes_the_responsibility() {
    need_redis!();
    let server = Server::start();
    server.fill("p", 50);
    let (_, seen) = exec(&server.settings("destroy"), "destroy", "cache.invalidate(\"p:*\"); fail(\"now\");");
    seen.expect(6).says("50 of 50 keys match now, and are not kept: a cache fills itself again");
    server.fill("p", 50);
    let block = "//! T.\n//!\n//! uses = [\"redis.main:destroy\"]\nlet cache = redis(\"main\");\n\
                 step \"a\" { cache.invalidate(\"p:*\"); } rollback { cache.invalidate(\"p:*\"); }\nfail(\"now\");";
    Rig::new(&server.settings("destroy")).exec(block).1.expect(1);
}

#[test]
fn production_is_not_emptied_by_accident() {
    need_redis!();
    let server = Server::start();
    server.fill("p", 10);
    let marked = format!("{}production = true\n", server.settings("destroy"));
    for pattern in ["*", "**", "?*", "*:*", "[a-z]*"] {
        let lines = format!("cache.invalidate(\"{pattern}\");");
        for seen in [plan(&marked, "destroy", &lines), exec(&marked, "destroy", &lines).1] {
            seen.expect(3).says("would remove everything from `redis.main`").says("confirm: \"main\"");
        }
    }
    let other = "cache.invalidate(\"*\", #{ confirm: \"other\" });";
    exec(&marked, "destroy", other).1.expect(3).says("names another resource");
    exec(&marked, "destroy", "cache.invalidate(\"*\", #{ confirm: true });")
        .1
        .expect(2)
        .says("`confirm` of `redis.main.invalidate` takes a text");
    // No script catches it.
    let caught = "try { cache.invalidate(\"*\"); } catch {} cache.invalidate(\"p:1\");";
    exec(&marked, "destroy", caught).1.expect(3);
    assert_eq!(server.text("DBSIZE"), "10");
    exec(&marked, "destroy", "check \"one\", cache.invalidate(\"p:1\").removed == 1;").1.expect(0);
    let meant = "check \"all\", cache.invalidate(\"*\", #{ confirm: \"main\" }).removed == 9;";
    plan(&marked, "destroy", meant.trim_end_matches(".removed == 9;")).expect(0);
    exec(&marked, "destroy", meant).1.expect(0);
}

#[test]
fn an_environment_called_production_is_marked_unless_it_says_otherwise() {
    need_redis!();
    let server = Server::start();
    let run = |more: &str| {
        server.fill("p", 10);
        let settings =
            format!("{}{more}\n", server.settings("destroy").replace("env.local", "env.production"));
        exec(&settings, "destroy", "cache.invalidate(\"*\");").1
    };
    run("").expect(3).says("[env.production.redis.main] is marked `production`");
    run("production = true").expect(3);
    run("production = false").expect(0);
    assert_eq!(server.text("DBSIZE"), "0");
}

#[test]
fn a_rate_is_kept() {
    need_redis!();
    let server = Server::start();
    server.fill("p", 400);
    let begin = Instant::now();
    let lines = "check \"done\", cache.invalidate(\"p:*\", #{ rate: 400 }).removed == 400;";
    exec(&server.settings("destroy"), "destroy", lines).1.expect(0);
    // The last tenth of a second's worth is not waited for.
    assert!(begin.elapsed().as_millis() >= 850, "{:?}", begin.elapsed());
    for wrong in ["rate: 0", "batch: 0", "batch: 10001"] {
        let lines = format!("cache.invalidate(\"p:*\", #{{ {wrong} }});");
        exec(&server.settings("destroy"), "destroy", &lines)
            .1
            .expect(2)
            .says("`batch` is a number from 1 to 10000");
    }
}

#[test]
fn a_plan_guesses_where_there_are_many_keys() {
    need_redis!();
    let server = Server::start();
    server.fill("p", 20_000);
    server.fill("q", 80_000);
    let seen = plan(&server.settings("destroy"), "destroy", "cache.invalidate(\"p:*\");").expect(0);
    let text = seen.says("of 100000 keys match now").stdout;
    let guess: f64 = text.split("about ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((17_000.0..23_000.0).contains(&guess), "{text}");
    assert!(server.calls("scan") < 200, "a guess looks at few keys");
    assert_eq!(server.text("DBSIZE"), "100000");
}

#[test]
fn a_deadline_and_ctrl_c_end_it_in_the_middle() {
    need_redis!();
    let server = Server::start();
    server.fill("p", 5_000);
    let begin = Instant::now();
    let slow = "cache.invalidate(\"p:*\", #{ rate: 100, timeout: \"5s\" });";
    exec(&server.settings("destroy"), "destroy", slow).1.expect(6).says("gave no answer within 5.0s");
    assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
    let left: usize = server.text("DBSIZE").parse().unwrap();
    assert!((3_000..5_000).contains(&left), "{left}");

    let (rig, child) =
        self::begin(&server.settings("destroy"), "destroy", "cache.invalidate(\"p:*\", #{ rate: 100 });");
    wait_until("it removes", 20, || server.text("DBSIZE") != left.to_string());
    crate::rig::interrupt(&child);
    let begin = Instant::now();
    end(&rig, child);
    assert!(begin.elapsed().as_secs() < 8, "{:?}", begin.elapsed());
    assert!(server.text("DBSIZE") != "0");
}

#[test]
fn a_server_that_dies_in_the_middle_leaves_it_in_doubt_and_says_how_far_it_was() {
    need_redis!();
    let mut server = Server::start();
    server.fill("p", 5_000);
    let (rig, child) =
        begin(&server.settings("destroy"), "destroy", "cache.invalidate(\"p:*\", #{ rate: 500 });");
    wait_until("it removes", 20, || server.text("DBSIZE") != "5000");
    server.kill();
    let seen = end(&rig, child).expect(6).says("went away during").says("keys were removed until then");
    assert!(!seen.all().contains(" 0 keys were removed"), "{seen}");
}

#[test]
fn a_refusal_in_the_middle_says_so() {
    need_redis!();
    let server = Server::start();
    server.fill("p", 100);
    server.run("ACL SETUSER app on nopass ~q:* +@all");
    let settings = format!("{}user = \"app\"\npassword = \"env:PW\"\n", server.settings("destroy"));
    let rig = Rig::new(&settings).variable("PW", "whatever");
    // Looking is allowed, removing is not, so nothing was changed, and nothing is to be taken back.
    rig.exec(&script("destroy", "cache.invalidate(\"p:*\");"))
        .1
        .expect(1)
        .says("refused UNLINK")
        .says("NOPERM")
        .says("; 0 keys were removed until then");
    assert_eq!(server.text("DBSIZE"), "100");
}

#[test]
fn a_pattern_that_spares_nothing_is_found_by_check() {
    let settings = "[env.production.redis.main]\nhost = \"127.0.0.1\"\naccess = \"destroy\"\n";
    let script = |call: &str| {
        format!("//! T.\n//! uses = [\"redis.main:destroy\"]\nlet all = \"*\";\nredis(\"main\").{call};\n")
    };
    let check = |settings: &str, call: &str| {
        let rig = crate::rig::Rig::new(settings).file("test.rhai", &script(call));
        rig.run(&["check", "test.rhai", "--env", "production"])
    };
    let found = check(settings, "invalidate(\"*\")").expect(3).says("test.rhai:4");
    found.says("would remove everything from `redis.main`").says("confirm: \"main\"");
    check(settings, "invalidate(\"*\", #{ confirm: \"other\" })").expect(3).says("names another resource");
    check(settings, "invalidate(\"*\", #{ confirm: \"main\", timeout: \"5m\" })").expect(0);
    check(settings, "invalidate(\"user:*\")").expect(0);
    // What only a run can tell is told by the run.
    check(settings, "invalidate(all)").expect(0);
    check(&format!("{settings}production = false\n"), "invalidate(\"*\")").expect(0);
}
