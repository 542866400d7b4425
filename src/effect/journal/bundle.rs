//! One run as one file that can be checked anywhere: its row, its entries, its scripts, in lines that are chained too.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::chain::{self, ROOT};
use super::home::{Row, RowEnd, RunRow};
use super::scripts::Scripts;
use super::verify::{self, Fault, Verdict};
use super::{Entry, Facts, Journal, PAGE, unreadable};
use crate::base::error::{Error, Kind, Result};

/// The first line.
const FIRST: &str = "playbook bundle 1";

/// What is in a bundle whose lines are whole.
#[derive(Debug)]
pub struct Bundle {
    /// What was known of the run when it began.
    pub facts: Facts,
    /// Its entries.
    pub entries: Vec<Entry>,
    /// Whether the record is as it was written.
    pub verdict: Verdict,
}

/// The run's own row as it stands in a bundle.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    number: u64,
    id: String,
    started: String,
    body: String,
    previous: String,
    hash: String,
    ended: Option<Foot>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Foot {
    at: String,
    outcome: String,
    exit_code: u8,
    entries: u64,
    head: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    seq: u64,
    at: String,
    body: String,
    hash: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    hash: String,
    text: String,
}

/// Writes lines, each of which begins with a hash over itself and the line before.
struct Lines<'a> {
    to: &'a mut dyn Write,
    last: String,
    count: u64,
}

impl Lines<'_> {
    fn add(&mut self, kind: &str, value: &impl Serialize) -> io::Result<()> {
        let content = format!("{kind} {}", serde_json::to_string(value)?);
        self.last = chain::sha256(&format!("{}\n{content}", self.last));
        self.count += 1;
        writeln!(self.to, "{} {content}", self.last)
    }
}

impl Journal {
    /// Writes the run that `wanted` names as a bundle; one whose record does not verify is refused. Neither inverses nor
    /// whole values are in it: they hold what nobody is shown.
    pub fn bundle(&self, wanted: &str, to: &mut dyn Write) -> Result<Verdict> {
        let verdict = self.verify(wanted)?;
        if let Some(fault) = &verdict.fault {
            return Err(Error::new(Kind::Tampered, format!("run {} does not verify: {fault}", verdict.run))
                .fix("see `playbook verify`"));
        }
        let row = self.row(wanted)?;
        let facts: Facts =
            serde_json::from_str(&row.body).map_err(|why| unreadable("the run's row", why.to_string()))?;
        let mut known = Scripts::of(&facts);
        self.pages(row.number, |page| {
            known.hear(&page);
            Ok(())
        })?;
        let failed = |why: io::Error| Error::io("the bundle cannot be written", &why);
        writeln!(to, "{FIRST}").map_err(failed)?;
        let mut lines = Lines { to, last: ROOT.to_owned(), count: 1 };
        lines.add("run", &head(&row)).map_err(failed)?;
        for hash in known.hashes() {
            let text = self.home.script(hash)?.unwrap_or_default();
            lines.add("script", &Text { hash: hash.to_owned(), text }).map_err(failed)?;
        }
        self.pages(row.number, |page| {
            page.into_iter().try_for_each(|Row { seq, at, body, hash, .. }| {
                lines.add("entry", &Link { seq, at, body, hash }).map_err(failed)
            })
        })?;
        let end = json!({ "lines": lines.count + 1 });
        lines.add("end", &end).map_err(failed)?;
        Ok(verdict)
    }

    /// Shows the entries of a run page by page.
    fn pages(&self, run: u64, mut see: impl FnMut(Vec<Row>) -> Result<()>) -> Result<()> {
        let mut last = 0;
        loop {
            let page = self.home.entries(run, last, Some(PAGE))?;
            let is_last = page.len() < PAGE as usize;
            last = page.last().map_or(last, |row| row.seq);
            see(page)?;
            if is_last {
                return Ok(());
            }
        }
    }
}

fn head(row: &RunRow) -> Head {
    let foot = |end: &RowEnd| Foot {
        at: end.at.clone(),
        outcome: end.outcome.clone(),
        exit_code: end.exit_code,
        entries: end.entries,
        head: end.head.clone(),
    };
    Head {
        number: row.number,
        id: row.id.clone(),
        started: row.started.clone(),
        body: row.body.clone(),
        previous: row.previous.clone(),
        hash: row.hash.clone(),
        ended: row.ended.as_ref().map(foot),
    }
}

/// Whether these bytes begin as a bundle does, or nearly so.
#[must_use]
pub fn looks_like_one(bytes: &[u8]) -> bool {
    let same = bytes.iter().zip(FIRST.as_bytes()).filter(|(one, other)| one == other).count();
    same + 2 >= FIRST.len()
}

/// Reads and checks a bundle. A line that was changed, put in, taken out or moved is named by its number.
pub fn read(bytes: &[u8]) -> Result<Bundle> {
    let mut run: Option<Head> = None;
    let (mut scripts, mut rows): (Vec<Text>, Vec<Row>) = (Vec::new(), Vec::new());
    for (number, kind, content) in intact(bytes)? {
        let wrong = |why: serde_json::Error| broken(number, "cannot be read").why(why.to_string());
        match kind {
            "run" if run.is_none() => run = Some(serde_json::from_str(content).map_err(wrong)?),
            "script" => scripts.push(serde_json::from_str(content).map_err(wrong)?),
            "entry" => {
                let Link { seq, at, body, hash } = serde_json::from_str(content).map_err(wrong)?;
                rows.push(row(seq, at, body, hash));
            }
            "end" => {}
            _ => return Err(broken(number, "is of no kind that belongs there")),
        }
    }
    let run = run.ok_or_else(|| broken(2, "should be the run"))?;
    let facts: Facts =
        serde_json::from_str(&run.body).map_err(|why| unreadable("the run's row", why.to_string()))?;
    let fault =
        verify::alone(&whole(&run), &rows).or_else(|| texts(&Scripts::of(&facts).with(&rows), &scripts));
    let head = rows.last().map_or_else(|| run.hash.clone(), |last| last.hash.clone());
    let answers = verify::answers(&rows);
    let verdict = Verdict { run: run.id.clone(), entries: rows.len() as u64, answers, head, fault };
    let entries = if verdict.fault.is_none() { Journal::read(&run.id, rows)? } else { Vec::new() };
    Ok(Bundle { facts, entries, verdict })
}

fn row(seq: u64, at: String, body: String, hash: String) -> Row {
    Row { seq, at, body, hash, inverse: None, whole: None }
}

fn whole(head: &Head) -> RunRow {
    let end = |foot: &Foot| RowEnd {
        at: foot.at.clone(),
        outcome: foot.outcome.clone(),
        exit_code: foot.exit_code,
        entries: foot.entries,
        head: foot.head.clone(),
    };
    RunRow {
        number: head.number,
        id: head.id.clone(),
        started: head.started.clone(),
        body: head.body.clone(),
        previous: head.previous.clone(),
        hash: head.hash.clone(),
        ended: head.ended.as_ref().map(end),
        steps: 0,
    }
}

/// What is wrong with the scripts: one is missing, or its text is not what its hash says.
fn texts(known: &Scripts, scripts: &[Text]) -> Option<Fault> {
    let text =
        |hash: &str| scripts.iter().find(|script| script.hash == hash).map(|script| script.text.clone());
    known.fault(|hash| Ok(text(hash))).ok().flatten()
}

/// A line by its number, what kind it is, and its JSON.
type Line<'a> = (usize, &'a str, &'a str);

/// The lines behind the first, once each is found whole.
fn intact(bytes: &[u8]) -> Result<Vec<Line<'_>>> {
    let text = std::str::from_utf8(bytes).map_err(|why| {
        let before = bytes.get(..why.valid_up_to()).unwrap_or_default();
        broken(1 + before.iter().filter(|byte| **byte == b'\n').count(), "was changed: it is no text")
    })?;
    let mut parts: Vec<&str> = text.split('\n').collect();
    if parts.first() != Some(&FIRST) {
        return Err(broken(1, &format!("was changed: it should be `{FIRST}`")));
    }
    if parts.pop() != Some("") {
        return Err(broken(parts.len() + 1, "was cut off or changed: it has no end"));
    }
    let (mut last, mut lines) = (ROOT.to_owned(), Vec::new());
    for (index, line) in parts.iter().enumerate().skip(1) {
        let number = index + 1;
        let (hash, content) = line.split_once(' ').ok_or_else(|| broken(number, "was changed"))?;
        last = chain::sha256(&format!("{last}\n{content}"));
        if hash != last {
            return Err(broken(
                number,
                &format!("was changed, or the line before it is missing{}", which(content)),
            ));
        }
        let (kind, json) = content.split_once(' ').unwrap_or((content, ""));
        lines.push((number, kind, json));
    }
    let end: Value = match lines.last() {
        Some((_, "end", json)) => serde_json::from_str(json).unwrap_or_default(),
        _ => return Err(broken(parts.len() + 1, "is missing: the end was cut off")),
    };
    if end.get("lines").and_then(Value::as_u64) != Some(parts.len() as u64) {
        return Err(broken(parts.len(), "tells another number of lines"));
    }
    Ok(lines)
}

/// The entry that a line holds, where it still tells.
fn which(content: &str) -> String {
    let seq = content.strip_prefix("entry ").and_then(|json| serde_json::from_str::<Link>(json).ok());
    seq.map(|link| format!(" (entry {})", link.seq)).unwrap_or_default()
}

fn broken(line: usize, what: &str) -> Error {
    Error::new(Kind::Tampered, format!("the bundle does not verify: line {line} {what}"))
        .fix("ask for the bundle again, from where the journal is: `playbook bundle RUN`")
        .detail("line", line as u64)
}
