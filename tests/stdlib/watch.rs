//! Watching what was deployed, and conditions that people weigh.

use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::http::{Answer, Http};

fn exec(server: &Http, body: &str) -> Seen {
    let settings = format!(
        "[env.local]\nclock = {{ \"1m\" = \"20ms\" }}\n[env.local.http.api]\nurl = \"{}\"\n",
        server.url()
    );
    let script = format!(
        "//! T.\n//!\n//! uses = [\"http.api:read\"]\nimport \"std/conditions\" as conditions;\nimport \"std/watch\" as watch;\n\
         let api = http(\"api\");\nlet deployed = now();\n{body}\n"
    );
    Rig::new(&settings).exec(&script).1
}

/// A service whose looks find these numbers, the last of them for ever.
fn figures(numbers: &[i64]) -> Http {
    let server = Http::start();
    let answers: Vec<Answer> = numbers.iter().map(|number| Answer::new(200, &number.to_string())).collect();
    server.tell("/figure", &answers);
    server
}

const WATCH: &str = "watch::between(deployed, \"0s\", \"10m\", #{ every: \"1m\", conditions: [\n\
    #{ name: \"figure\", measure: || api.get(\"/figure\").json, at_most: 5, lasts: \"3m\" }] });\nlog(\"went on\");";

#[test]
fn what_is_broken_for_a_moment_is_told_and_what_lasts_fails_the_run() {
    let server = figures(&[1, 9, 9, 1, 9, 9, 1]);
    exec(&server, WATCH)
        .expect(0)
        .says("it is 9, and should be at most 5")
        .says("✔ figure: 1 (<= 5)")
        .says("went on");
    assert_eq!(server.got().len(), 10);
    let server = figures(&[1, 9]);
    exec(&server, WATCH)
        .expect(1)
        .says("the condition “figure” was broken for 3m")
        .says("✘ figure: 9 (wanted <= 5)")
        .hides("went on");
    assert_eq!(server.got().len(), 4, "it ends at the third look that is wrong");
    // Without `lasts` the first look that is wrong is enough.
    let server = figures(&[9]);
    exec(&server, &WATCH.replace(", lasts: \"3m\"", "")).expect(1).says("the condition “figure” was broken");
    assert_eq!(server.got().len(), 1);
}

#[test]
fn what_cannot_be_measured_takes_nothing_back_unless_it_was_never_seen() {
    let server = Http::start();
    server.tell(
        "/figure",
        &[
            Answer::new(503, "no"),
            Answer::new(503, "no"),
            Answer::new(503, "no"),
            Answer::new(503, "no"),
            Answer::new(200, "2"),
        ],
    );
    exec(&server, WATCH).expect(0).says("it could not be measured").says("✔ figure: 2 (<= 5)");
    let server = Http::start();
    exec(&server, WATCH).expect(1).says("figure was never seen well");
    exec(&server, &WATCH.replace("at_most: 5", "at_moist: 5"))
        .expect(1)
        .says("a condition cannot be judged: figure");
}

#[test]
fn conditions_that_are_not_met_are_noted_and_given_and_fail_nothing() {
    let server = figures(&[7]);
    let body = "let doubts = conditions::not_met([\n\
        #{ name: \"low\", measure: || api.get(\"/figure\").json, at_least: 8 }, #{ name: \"high\", measure: || 7, above: 6 },\n\
        #{ name: \"blind\", measure: || api.get(\"/none\").json, below: 1 }, #{ name: \"dead\", probe: api, path: \"/none\" }]);\n\
        check \"three\", doubts.len() == 3 && doubts[0] == \"low: it is 7, and should be at least 8\"; log(\"went on\");";
    exec(&server, body)
        .expect(0)
        .says("✘ low: 7 (wanted >= 8)")
        .says("✔ high: 7 (> 6)")
        .says("✘ blind")
        .says("✘ dead")
        .says("went on");
}
