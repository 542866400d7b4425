//! What Grafana's documented API answers: no server can be had, so this keeps annotations as it does, and refuses as it does.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// The token that is let in to write; `glsa_viewer` may only read.
pub const TOKEN: &str = "glsa_editor";

#[derive(Default)]
struct State {
    titles: Vec<String>,
    annotations: Vec<Value>,
    last: i64,
    over: bool,
}

/// The stand-in; it ends when dropped.
pub struct Grafana {
    /// Its port on 127.0.0.1.
    pub port: u16,
    state: Arc<Mutex<State>>,
}

impl Grafana {
    /// Starts it with one dashboard, `api-overview` in the folder `Production`, and no annotation.
    pub fn start() -> Self {
        Self::with(&["API overview"])
    }

    /// Starts it with dashboards of these titles in its lists, and no annotation.
    pub fn with(titles: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let titles = titles.iter().map(|&title| title.to_owned()).collect();
        let state = Arc::new(Mutex::new(State { titles, ..State::default() }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.lock().unwrap().over {
                    return;
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || drop(serve(stream, &shared)));
            }
        });
        Self { port, state }
    }

    /// The annotations that there are.
    pub fn annotations(&self) -> Vec<Value> {
        self.state.lock().unwrap().annotations.clone()
    }

    /// The `playbook.toml` of a project whose `grafana.main` it is.
    pub fn settings(&self, access: &str) -> String {
        format!(
            "[env.local.grafana.main]\nurl = \"http://127.0.0.1:{}\"\ntoken = \"env:GRAFANA\"\naccess = \"{access}\"\n",
            self.port
        )
    }
}

impl Drop for Grafana {
    fn drop(&mut self) {
        self.state.lock().unwrap().over = true;
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (mut token, mut length) = (String::new(), 0);
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(": ") else { break };
            match name.to_lowercase().as_str() {
                "authorization" => value.trim_start_matches("Bearer ").clone_into(&mut token),
                "content-length" => length = value.parse().unwrap_or(0),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let (status, said) = answer((&method, &target), &token, &body, &mut state.lock().unwrap());
        let said = said.to_string();
        write!(stream, "HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n\r\n{said}", said.len())?;
        line.clear();
    }
    Ok(())
}

fn answer((method, target): (&str, &str), token: &str, body: &Value, state: &mut State) -> (u16, Value) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path == "/api/health" {
        return (200, json!({ "commit": "83b9528bce", "database": "ok", "version": "11.2.0" }));
    }
    if token != TOKEN && token != "glsa_viewer" {
        return (401, json!({ "message": "Invalid API key" }));
    }
    if method != "GET" && token != TOKEN {
        return (
            403,
            json!({ "accessErrorId": "ACE0123456789", "message": "You'll need additional permissions to perform this action. Permissions needed: annotations:create", "title": "Access denied" }),
        );
    }
    let number = path.strip_prefix("/api/annotations/").and_then(|number| number.parse::<i64>().ok());
    let at = number.and_then(|number| state.annotations.iter().position(|one| one["id"] == number));
    match (method, path, at) {
        ("GET", "/api/search", _) => (200, search(query, &state.titles)),
        ("GET", "/api/dashboards/uid/api-overview", _) => (
            200,
            json!({
            "dashboard": { "uid": "api-overview", "title": "API overview", "tags": ["api"], "version": 7, "panels": [{ "id": 1, "title": "Errors" }] },
            "meta": { "slug": "api-overview", "folderTitle": "Production", "folderUid": "prod" } }),
        ),
        ("GET", path, _) if state.titles.iter().any(|one| path.ends_with(&format!("/uid/{}", uid(one)))) => {
            (200, four_panels())
        }
        ("GET", path, _) if path.starts_with("/api/dashboards/uid/") => {
            (404, json!({ "message": "Dashboard not found", "status": "not-found" }))
        }
        ("GET", "/api/annotations", _) => {
            let tag = query.split('&').find_map(|pair| pair.strip_prefix("tags=")).unwrap_or_default();
            let tag = tag.replace("%3A", ":").replace("%2F", "/");
            let has = |one: &&Value| one["tags"].as_array().unwrap().contains(&json!(tag));
            (200, state.annotations.iter().filter(has).cloned().collect())
        }
        ("POST", "/api/annotations", _) => {
            state.last += 1;
            let time = body["time"].as_i64().unwrap();
            state.annotations.push(json!({
                "id": state.last, "alertId": 0, "dashboardUID": body["dashboardUID"], "panelId": body["panelId"].as_i64().unwrap_or(0),
                "time": time, "timeEnd": body["timeEnd"].as_i64().unwrap_or(time), "text": body["text"], "tags": body["tags"] }));
            (200, json!({ "message": "Annotation added", "id": state.last }))
        }
        (_, path, None) if path.starts_with("/api/annotations/") => {
            (404, json!({ "message": "Annotation not found" }))
        }
        ("GET", _, Some(at)) => (200, state.annotations[at].clone()),
        ("PATCH", _, Some(at)) => {
            state.annotations[at]["timeEnd"] = body["timeEnd"].clone();
            (200, json!({ "message": "Annotation patched" }))
        }
        ("DELETE", _, Some(at)) => {
            state.annotations.remove(at);
            (200, json!({ "message": "Annotation deleted" }))
        }
        _ => (404, json!({ "message": "Not found" })),
    }
}

/// A dashboard with four panels.
fn four_panels() -> Value {
    let panels = ["One", "Two", "Three", "Four"].map(|title| json!({ "title": title }));
    json!({ "dashboard": { "uid": "x", "title": "x", "version": 1, "panels": panels }, "meta": {} })
}

/// The uid of a dashboard of this title.
fn uid(title: &str) -> String {
    title.to_lowercase().replace(" & ", "-").replace(' ', "-")
}

fn search(query: &str, titles: &[String]) -> Value {
    let asked = |name: &str| {
        query.split('&').find_map(|pair| pair.strip_prefix(name)).unwrap_or_default().to_lowercase()
    };
    let (title, tag) =
        (asked("query=").replace('+', " ").replace("%20", " ").replace("%26", "&"), asked("tag="));
    let has = |one: &&String| one.to_lowercase().contains(&title) && "api".contains(&tag);
    let shown = |one: &String| {
        let uid = uid(one);
        json!({ "id": 1, "uid": uid, "title": one, "uri": format!("db/{uid}"), "url": format!("/d/{uid}/{uid}"),
                "type": "dash-db", "tags": ["api"], "isStarred": false, "folderUid": "prod", "folderTitle": "Production" })
    };
    titles.iter().filter(has).map(shown).collect()
}
