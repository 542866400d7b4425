//! The terminal: steps as they run on a screen that moves, or plain lines where there is none.

mod bars;
mod live;
mod rests;
mod stage;
mod usual;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::draw;
use super::style::{Line, Style};
use crate::base::event::{Event, Listener};
use crate::sys::terminal::NoEcho;
use crate::sys::{clock, terminal};
use stage::Stage;
pub use usual::Usual;

/// How often the moving part is drawn again.
const TICK: Duration = Duration::from_millis(100);

/// Draws what it hears on standard error.
#[derive(Debug)]
pub struct Terminal {
    color: bool,
    stage: Arc<Mutex<Stage>>,
    /// The moving part; held while something is written above it, so that lines stay in order.
    screen: Mutex<Option<Screen>>,
}

/// The element that draws the moving part, and what it wants of the terminal.
#[derive(Debug)]
struct Screen {
    bar: ProgressBar,
    _no_echo: Option<NoEcho>,
}

impl Terminal {
    /// With or without colours, and with a moving part (which wants a terminal) or as plain lines.
    #[must_use]
    pub fn new(color: bool, live: bool) -> Self {
        Self::expecting(color, live, Usual::default())
    }

    /// The same, with what is known of runs of the past.
    #[must_use]
    pub fn expecting(color: bool, live: bool, usual: Usual) -> Self {
        let mut stage = Stage::new(live);
        stage.usual = usual;
        let stage = Arc::new(Mutex::new(stage));
        let screen = live.then(|| screen(&stage, color));
        Self { color, stage, screen: Mutex::new(screen) }
    }

    /// Writes text above the moving part.
    pub fn print(&self, text: &str) {
        if let Ok(screen) = self.screen.lock() {
            write(screen.as_ref(), text);
        }
    }

    /// Does something else with the terminal, such as asking a question, while the moving part is away.
    pub fn aside<R>(&self, other: impl FnOnce() -> R) -> R {
        let screen = self.screen.lock();
        match screen.as_ref().ok().and_then(|screen| screen.as_ref()) {
            Some(screen) => screen.bar.suspend(other),
            None => other(),
        }
    }

    /// Ends the moving part; what is still in it stays on the screen as lines.
    pub fn close(&self) {
        // Whoever still asks something there, after the run was given up, is not waited for.
        let Ok(mut screen) = self.screen.try_lock() else { return };
        let left = self.stage.lock().map(|mut stage| stage.flush()).unwrap_or_default();
        write(screen.as_ref(), &self.text(&left));
        if let Some(screen) = screen.take() {
            screen.bar.finish_and_clear();
        }
    }

    fn text(&self, lines: &[Line]) -> String {
        draw::text(lines, Style { color: self.color, width: None })
    }
}

impl Terminal {
    fn take(&self, event: &Event, is_recorded: bool) {
        let Ok(screen) = self.screen.lock() else { return };
        // The stage is let go before anything is written: drawing the moving part takes it again.
        let lines = match self.stage.lock() {
            Ok(mut stage) => {
                stage.tree.retelling = is_recorded;
                stage.hear(event, clock::instant(), terminal::size().1)
            }
            Err(_) => return,
        };
        write(screen.as_ref(), &self.text(&lines));
        drop(screen);
        if matches!(event, Event::RunEnded { .. } | Event::Suspended { .. }) {
            self.close();
        }
    }
}

impl Listener for Terminal {
    fn hear(&self, event: &Event) {
        self.take(event, false);
    }

    fn recall(&self, event: &Event) {
        self.take(event, true);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.close();
    }
}

fn write(screen: Option<&Screen>, text: &str) {
    if text.is_empty() {
        return;
    }
    match screen {
        Some(screen) => screen.bar.suspend(|| terminal::write(text)),
        None => terminal::write(text),
    }
}

/// The moving part: one element that draws the stage anew at each tick.
fn screen(stage: &Arc<Mutex<Stage>>, color: bool) -> Screen {
    let stage = Arc::clone(stage);
    let draw = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
        let (columns, rows) = terminal::size();
        let lines = stage.lock().map(|stage| stage.live(clock::instant(), rows)).unwrap_or_default();
        let style = Style { color, width: Some(columns.saturating_sub(1)) };
        let _ = out.write_str(draw::text(&lines, style).trim_end_matches('\n'));
    };
    let style = ProgressStyle::with_template("{stage}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(20));
    bar.set_style(style.with_key("stage", draw));
    bar.enable_steady_tick(TICK);
    Screen { bar, _no_echo: terminal::no_echo() }
}

#[cfg(test)]
mod tests;
