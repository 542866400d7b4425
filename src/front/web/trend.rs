//! How long the runs of a playbook took, as a picture: one bar for each, the oldest first, and a line for what is usual.

use std::time::Duration;

use maud::{Markup, html};

use crate::base::outcome::Outcome;
use crate::base::text::show_duration;
use crate::effect::journal::RunRecord;
use crate::front::runs;

/// The width and height of the picture, in units of its own.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 180.0;
/// The room below the bars, for the marks.
const FOOT: f64 = 22.0;

/// The picture of these runs, the newest first; nothing for fewer than two.
pub(super) fn draw(records: &[&RunRecord], usual: Option<Duration>) -> Markup {
    let known: Vec<(&RunRecord, Duration)> =
        records.iter().rev().filter_map(|record| Some((*record, runs::took(record)?))).collect();
    if known.len() < 2 {
        return html! {};
    }
    let longest = known.iter().map(|(_, took)| *took).chain(usual).max().unwrap_or_default();
    // Few runs make no broad bars.
    let apart = WIDTH / known.len().max(20) as f64;
    let tall = |took: Duration| {
        ((HEIGHT - FOOT - 14.0) * took.as_secs_f64() / longest.as_secs_f64().max(1e-9)).max(2.0)
    };
    html! {
        svg.trend viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label="how long the runs took, the newest last" {
            @for (index, (record, took)) in known.iter().enumerate() {
                @let (name, mark) = look(record);
                @let x = apart * index as f64;
                a href=(format!("/runs/{}", record.id)) {
                    title { (record.id) ": " (show_duration(*took)) ", " (runs::outcome(record).1) }
                    rect.bar.(name) x=(x + apart * 0.1) y=(HEIGHT - FOOT - tall(*took)) width=(apart * 0.8) height=(tall(*took)) {}
                    @if known.len() <= 60 { text.mark.(name) x=(x + apart / 2.0) y=(HEIGHT - 6.0) text-anchor="middle" { (mark) } }
                }
            }
            @if let Some(usual) = usual {
                @let y = HEIGHT - FOOT - tall(usual);
                line.usual x1="0" x2=(WIDTH) y1=(y) y2=(y) {}
                text.took x="4" y=(y - 4.0) { "usually " (show_duration(usual)) }
            }
        }
    }
}

fn look(record: &RunRecord) -> (&'static str, &'static str) {
    match record.outcome {
        None => ("live", "▸"),
        Some(Outcome::Done) => ("good", "✔"),
        Some(Outcome::TakenBack) => ("warn", "↩"),
        Some(Outcome::Cancelled | Outcome::InDoubt) => ("warn", "■"),
        Some(Outcome::Failed | Outcome::NotTakenBack) => ("bad", "✘"),
    }
}
