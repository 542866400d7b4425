//! `playbook lsp`, by the conversation that an editor has with it; and the definitions that editors read.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::rig::Rig;

const SETTINGS: &str = "[env.local.http.api]\nurl = \"http://127.0.0.1:1\"\n[env.local.files.out]\npath = \"out\"\naccess = \"write\"\n";
const SCRIPT: &str = "//! T.\n//!\n//! uses = [\"http.api:read\"]\nimport \"parts/part\" as part;\nlet api = http(\"api\");\nfn twice(x) { x * 2 }\nlet n = twice(2);\napi.get(\"/x\");\npart::help(n);\n";

/// An editor.
struct Editor {
    child: Child,
    from: BufReader<ChildStdout>,
    next: i64,
    /// What was told meanwhile.
    told: Vec<Value>,
}

impl Editor {
    fn open(rig: &Rig) -> Self {
        let mut child = rig
            .command(&["lsp"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let from = BufReader::new(child.stdout.take().unwrap());
        let mut editor = Self { child, from, next: 0, told: Vec::new() };
        let about =
            editor.ask("initialize", &json!({ "processId": null, "rootUri": null, "capabilities": {} }));
        assert_eq!(about["serverInfo"]["name"], "playbook");
        editor.tell("initialized", &json!({}));
        editor
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        let to = self.child.stdin.as_mut().unwrap();
        write!(to, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        to.flush().unwrap();
    }

    fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).unwrap() > 0, "the server is gone");
            match line.trim().strip_prefix("Content-Length: ") {
                Some(text) => length = text.parse().unwrap(),
                None if line.trim().is_empty() => break,
                None => {}
            }
        }
        let mut bytes = vec![0; length];
        self.from.read_exact(&mut bytes).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    fn tell(&mut self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.read();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{message}");
                return message["result"].clone();
            }
            self.told.push(message);
        }
    }

    /// The mistakes that are published next.
    fn mistakes(&mut self) -> Vec<Value> {
        let message = if self.told.is_empty() { self.read() } else { self.told.remove(0) };
        assert_eq!(message["method"], "textDocument/publishDiagnostics", "{message}");
        message["params"]["diagnostics"].as_array().unwrap().clone()
    }

    fn write(&mut self, uri: &str, text: &str) -> Vec<Value> {
        self.tell(
            "textDocument/didChange",
            &json!({ "textDocument": { "uri": uri, "version": 2 }, "contentChanges": [{ "text": text }] }),
        );
        self.mistakes()
    }
}

fn at(uri: &str, line: u32, character: u32) -> Value {
    json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } })
}

fn labels(items: &Value) -> Vec<String> {
    items.as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap().to_owned()).collect()
}

fn opened(rig: &Rig, name: &str, text: &str) -> (Editor, String) {
    let mut editor = Editor::open(rig);
    let uri = format!("file://{}", std::fs::canonicalize(rig.path(name)).unwrap().display());
    editor.tell(
        "textDocument/didOpen",
        &json!({ "textDocument": { "uri": uri, "languageId": "rhai", "version": 1, "text": text } }),
    );
    (editor, uri)
}

fn rig() -> Rig {
    Rig::new(SETTINGS).file("t.rhai", SCRIPT).file("parts/part.rhai", "/// Helps.\nfn help(n) { n }\n")
}

#[test]
fn mistakes_are_shown_where_they_stand_and_go_when_they_are_mended() {
    let rig = rig();
    let (mut editor, uri) = opened(&rig, "t.rhai", SCRIPT);
    assert_eq!(editor.mistakes(), Vec::<Value>::new());
    let wrong = SCRIPT.replace("api.get(", "/* ä𝄞 */ api.gett(");
    let found = editor.write(&uri, &wrong);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0]["message"].as_str().unwrap().contains("did you mean `get`"), "{found:?}");
    // Columns are counted as editors do: the clef is two units wide.
    assert_eq!(
        found[0]["range"]["start"],
        json!({ "line": 7, "character": "/* ä𝄞 */ api.".encode_utf16().count() })
    );
    assert_eq!((&found[0]["severity"], &found[0]["source"]), (&json!(1), &json!("playbook")));
    let found = editor.write(&uri, &SCRIPT.replace("let n = twice(2);", "let n = ;"));
    assert!(found[0]["message"].as_str().unwrap().contains("does not belong here"), "{found:?}");
    let found = editor.write(&uri, &format!("{SCRIPT}files(\"out\").put(\"a\", \"b\");\n"));
    assert!(found.iter().any(|one| one["message"].as_str().unwrap().contains("uses")), "{found:?}");
    assert_eq!(editor.write(&uri, SCRIPT), Vec::<Value>::new());
}

#[test]
fn a_module_and_the_settings_are_checked_too() {
    let rig = rig();
    let (mut editor, uri) = opened(&rig, "parts/part.rhai", "fn help(n) { files(\"out\").put(\"a\", n) }\n");
    assert_eq!(editor.mistakes(), Vec::<Value>::new());
    assert_eq!(editor.write(&uri, "fn help(n) { files(\"out\").putt(\"a\", n) }\n").len(), 1);
    let (mut editor, _) = opened(&rig, "playbook.toml", "[env.local.http.api]\nur = \"x\"\n");
    let found = editor.mistakes();
    assert!(found.iter().any(|one| one["range"]["start"]["line"] == 1), "{found:?}");
}

#[test]
fn what_may_follow_is_completed() {
    let rig = rig();
    let text = format!("{SCRIPT}api.\nhttp(\"\napi.get(\"/x\", #{{ \n");
    let (mut editor, uri) = opened(&rig, "t.rhai", &text);
    editor.mistakes();
    let methods = editor.ask("textDocument/completion", &at(&uri, 9, 4));
    assert!(labels(&methods).contains(&"get".to_owned()) && !labels(&methods).contains(&"query".to_owned()));
    let get = methods.as_array().unwrap().iter().find(|item| item["label"] == "get").unwrap();
    assert!(get["documentation"]["value"].as_str().unwrap().contains("http.get("), "{get}");
    let text = format!("{SCRIPT}http(\"\n");
    editor.write(&uri, &text);
    assert_eq!(labels(&editor.ask("textDocument/completion", &at(&uri, 9, 6))), ["api"]);
    let text = format!("{SCRIPT}api.get(\"/x\", #{{ ti\n");
    editor.write(&uri, &text);
    assert_eq!(labels(&editor.ask("textDocument/completion", &at(&uri, 9, 19))), ["timeout"]);
    let text = format!("{SCRIPT}tw\n");
    editor.write(&uri, &text);
    assert_eq!(labels(&editor.ask("textDocument/completion", &at(&uri, 9, 2))), ["twice"]);
}

#[test]
fn the_manual_is_shown_and_declarations_are_found() {
    let rig = rig();
    let (mut editor, uri) = opened(&rig, "t.rhai", SCRIPT);
    editor.mistakes();
    let manual = editor.ask("textDocument/hover", &at(&uri, 7, 5));
    assert!(manual["contents"]["value"].as_str().unwrap().contains("http.get("), "{manual}");
    let family = editor.ask("textDocument/hover", &at(&uri, 4, 11));
    assert!(family["contents"]["value"].as_str().unwrap().contains("**http**"), "{family}");
    let resource = editor.ask("textDocument/hover", &at(&uri, 4, 17));
    assert!(resource["contents"]["value"].as_str().unwrap().contains("access `read`"), "{resource}");
    let line = |found: &Value| {
        (
            found["uri"].as_str().unwrap().rsplit('/').next().unwrap().to_owned(),
            found["range"]["start"]["line"].as_u64().unwrap(),
        )
    };
    assert_eq!(line(&editor.ask("textDocument/definition", &at(&uri, 6, 9))), ("t.rhai".to_owned(), 5));
    assert_eq!(line(&editor.ask("textDocument/definition", &at(&uri, 7, 1))), ("t.rhai".to_owned(), 4));
    assert_eq!(line(&editor.ask("textDocument/definition", &at(&uri, 8, 7))), ("part.rhai".to_owned(), 1));
    assert_eq!(line(&editor.ask("textDocument/definition", &at(&uri, 3, 10))), ("part.rhai".to_owned(), 0));
    assert_eq!(
        line(&editor.ask("textDocument/definition", &at(&uri, 4, 17))),
        ("playbook.toml".to_owned(), 0)
    );
    assert!(editor.ask("textDocument/definition", &at(&uri, 1, 0)).is_null());
    assert!(editor.ask("shutdown", &Value::Null).is_null());
    editor.tell("exit", &Value::Null);
    assert_eq!(editor.child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_definitions_have_every_primitive() {
    let rig = rig();
    rig.run(&["definitions"]).expect(0).says(".rhai/playbook.d.rhai");
    let text = std::fs::read_to_string(rig.path(".rhai/playbook.d.rhai")).unwrap();
    for family in playbook::primitives::FAMILIES {
        assert!(text.contains(&format!("fn {}(", family.name)), "{}", family.name);
        for entry in family.entries {
            assert!(text.contains(&format!("fn {}(this: ", entry.name)), "{}.{}", family.name, entry.name);
        }
    }
}
