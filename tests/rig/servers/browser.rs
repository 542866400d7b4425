//! A real Chromium without a window, driven over the plain HTTP interface of WebDriver.

use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::super::{free_port, wait_until};
use super::warden::{self, Warden};

/// The name under which WebDriver tells an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys that are no letters.
pub mod key {
    /// To the next element.
    pub const TAB: &str = "\u{e004}";
    /// To do what has the focus.
    pub const ENTER: &str = "\u{e007}";
    /// To do what has the focus, where it is a button.
    pub const SPACE: &str = " ";
}

/// A running browser with one page; it ends when dropped.
pub struct Browser {
    _driver: Warden,
    port: u16,
    session: String,
    client: reqwest::blocking::Client,
}

/// Whether there is a Chromium here; installed when there is none and that is possible.
pub fn is_here() -> bool {
    static HERE: OnceLock<bool> = OnceLock::new();
    *HERE.get_or_init(|| {
        warden::from_debian("Chromium", "chromium", "chromium")
            && warden::from_debian("ChromeDriver", "chromium-driver", "chromedriver")
    })
}

impl Browser {
    /// Starts one with a window of this size.
    pub fn start(width: u32, height: u32) -> Self {
        Self::with(width, height, &[])
    }

    /// The same with further arguments.
    pub fn with(width: u32, height: u32, more: &[&str]) -> Self {
        let port = free_port();
        let mut profile = String::new();
        let driver = Warden::start("browser", |folder| {
            profile = folder.join("profile").display().to_string();
            let mut command = Command::new("chromedriver");
            command.arg(format!("--port={port}")).arg("--silent");
            command
        });
        let builder = reqwest::blocking::Client::builder().no_proxy();
        let client = builder.timeout(std::time::Duration::from_secs(90)).build().unwrap();
        wait_until("chromedriver is ready", 60, || {
            let answer = client.get(format!("http://127.0.0.1:{port}/status")).send();
            answer.is_ok_and(|answer| answer.text().unwrap_or_default().contains("\"ready\":true"))
        });
        let mut arguments: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.extend([format!("--user-data-dir={profile}"), format!("--window-size={width},{height}")]);
        arguments.extend(more.iter().map(|one| (*one).to_owned()));
        let wanted = json!({ "capabilities": { "alwaysMatch": { "acceptInsecureCerts": true, "goog:chromeOptions": { "args": arguments } } } });
        let opened =
            client.post(format!("http://127.0.0.1:{port}/session")).body(wanted.to_string()).send().unwrap();
        let body = opened.text().unwrap();
        let answer: Value = serde_json::from_str(&body).unwrap();
        let session =
            answer["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {body}")).to_owned();
        let browser = Self { _driver: driver, port, session, client };
        // A window cannot be as narrow as a phone; what the page is told can.
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        browser.send(
            "POST",
            "/goog/cdp/execute",
            &json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics }),
        );
        browser
    }

    fn try_send(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let address = format!("http://127.0.0.1:{}/session/{}{path}", self.port, self.session);
        let request = if method == "GET" {
            self.client.get(address)
        } else {
            self.client.post(address).body(body.to_string())
        };
        let answer = request.send().unwrap();
        let (status, body) = (answer.status(), answer.text().unwrap());
        let answer: Value = serde_json::from_str(&body).unwrap_or_default();
        if status == 200 { Ok(answer["value"].clone()) } else { Err(body) }
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        self.try_send(method, path, body).unwrap_or_else(|why| panic!("{method} {path}: {why}"))
    }

    /// Goes to an address.
    pub fn goto(&self, address: &str) {
        self.send("POST", "/url", &json!({ "url": address }));
    }

    /// Runs a script in each page before the page's own.
    pub fn before_each_page(&self, script: &str) {
        let wanted =
            json!({ "cmd": "Page.addScriptToEvaluateOnNewDocument", "params": { "source": script } });
        self.send("POST", "/goog/cdp/execute", &wanted);
    }

    /// What a script in the page returns.
    pub fn js(&self, script: &str) -> Value {
        self.send("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until a script in the page returns something true.
    #[track_caller]
    pub fn wait(&self, script: &str, seconds: u64) {
        let script = format!("return Boolean({script})");
        let seconds = seconds.max(60);
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
        // A page that is on its way may not have what is asked for yet: that is no answer.
        let ask = || self.try_send("POST", "/execute/sync", &json!({ "script": script, "args": [] }));
        while !ask().is_ok_and(|answer| answer == true) {
            let text = || self.js("return document.body.innerText");
            assert!(std::time::Instant::now() < deadline, "{script}: not within {seconds} s:\n{}", text());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// The text of the whole page, as it is seen.
    pub fn text(&self) -> String {
        self.js("return document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    fn find(&self, css: &str) -> String {
        let found = self.send("POST", "/element", &json!({ "using": "css selector", "value": css }));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Clicks an element, as a person would; again where it was drawn anew just then.
    pub fn click(&self, css: &str) {
        for _ in 0..5 {
            let element = self.find(css);
            if self.try_send("POST", &format!("/element/{element}/click"), &json!({})).is_ok() {
                return;
            }
        }
        panic!("{css} cannot be clicked:\n{}", self.text());
    }

    /// Types into an element.
    pub fn type_into(&self, css: &str, text: &str) {
        let element = self.find(css);
        self.send("POST", &format!("/element/{element}/value"), &json!({ "text": text }));
    }

    /// Presses keys one by one, wherever the focus is.
    pub fn press(&self, keys: &[&str]) {
        let strokes: Vec<Value> = keys
            .iter()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })))
            .collect();
        self.send(
            "POST",
            "/actions",
            &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": strokes }] }),
        );
    }

    /// A picture of what is seen, PNG.
    pub fn picture(&self) -> Vec<u8> {
        use base64::Engine as _;
        let picture = self.send("GET", "/screenshot", &Value::Null);
        base64::engine::general_purpose::STANDARD.decode(picture.as_str().unwrap()).unwrap()
    }

    /// Shows pages as somebody sees them who likes it dark or light, or on paper.
    pub fn prefer(&self, scheme: &str, medium: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        let wanted = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "media": medium, "features": features } });
        self.send("POST", "/goog/cdp/execute", &wanted);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let address = format!("http://127.0.0.1:{}/session/{}", self.port, self.session);
        let _ = self.client.delete(address).send();
    }
}
