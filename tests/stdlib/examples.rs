//! The examples in the comments of the standard library: nothing is wrong with them.

use std::path::Path;

use crate::rig::Rig;

/// Resources of the names that the examples use.
const SETTINGS: &str = "[people.ada]\n[env.local.haproxy.edge]\naddress = \"./admin.sock\"\naccess = \"write\"\n\
    [env.local.nginx.edge]\naccess = \"write\"\n[env.local.nginx.edge.upstreams.app]\nfile = \"app.conf\"\nservers = { blue = \"127.0.0.1:1\" }\n\
    [env.local.prometheus.main]\nurl = \"http://127.0.0.1:1\"\n\
    [env.local.http.green]\nurl = \"http://127.0.0.1:1\"\n[env.local.http.api]\nurl = \"http://127.0.0.1:1\"\n";

const USES: &str = "//! uses = [\"haproxy.edge:write\", \"nginx.edge:write\", \"prometheus.main:read\", \"http.green:read\", \"http.api:read\"]";

#[test]
fn every_function_of_the_standard_library_has_an_example_that_is_right() {
    let mut count = 0;
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("stdlib")).unwrap().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let name = entry.path().file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(text.starts_with("//! "), "{name} does not open with what it is for");
        let functions = text.lines().filter(|line| line.starts_with("fn ")).count();
        let examples: Vec<String> = text
            .split("/// ```rhai\n")
            .skip(1)
            .map(|rest| rest.split("/// ```\n").next().unwrap().replace("/// ", ""))
            .collect();
        assert_eq!(examples.len(), functions, "{name}: each public function has one example");
        for example in examples {
            let script = format!("//! Test.\n//!\n{USES}\nimport \"std/{name}\" as {name};\n{example}");
            Rig::new(SETTINGS).file("test.rhai", &script).run(&["check", "test.rhai"]).expect(0);
            count += 1;
        }
    }
    assert!(count >= 5, "{count}");
}
