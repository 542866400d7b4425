//! The frame of every page, and what pages have in common.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::door::Visitor;
use crate::base::outcome::Outcome;
use crate::effect::journal::RunRecord;
use crate::front::runs;
use crate::front::style::{Paint, class, clean};

/// A page for somebody who is in. `drives` names what the script does with it.
pub(super) fn page(visitor: &Visitor, title: &str, drives: &str, body: &Markup) -> Markup {
    let inside = html! {
        header {
            a.skip href="#main" { "Skip to the content" }
            nav aria-label="Pages" {
                a.home href="/" { "playbook" }
                a href="/" { "Runs" }
                a href="/playbooks" { "Playbooks" }
            }
            p.who {
                (clean(&visitor.name))
                @if !visitor.is_local {
                    form method="post" action="/sign-out" {
                        input type="hidden" name="csrf" value=(visitor.csrf);
                        button.plain { "Sign out" }
                    }
                }
            }
        }
        main #main data-page=(drives) { (body) }
    };
    frame(title, &inside)
}

/// A page for somebody who is not.
pub(super) fn bare(title: &str, body: &Markup) -> Markup {
    frame(title, &html! { main.narrow #main { (body) } })
}

fn frame(title: &str, inside: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (clean(title)) " · playbook" }
                link rel="icon" href=(assets::address("icon.svg"));
                link rel="stylesheet" href=(assets::address("page.css"));
                script defer src=(assets::address("page.js")) {}
            }
            body { (inside) }
        }
    }
}

/// How a run stands: mark and word, in the colour that says the same.
pub(super) fn outcome(record: &RunRecord) -> Markup {
    let (paint, words) = runs::outcome(record);
    let mark = if record.outcome == Some(Outcome::TakenBack) { "↩" } else { mark(paint) };
    html! { span.outcome.(class(paint)) { (mark) " " (words) } }
}

/// The mark of a colour.
const fn mark(paint: Paint) -> &'static str {
    match paint {
        Paint::Good => "✔",
        Paint::Bad => "✘",
        Paint::Live => "▸",
        _ => "■",
    }
}

/// An instant as people and machines read it.
pub(super) fn time(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (at.strftime("%Y-%m-%d %H:%M:%SZ")) } }
}

/// Text as a part of an address.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(byte as char)
            }
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}

/// Where to go after signing in: a path of ours, or the first page.
pub(super) fn own_path(to: &str) -> &str {
    let is_own = to.starts_with('/') && !to.starts_with("//") && !to.contains(['\\', '\r', '\n']);
    if is_own { to } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_nowhere_else() {
        assert_eq!(own_path("/runs/x?y=1"), "/runs/x?y=1");
        for other in ["//evil.example", "https://evil.example", "/\\evil.example", "x", ""] {
            assert_eq!(own_path(other), "/");
        }
        assert_eq!(encoded("a b/ü?&"), "a%20b/%C3%BC%3F%26");
    }
}
