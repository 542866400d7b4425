//! `playbook serve`: the page, asked plainly and by a real browser.

mod browser;
mod many;
mod metrics;
mod oidc;
mod pages;
mod pictures;
mod secret;
mod sign_in;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use reqwest::blocking::{Client, Response};

use crate::rig::{Rig, interrupt, wait_until};

/// A project in which `cy` is asked at a gate and may approve what they began.
pub const PROJECT: &str = "[people.cy]\nlogin = [\"cy\", \"tester\"]\nemail = \"cy@example.com\"\n[people.dan]\n[env.local]\nself_approval = true\n\
     [env.local.files.out]\npath = \"out\"\naccess = \"write\"\n[env.local.program.tool]\npath = \"sh\"\naccess = \"write\"\nwrite = [[\"-c\", \"**\"]]\n";

/// A playbook with steps, output, a check, a metric and a gate.
pub const DEPLOY: &str = r#"//! Deploy the shop.
//!
//! params = { version = { type = "string", default = "1.0" } }
//! uses = ["files.out:write", "program.tool:write"]
let out = files("out");
step "Prepare" {
    out.put("one.txt", params.version);
    program("tool").run(["-c", "echo built it; echo warned >&2"]);
    metric "bytes", out.get("one.txt").len == 3;
}
gate("Go / No-Go", #{ approvers: ["cy"] });
step "Roll out" {
    step "First half" { out.put("two.txt", "2"); }
    check "it is there", out.get("two.txt") == "2";
}
"#;

/// A served page; it ends when dropped.
pub struct Page {
    child: Child,
    /// How it is reached, with a slash at its end.
    pub url: String,
    client: Client,
}

impl Page {
    /// Serves the project of a rig.
    pub fn serve(rig: &Rig, more: &[&str]) -> Self {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], more].concat();
        let mut child = rig.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http"), "it is not served: {url}");
        let builder = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let client = builder.danger_accept_invalid_certs(true).build().unwrap();
        Self { child, url: url.trim().to_owned(), client }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.url.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A request for a path.
    pub fn request(&self, method: &str, path: &str) -> reqwest::blocking::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// What is there, as a browser asks for it.
    pub fn get(&self, path: &str) -> Response {
        self.request("GET", path).header("accept", "text/html").send().unwrap()
    }

    /// The text of what is there.
    pub fn text(&self, path: &str) -> String {
        self.get(path).text().unwrap()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        interrupt(&self.child);
        let _ = self.child.wait();
    }
}

/// Begins a run in the background, and waits until it has opened its gate; gives it and its id.
pub fn begin(rig: &Rig) -> (Child, String) {
    let mut command = rig.command(&["exec", "deploy.rhai"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the gate is open", 60, || rig.run(&["show"]).stdout.contains("Go / No-Go: asks"));
    (child, last(rig))
}

/// The id of the last run.
pub fn last(rig: &Rig) -> String {
    let runs: serde_json::Value =
        serde_json::from_str(&rig.run(&["runs", "--output", "json"]).expect(0).stdout).unwrap();
    runs[0]["id"].as_str().unwrap().to_owned()
}

/// What stands in a page between two texts.
pub fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}")).1;
    rest.split_once(after).unwrap().0
}
