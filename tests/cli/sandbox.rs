//! The sandbox: every bound holds, and nothing that ends a run can be held by the script.

use crate::rig::Rig;

const SMALL: &str =
    "[env.local.limits]\ntimeout = \"2s\"\nmemory = \"64 MiB\"\n[env.local.files.store]\npath = \"store\"\n";

fn bounded(script: &str) -> crate::rig::seen::Seen {
    let begin = std::time::Instant::now();
    let seen = Rig::new(SMALL).exec(script).1;
    assert!(begin.elapsed().as_secs() < 30, "it was not stopped in time: {seen}");
    seen
}

#[test]
fn time_is_bounded_wherever_the_script_spends_it() {
    for script in [
        "loop {}",
        "loop { try { loop {} } catch { } }",
        "loop { try { [1, 2].map(|x| { loop {} }); } catch { } }",
        "let a = []; a.pad(1000, 1); a.sort(|x, y| { loop {} });",
        "fn f() { loop {} } f();",
        "wait(\"1h\");",
        "retry 1000 every \"1h\" { fail(\"x\"); }",
        "parallel([|| { loop {} }, || wait(\"1h\")]);",
    ] {
        bounded(script).expect(4).says("the run took longer than 2.0s");
    }
}

#[test]
fn memory_is_bounded_where_rhai_bounds_none() {
    for script in [
        "let m = #{}; let i = 0; loop { let q = []; q.pad(20000, \"x\"); m[`k${i}`] = q; i += 1; }",
        "let l = []; loop { let big = []; big.pad(50000, 1); l.push(|| big.len()); }",
        "loop { try { [1].map(|x| { let m = #{}; let i = 0; loop { let q = []; q.pad(90000, 1); m[`k${i}`] = [q]; i += 1; } }); } catch { } }",
    ] {
        let settings = SMALL.replace("2s", "100s");
        Rig::new(&settings).exec(script).1.expect(4).says("uses more memory than 64.0 MiB");
    }
}

#[test]
fn a_long_chain_of_closures_can_be_dropped() {
    Rig::new("[env.local.limits]\ntimeout = \"100s\"\nmemory = \"64 MiB\"\n")
        .exec("let f = || 0; for i in 0..250000 { let g = f; f = || g.call(); } f = (); check \"dropped\", f == ();")
        .1
        .expect(0)
        .says("dropped");
}

#[test]
fn depths_sizes_and_counts_are_bounded() {
    bounded("fn r(n) { r(n + 1) } r(0);").expect(4).says("call each other too deeply");
    bounded("let s = \"aaaaaaaaaaaaaaaa\"; loop { s += s; }").expect(4).says("too large");
    bounded(&format!("let x = {}1{};", "(".repeat(5000), ")".repeat(5000)))
        .expect(4)
        .says("nests too deeply");
    bounded(&(0..3000).map(|n| format!("let x{n} = 1;\n")).collect::<String>())
        .expect(4)
        .says("too many variables");
    bounded(&format!("// {}", "x".repeat(2 << 20))).expect(2).says("too large");
    let few = "[env.local.limits]\noperations = 1000\n";
    Rig::new(few).exec("for i in 0..100000 { }").1.expect(4).says("too many operations");
}

#[test]
fn a_denial_cannot_be_held() {
    for script in [
        "let name = \"store\"; try { files(name).put(\"k\", \"v\"); } catch { log(\"hel\" + \"d\"); } log(\"went \" + \"on\");",
        "let name = \"store\"; loop { try { [1].map(|x| files(name).put(\"k\", \"v\")); } catch { log(\"hel\" + \"d\"); } }",
    ] {
        bounded(script).expect(3).hides("held").hides("went on").says("files.store:");
    }
}

#[test]
fn a_limit_that_is_met_takes_back_what_was_done() {
    let settings = "[env.local.limits]\ntimeout = \"2s\"\n[env.local.files.store]\npath = \"store\"\naccess = \"write\"\n";
    let (rig, seen) = Rig::new(settings)
        .exec("//! T.\n//!\n//! uses = [\"files.store:write\"]\nfiles(\"store\").put(\"k\", \"v\"); loop {}");
    seen.expect(4).says("taken back");
    assert!(!rig.path("store/k").exists());
}
