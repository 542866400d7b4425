//! What `playbook plan` prints: what would be done, step by step, and from where on it cannot be taken back.

use super::draw;
use super::style::{Line, Paint};
use super::tree::{Node, Tree, What};
use crate::base::effect::Effect;
use crate::base::text::{self, headline, show_duration};

/// The lines of a plan.
pub(super) fn lines(tree: &Tree) -> Vec<Line> {
    let mut behind = Behind::default();
    let mut lines: Vec<Line> = tree.nodes.iter().flat_map(|node| block(node, 0, &mut behind)).collect();
    if tree.takes_back.is_some() {
        // It says itself what it comes to.
        return lines;
    }
    if !lines.is_empty() {
        lines.push(Line::default());
    }
    lines.push(changes(tree));
    lines.extend(no_return(tree));
    if behind.read {
        let text = "what was read behind a change is as it is now: where the playbook decides by it, the run may go another way";
        lines.push(Line::default().with(Paint::Warn, "note: ").with(Paint::Plain, text));
    }
    lines
}

/// What came so far in the order of the plan.
#[derive(Default)]
struct Behind {
    /// A change was planned.
    change: bool,
    /// Something was read after that.
    read: bool,
}

/// The first change that has no inverse: up to there a run can be taken back as a whole.
fn no_return(tree: &Tree) -> Option<Line> {
    let node = tree.walk().find(|node| matches!(&node.what, What::Effect { final_because: Some(_), .. }))?;
    let What::Effect { plan, .. } = &node.what else { return None };
    Some(Line::default().with(Paint::Warn, "point of no return: ").with(Paint::Plain, headline(plan, 240)))
}

/// The title's right side.
pub(super) fn outcome(line: Line, tree: &Tree) -> Line {
    let environment = tree.head.as_ref().map_or("", |head| head.environment.as_str());
    let line = line.with(Paint::Plain, "  ").with(Paint::Warn, format!("plan for {environment}"));
    let failed = tree.end.as_ref().is_some_and(|end| end.error.is_some());
    let line = if failed { line.with(Paint::Plain, "  ").with(Paint::Bad, "✘ failed") } else { line };
    let took = tree.end.as_ref().map(|end| show_duration(end.took)).unwrap_or_default();
    line.with(Paint::Dim, format!("  nothing was changed, {took}"))
}

fn block(node: &Node, depth: usize, behind: &mut Behind) -> Vec<Line> {
    let mut first = line(node, depth);
    match &node.what {
        What::Effect { effect: Effect::Read, .. } if behind.change && node.end.is_some() => {
            behind.read = true;
            first = first.with(Paint::Warn, "  as it is now");
        }
        What::Effect { effect, .. } => behind.change |= *effect != Effect::Read,
        _ => {}
    }
    let mut lines = vec![first];
    lines.extend(node.children.iter().flat_map(|child| block(child, depth + 1, behind)));
    lines
}

fn line(node: &Node, depth: usize) -> Line {
    match &node.what {
        // A step of a plan was not done: no tick, no time.
        What::Step { name } if node.end.as_ref().is_none_or(|end| end.error.is_none()) => {
            Line::indented(depth).with(Paint::Live, "▸ ").with(Paint::Bold, name)
        }
        What::Effect { plan, effect, final_because, refused, .. } if *effect != Effect::Read => {
            let line = Line::indented(depth).with(Paint::Warn, "◇ ").with(Paint::Plain, headline(plan, 240));
            let line = if *effect == Effect::Destroy { line.with(Paint::Bad, "  destroys") } else { line };
            let (word, why) = match (final_because, refused) {
                (Some(why), _) => ("  cannot be taken back", why),
                (_, Some(why)) => ("  would not begin", why),
                _ => return line,
            };
            line.with(Paint::Warn, word).with(Paint::Dim, format!(": {}", headline(why, 160)))
        }
        _ => draw::line(node, depth, draw::mark(node)),
    }
}

/// How many changes there would be, and which of them are final.
fn changes(tree: &Tree) -> Line {
    let all: Vec<(bool, bool)> = tree
        .walk()
        .filter_map(|node| match &node.what {
            What::Effect { effect, final_because, refused, .. } if *effect != Effect::Read => {
                Some((final_because.is_some(), refused.is_some()))
            }
            _ => None,
        })
        .collect();
    let line = match all.len() {
        0 => Line::default().with(Paint::Plain, "no changes"),
        count => Line::default().with(Paint::Plain, text::count(count, "change")),
    };
    let lasting = all.iter().filter(|(is_final, _)| *is_final).count();
    let refused = all.iter().filter(|(_, is_refused)| *is_refused).count();
    [(lasting, "cannot be taken back"), (refused, "would not begin as things are")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .fold(line, |line, (count, words)| {
            line.with(Paint::Plain, ", ").with(Paint::Warn, format!("{count} {words}"))
        })
}
