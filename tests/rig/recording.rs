//! What a terminal showed, as a picture that moves: one SVG of text, without any script.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the screen is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// A pause in which nothing moves is not shown longer than this.
const LONGEST: Duration = Duration::from_millis(1600);
/// How long the end stays before it begins anew.
const END: Duration = Duration::from_secs(6);

const ROW: f64 = 17.0;
const COLUMN: f64 = 7.23;
const MARGIN: f64 = 14.0;

/// A screen as rows of SVG, and how long it stood.
type Frame = (Vec<String>, Duration);

/// Watches a screen until [`Recording::end`].
pub struct Recording {
    over: Arc<AtomicBool>,
    watcher: JoinHandle<Vec<Frame>>,
    columns: u16,
}

impl Recording {
    /// Begins with the screen as it is now.
    pub fn of(screen: &Arc<Mutex<vt100::Parser>>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let columns = screen.lock().unwrap().screen().size().1;
        let (is_over, screen) = (Arc::clone(&over), Arc::clone(screen));
        let watcher = std::thread::spawn(move || {
            let mut frames: Vec<Frame> = Vec::new();
            let mut since = Instant::now();
            loop {
                // Read before the look, so that the last of all is seen.
                let is_last = is_over.load(Ordering::SeqCst);
                let rows = rows(screen.lock().unwrap().screen());
                let stood = since.elapsed();
                if let Some((last, time)) = frames.last_mut() {
                    *time = stood.min(LONGEST);
                    if *last != rows {
                        since = Instant::now();
                        frames.push((rows, LOOK));
                    }
                } else {
                    frames.push((rows, LOOK));
                }
                if is_last {
                    return frames;
                }
                std::thread::sleep(LOOK);
            }
        });
        Self { over, watcher, columns }
    }

    /// The picture of all that was seen, under the command line that was typed.
    pub fn end(self, command: &str, about: &str) -> String {
        self.over.store(true, Ordering::SeqCst);
        let mut frames = self.watcher.join().unwrap();
        if let Some((_, time)) = frames.last_mut() {
            *time = END;
        }
        svg(&frames, f64::from(self.columns), command, about)
    }
}

fn svg(frames: &[Frame], columns: f64, command: &str, about: &str) -> String {
    let height = frames.iter().map(|(rows, _)| rows.len()).max().unwrap_or(0) as f64;
    let (width, height) = (columns * COLUMN + 2.0 * MARGIN, (height + 1.0) * ROW + 2.0 * MARGIN);
    let all: Duration = frames.iter().map(|(_, time)| *time).sum();
    let part = |time: Duration| 100.0 * time.as_secs_f64() / all.as_secs_f64();
    let (mut style, mut body, mut begin) = (String::new(), String::new(), Duration::ZERO);
    for (number, (rows, time)) in frames.iter().enumerate() {
        let (from, to) = (part(begin), part(begin + *time));
        begin += *time;
        let before = if number == 0 { "" } else { "0%{visibility:hidden}" };
        let after = if number + 1 == frames.len() { "" } else { "{visibility:hidden}" };
        let _ = write!(style, "@keyframes k{number}{{{before}{from:.2}%{{visibility:visible}}");
        let _ = if after.is_empty() { write!(style, "}}") } else { write!(style, "{to:.2}%{after}}}") };
        let _ =
            write!(style, "#f{number}{{animation:k{number} {:.1}s step-end infinite}}", all.as_secs_f64());
        let _ = writeln!(body, "<g class=\"f\" id=\"f{number}\">");
        for (row, text) in rows.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
            let y = MARGIN + ROW * (row as f64 + 1.75);
            let _ = writeln!(body, "<text x=\"{MARGIN}\" y=\"{y}\">{text}</text>");
        }
        body += "</g>\n";
    }
    let last = frames.len().saturating_sub(1);
    let (command, about) = (escaped(command), escaped(about));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         role=\"img\" aria-label=\"{about}\">\n<style>text{{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre;\
         fill:#cdd9e5}}.f{{visibility:hidden}}.d{{fill:#768390}}.r{{fill:#e5534b}}.g{{fill:#57ab5a}}.y{{fill:#c69026}}.b{{fill:#539bf5}}\
         .m{{fill:#b083f0}}.c{{fill:#39c5cf}}.w{{font-weight:bold}}{style}@media (prefers-reduced-motion:reduce){{.f{{animation:none!important}}\
         #f{last}{{visibility:visible}}}}</style>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#22272e\"/>\n\
         <text x=\"{MARGIN}\" y=\"{}\"><tspan class=\"d\">$</tspan> <tspan class=\"w\">{command}</tspan></text>\n{body}</svg>\n",
        MARGIN + ROW * 0.75,
    )
}

/// The rows of a screen, as pieces of one colour each; without the empty ones at its end.
fn rows(screen: &vt100::Screen) -> Vec<String> {
    let (height, width) = screen.size();
    let mut rows: Vec<String> = (0..height).map(|row| line(screen, row, width)).collect();
    while rows.last().is_some_and(String::is_empty) {
        rows.pop();
    }
    rows
}

fn line(screen: &vt100::Screen, row: u16, width: u16) -> String {
    let mut pieces: Vec<(String, String)> = Vec::new();
    for cell in (0..width).filter_map(|column| screen.cell(row, column)) {
        if cell.is_wide_continuation() {
            continue;
        }
        let text = if cell.has_contents() { cell.contents() } else { " " };
        let class = class(cell);
        match pieces.last_mut() {
            Some((last, words)) if *last == class || text == " " => words.push_str(text),
            _ => pieces.push((class, text.to_owned())),
        }
    }
    if let Some((_, words)) = pieces.last_mut() {
        words.truncate(words.trim_end().len());
    }
    let shown =
        pieces.iter().filter(|(_, words)| !words.is_empty()).map(|(class, words)| match class.as_str() {
            "" => escaped(words),
            class => format!("<tspan class=\"{class}\">{}</tspan>", escaped(words)),
        });
    shown.collect()
}

fn class(cell: &vt100::Cell) -> String {
    let color = match cell.fgcolor() {
        vt100::Color::Idx(1 | 9) => "r",
        vt100::Color::Idx(2 | 10) => "g",
        vt100::Color::Idx(3 | 11) => "y",
        vt100::Color::Idx(4 | 12) => "b",
        vt100::Color::Idx(5 | 13) => "m",
        vt100::Color::Idx(6 | 14) => "c",
        vt100::Color::Idx(8) => "d",
        _ if cell.dim() => "d",
        _ => "",
    };
    let weight = if cell.bold() { "w" } else { "" };
    [color, weight].iter().filter(|word| !word.is_empty()).copied().collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
