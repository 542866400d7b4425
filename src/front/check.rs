//! `playbook check`: what is wrong with a playbook, or that nothing is, and what it touches.

use serde_json::{Value, json};

use super::style::{Line, Paint, Style};
use crate::base::error::{Error, Result};
use crate::base::exit::Exit;
use crate::base::suggest;
use crate::effect::family::Families;
use crate::run::exec;
use crate::run::order::{Order, Ready};
use crate::script::check::{Checked, Touched};

/// Two spaces between columns.
const GAP: usize = 2;

/// Checks the playbook that `order` names; parameters need not be given. Returns the text for people, or one JSON
/// object where `style` is none, and the exit code.
pub fn check(order: &Order, families: Families, style: Option<Style>) -> Result<(String, Exit)> {
    let ready = order.read(families)?;
    let checked = exec::check(&ready, families)?;
    let exit = checked.exit().unwrap_or(Exit::Done);
    let text = match style {
        Some(style) => draw(&ready, &checked, style),
        None => format!("{}\n", machine(&ready, &checked, exit)),
    };
    Ok((text, exit))
}

fn draw(ready: &Ready, checked: &Checked, style: Style) -> String {
    let mut out = String::new();
    for (paint, word, all) in
        [(Paint::Bad, "error", &checked.findings), (Paint::Warn, "warning", &checked.warnings)]
    {
        for one in all {
            out += &format!("{}: {one}\n\n", style.paint(paint, word));
        }
    }
    let (name, environment) = (&ready.name, &ready.environment.name);
    match checked.findings.len() {
        0 => out += &format!("{name}: nothing wrong in the environment `{environment}`\n"),
        1 => return out + &format!("{name}: 1 mistake in the environment `{environment}`\n"),
        count => return out + &format!("{name}: {count} mistakes in the environment `{environment}`\n"),
    }
    match checked.touched.is_empty() {
        true if checked.unfollowed.is_empty() => out += "\nIt touches nothing.\n",
        true => {}
        false => out += &format!("\nIt touches\n{}", table(ready, checked, style)),
    }
    if !checked.unfollowed.is_empty() {
        let families = suggest::list(checked.unfollowed.iter().copied());
        out += &format!("\nNot every use of {families} can be followed: a name or a handle is computed.\n");
    }
    out
}

fn table(ready: &Ready, checked: &Checked, style: Style) -> String {
    let heads = ["resource", "access", "header", "calls, with their lines"].map(str::to_owned);
    let mut rows = vec![(Paint::Dim, heads)];
    for one in &checked.touched {
        let asked = asked(ready, one).unwrap_or("–").to_owned();
        let cells = [one.resource.to_string(), one.access.to_string(), asked, calls(ready, one)];
        rows.push((Paint::Plain, cells));
    }
    let widths: [usize; 4] = std::array::from_fn(|column| {
        rows.iter().map(|(_, row)| row[column].chars().count()).max().unwrap_or(0) + GAP
    });
    let draw = |(paint, row): &(Paint, [String; 4])| {
        let mut end = GAP;
        let line = row.iter().zip(widths).fold(Line::default().padded(end), |line, (cell, width)| {
            let line = line.padded(end).with(*paint, cell);
            end += width;
            line
        });
        line.show(style) + "\n"
    };
    rows.iter().map(draw).collect()
}

/// What the header asks for on that resource.
fn asked(ready: &Ready, one: &Touched) -> Option<&'static str> {
    let of = ready.header.uses.iter().filter(|access| access.resource == one.resource);
    of.map(|access| access.effect).max().map(|effect| effect.word())
}

/// `value 9, execute 12 20`; lines of modules with the module's name.
fn calls(ready: &Ready, one: &Touched) -> String {
    let own = format!("{}:", ready.name);
    let verbs = one.verbs.iter().map(|verb| {
        let lines = verb.at.iter().map(|at| at.strip_prefix(&own).unwrap_or(at));
        format!("{} {}", verb.name, lines.collect::<Vec<_>>().join(" "))
    });
    verbs.collect::<Vec<_>>().join(", ")
}

fn machine(ready: &Ready, checked: &Checked, exit: Exit) -> Value {
    let errors = |all: &[Error]| all.iter().map(|error| json!(error)).collect::<Vec<_>>();
    let touches = checked.touched.iter().map(|one| {
        let mut touched = json!(one);
        touched["header"] = json!(asked(ready, one));
        touched
    });
    json!({
        "event": "checked",
        "playbook": ready.name,
        "environment": ready.environment.name,
        "exit": exit.code(),
        "findings": errors(&checked.findings),
        "warnings": errors(&checked.warnings),
        "touches": touches.collect::<Vec<_>>(),
        "unfollowed": checked.unfollowed,
    })
}
