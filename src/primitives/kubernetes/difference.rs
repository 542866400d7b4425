//! How an object would differ, as lines of YAML that people can read.

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::object;
use crate::effect::cx::Cx;

/// So many lines are shown of one object.
const MOST: usize = 120;
/// So many lines around each difference.
const CONTEXT: usize = 2;

/// Tells a heading and below it each line that differs, with some around it.
pub(super) fn tell(cx: &Cx, heading: &str, before: Option<&Value>, after: &Value) {
    cx.line(false, heading);
    for line in lines(before, after) {
        cx.line(false, &format!("  {line}"));
    }
}

/// The lines of a difference: `+` is new, `-` is gone.
fn lines(before: Option<&Value>, after: &Value) -> Vec<String> {
    let (old, new) = (before.map(yaml).unwrap_or_default(), yaml(after));
    let difference = TextDiff::from_lines(old.as_str(), new.as_str());
    let mut lines = Vec::new();
    for (number, group) in difference.grouped_ops(CONTEXT).iter().enumerate() {
        if number > 0 {
            lines.push("…".to_owned());
        }
        for change in group.iter().flat_map(|op| difference.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            lines.push(format!("{sign} {}", change.value().trim_end_matches('\n')));
        }
    }
    let over = lines.len().saturating_sub(MOST);
    if over > 0 {
        lines.truncate(MOST);
        lines.push(format!("… {over} more lines"));
    }
    lines
}

fn yaml(object: &Value) -> String {
    let object = &object::without_copy(object.clone());
    serde_saphyr::to_string(object).unwrap_or_else(|_| format!("{object:#}"))
}

/// A Secret with sizes in place of values, and a mark on each that differs from `before`.
pub(super) fn masked(object: &Value, before: Option<&Value>) -> Value {
    let mut masked = object::masked(object.clone());
    for (name, value) in masked["data"].as_object_mut().into_iter().flatten() {
        let was = before.map(|before| &before["data"][name.as_str()]);
        if was.is_some_and(|was| *was != object["data"][name.as_str()]) {
            *value = format!("{}, another value", value.as_str().unwrap_or_default()).into();
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_shows_what_goes_and_what_comes() {
        let before = json!({ "spec": { "replicas": 1, "image": "a:1" } });
        let after = json!({ "spec": { "replicas": 1, "image": "a:2" } });
        let lines = lines(Some(&before), &after);
        assert!(
            lines.contains(&"-   image: a:1".to_owned()) || lines.iter().any(|line| line.starts_with('-')),
            "{lines:?}"
        );
        assert!(lines.iter().any(|line| line.starts_with('+') && line.contains("a:2")), "{lines:?}");
    }

    #[test]
    fn a_changed_secret_shows_that_it_changed_and_not_what_it_is() {
        let (before, after) = (json!({ "data": { "k": "YQ==" } }), json!({ "data": { "k": "Yg==" } }));
        let text = masked(&after, Some(&before)).to_string();
        assert!(text.contains("another value") && !text.contains("Yg=="), "{text}");
    }
}
