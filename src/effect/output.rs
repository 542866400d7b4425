//! What a command says, here or on another machine, as it is shown, kept and quoted.

use super::cx::Cx;
use crate::base::text;
use crate::sys::process::{self, Captured, Line};

/// A call as people would type it: `git push origin`.
#[must_use]
pub fn spoken(words: &[&str]) -> String {
    let quoted = words.iter().map(|word| {
        let plain = !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || "'\"`\\".contains(c));
        if plain { (*word).to_owned() } else { format!("{word:?}") }
    });
    format!("`{}`", text::headline(&quoted.collect::<Vec<_>>().join(" "), 160))
}

/// A line as it is shown. A cut one could end within a secret, which would then not be recognised.
#[must_use]
pub fn shown(cx: &Cx, line: Line<'_>) -> String {
    if !line.cut {
        return line.text.to_owned();
    }
    let end = line.text.floor_char_boundary(line.text.len().saturating_sub(cx.redactor().overlap()));
    format!("{} … [line cut after {}]", &line.text[..end], text::show_size(process::LONGEST_LINE as u64))
}

/// What was kept of an output, without secrets: a script has none of them as a text. Its last line end is dropped.
#[must_use]
pub fn kept(cx: &Cx, captured: &Captured) -> String {
    let overlap = if captured.torn { cx.redactor().overlap() } else { 0 };
    let whole = &captured.text[captured.text.ceil_char_boundary(overlap)..];
    let whole = whole.strip_suffix('\n').map_or(whole, |text| text.strip_suffix('\r').unwrap_or(text));
    let clean = cx.redactor().text(whole);
    match captured.left_out {
        0 => clean,
        bytes => format!("[{bytes} bytes before this were left out]\n{clean}"),
    }
}

/// What a command said last: of its standard error, or of its output when it said nothing there.
#[must_use]
pub fn last_words(stdout: &str, stderr: &str) -> String {
    last_lines(if stderr.trim().is_empty() { stdout } else { stderr })
}

/// The last lines of an output, few enough to be read.
fn last_lines(output: &str) -> String {
    const LINES: usize = 20;
    const BYTES: usize = 4096;
    let lines: Vec<&str> = output.trim_end().lines().collect();
    let last = lines[lines.len().saturating_sub(LINES)..].join("\n");
    last[last.ceil_char_boundary(last.len().saturating_sub(BYTES))..].to_owned()
}
