//! A notice as a mail: as plain text, and beside it as HTML for those who read that.

use crate::effect::notice::{Notice, cut};

/// The longest text of a mail, in characters.
const LONGEST: usize = 200_000;

/// The two forms of a notice.
pub(super) fn forms(notice: &Notice) -> (String, String) {
    let notice = Notice { text: cut(&notice.text, LONGEST), ..notice.clone() };
    (notice.plain(), html(&notice))
}

fn html(notice: &Notice) -> String {
    let mut out = format!(
        "<!doctype html><html><body style=\"font-family:sans-serif\"><div style=\"border-left:4px solid {};padding-left:12px\">",
        notice.severity.color()
    );
    if let Some(title) = &notice.title {
        out += &format!("<h3>{}</h3>", escaped(title));
    }
    for paragraph in notice.text.split("\n\n") {
        out += &format!("<p>{}</p>", escaped(paragraph).replace('\n', "<br>"));
    }
    if !notice.fields.is_empty() {
        let row = |(name, value): &(String, String)| {
            format!("<tr><th align=\"left\">{}</th><td>{}</td></tr>", escaped(name), escaped(value))
        };
        out += &format!(
            "<table cellpadding=\"4\">{}</table>",
            notice.fields.iter().map(row).collect::<String>()
        );
    }
    let links: Vec<String> = notice
        .links
        .iter()
        .map(|(name, url)| format!("<a href=\"{}\">{}</a>", escaped(url), escaped(name)))
        .collect();
    if !links.is_empty() {
        out += &format!("<p>{}</p>", links.join(" · "));
    }
    format!("{out}<p style=\"color:#888\">{}</p></div></body></html>\n", escaped(&notice.origin))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::notice::Severity;

    #[test]
    fn both_forms_say_the_same() {
        let notice = Notice {
            title: None,
            text: "one <b>\ntwo\n\nthree".to_owned(),
            fields: vec![("version".to_owned(), "v2".to_owned()), ("by".to_owned(), "a & b".to_owned())],
            severity: Severity::Error,
            links: vec![("run".to_owned(), "https://x/?a=\"1\"".to_owned())],
            origin: "local · run 1".to_owned(),
        };
        let (plain, html) = forms(&notice);
        assert_eq!(
            plain,
            "one <b>\ntwo\n\nthree\n\nversion: v2\nby:      a & b\n\nrun: https://x/?a=\"1\"\n\n-- \nlocal · run 1\n"
        );
        assert!(
            html.contains("<p>one &lt;b&gt;<br>two</p><p>three</p>") && html.contains("a &amp; b"),
            "{html}"
        );
        assert!(html.contains("href=\"https://x/?a=&quot;1&quot;\""), "{html}");
    }
}
