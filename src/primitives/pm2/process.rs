//! A process as pm2 lists it. Of what pm2 tells, only named fields are taken: the rest holds the whole environment of the
//! process, with its secrets.

use serde_json::{Value, json};

/// One process: an instance of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) host: String,
    pub(super) name: String,
    pub(super) id: u64,
    /// 0 when it does not run.
    pub(super) pid: u64,
    pub(super) status: String,
    pub(super) restarts: u64,
    exit_code: Option<i64>,
    since: Option<String>,
    cpu: Option<String>,
    memory: u64,
    mode: String,
    script: String,
    pub(super) out_log: String,
    pub(super) err_log: String,
}

impl Process {
    /// The processes in what `pm2 jlist` says; a banner may stand before. `None` when there is no list in it.
    pub(super) fn read_all(host: &str, text: &str) -> Option<Vec<Self>> {
        let starts = text.match_indices('[').map(|(at, _)| at);
        let list =
            starts.filter(|at| text[at + 1..].trim_start().starts_with(['{', ']'])).find_map(|at| {
                let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Vec<Value>>();
                values.next()?.ok()
            })?;
        Some(list.iter().map(|one| Self::read(host, one)).collect())
    }

    fn read(host: &str, value: &Value) -> Self {
        let state = &value["pm2_env"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let is_online = state["status"] == "online";
        let since = state["pm_uptime"].as_i64().filter(|_| is_online);
        Self {
            host: host.to_owned(),
            name: text(&value["name"]),
            id: value["pm_id"].as_u64().unwrap_or_default(),
            pid: value["pid"].as_u64().unwrap_or_default(),
            status: text(&state["status"]),
            restarts: state["restart_time"].as_u64().unwrap_or_default(),
            exit_code: state["exit_code"].as_i64(),
            since: since.and_then(|at| jiff::Timestamp::from_millisecond(at).ok()).map(|at| at.to_string()),
            cpu: value["monit"]["cpu"].as_f64().map(|cpu| cpu.to_string()),
            memory: value["monit"]["memory"].as_u64().unwrap_or_default(),
            mode: text(&state["exec_mode"]).trim_end_matches("_mode").to_owned(),
            script: text(&state["pm_exec_path"]),
            out_log: text(&state["pm_out_log_path"]),
            err_log: text(&state["pm_err_log_path"]),
        }
    }

    pub(super) fn is_online(&self) -> bool {
        self.status == "online" && self.pid > 0
    }

    /// As a script sees it.
    pub(super) fn value(&self) -> Value {
        json!({
            "host": self.host, "name": self.name, "id": self.id, "status": self.status,
            "pid": (self.pid > 0).then_some(self.pid), "restarts": self.restarts, "exit_code": self.exit_code,
            "since": self.since, "cpu": self.cpu.as_ref().and_then(|cpu| cpu.parse::<f64>().ok()),
            "memory": self.memory, "mode": self.mode, "script": self.script,
        })
    }

    /// As people speak of it: `api (id 0, web1)`.
    pub(super) fn shown(&self) -> String {
        format!("`{}` (id {}) on {}", self.name, self.id, self.host)
    }
}

/// A text without the escape sequences that colour it, which pm2 writes into pipes too.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&rest[..at]);
        let sequence = &rest[at + 1..];
        let end = sequence.strip_prefix('[').and_then(|body| body.find(|c: char| c.is_ascii_alphabetic()));
        rest = end.map_or(sequence, |end| &sequence[end + 2..]);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"[{"pid":12,"name":"api","pm2_env":{"status":"online","pm_uptime":1795664350976,"restart_time":2,
        "exec_mode":"cluster_mode","SECRET":"hunter22","env":{"SECRET":"hunter22"},"pm_err_log_path":"/l/err"},
        "pm_id":0,"monit":{"memory":5,"cpu":0.8}}]"#;

    #[test]
    fn a_list_is_read_after_a_banner_and_holds_no_environment() {
        let text = format!(
            "[PM2] Spawning PM2 daemon with pm2_home=/x\n>>>> In-memory PM2 is out-of-date\n{LIST}\n"
        );
        let all = Process::read_all("web1", &text).unwrap();
        let value = all[0].value();
        assert_eq!((value["status"].clone(), value["pid"].clone()), ("online".into(), 12.into()));
        assert_eq!((value["mode"].clone(), value["cpu"].clone()), ("cluster".into(), 0.8.into()));
        assert!(all[0].is_online() && !value.to_string().contains("hunter22"));
        assert_eq!(Process::read_all("web1", "[]"), Some(Vec::new()));
        assert_eq!(Process::read_all("web1", "[PM2] nothing here"), None);
    }

    #[test]
    fn colours_are_taken_out() {
        assert_eq!(plain("\u{1b}[33m[PM2][WARN] \u{1b}[39mApp \u{1b}[1m\u{1b}[36mx"), "[PM2][WARN] App x");
        assert_eq!(plain("none"), "none");
    }
}
