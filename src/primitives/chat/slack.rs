//! A notice in Slack's form: blocks beside a colour, within the limits that Slack sets.

use serde_json::{Value, json};

use crate::base::error::{Error, Result};
use crate::effect::api::{Api, Reply};
use crate::effect::notice::{Notice, cut};

/// The longest headline, in characters.
const TITLE: usize = 150;
/// The longest text of one section, in characters.
const SECTION: usize = 3000;
/// The most sections that a text is spread over; what is longer is cut.
const SECTIONS: usize = 4;
/// The most figures of one section, and the longest of them.
const FIELDS: (usize, usize) = (10, 2000);
/// The most figures in all.
const ALL_FIELDS: usize = 40;

/// The message: `text` for notifications and old clients, the blocks for everybody else.
pub(super) fn message(notice: &Notice, mention: &[String]) -> Value {
    let mut blocks = Vec::new();
    if let Some(title) = &notice.title {
        blocks.push(json!({ "type": "header", "text": { "type": "plain_text", "text": cut(title, TITLE), "emoji": true } }));
    }
    let called: Vec<String> = mention.iter().map(|who| called(who)).collect();
    let text = escaped(&notice.text);
    let text = if called.is_empty() { text } else { format!("{} {text}", called.join(" ")) };
    for part in sections(&cut(&text, SECTION * SECTIONS)) {
        blocks.push(json!({ "type": "section", "text": { "type": "mrkdwn", "text": part } }));
    }
    for fields in notice.fields.chunks(FIELDS.0).take(ALL_FIELDS / FIELDS.0) {
        let fields: Vec<Value> = fields
            .iter()
            .map(|(name, value)| {
                let text = format!("*{}*\n{}", escaped(name), escaped(value));
                json!({ "type": "mrkdwn", "text": cut(&text, FIELDS.1) })
            })
            .collect();
        blocks.push(json!({ "type": "section", "fields": fields }));
    }
    let links = notice.links.iter().map(|(name, url)| format!("<{}|{}>", escaped(url), escaped(name)));
    let last: Vec<String> = links.chain([escaped(&notice.origin)]).collect();
    let last = cut(&last.join("  ·  "), SECTION);
    blocks.push(json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": last }] }));
    json!({
        "text": cut(&escaped(&notice.line()), SECTION),
        "attachments": [{ "color": notice.severity.color(), "fallback": cut(&notice.line(), SECTION), "blocks": blocks }],
        "unfurl_links": false,
    })
}

/// `&`, `<` and `>` as Slack wants them, so that no text calls people or makes links by itself.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A person, a group, or everybody, as Slack calls them.
fn called(who: &str) -> String {
    match who {
        "channel" | "here" | "everyone" => format!("<!{who}>"),
        group if group.starts_with('S') => format!("<!subteam^{}>", escaped(group)),
        person => format!("<@{}>", escaped(person)),
    }
}

/// The text in parts that fit into a section, cut between lines where there are any.
fn sections(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for line in text.split_inclusive('\n') {
        let mut rest: Vec<char> = line.chars().collect();
        while !rest.is_empty() {
            let last = parts.len() - 1;
            let room = SECTION - parts[last].chars().count();
            if rest.len() <= room {
                parts[last].extend(rest.drain(..));
            } else if parts[last].is_empty() {
                parts[last].extend(rest.drain(..room));
            } else {
                parts.push(String::new());
            }
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// Judges an answer of the Web API, which says 200 to everything and `ok: false` to what it refuses.
pub(super) fn judge(api: &Api, reply: &Reply, channel: &str, what: &str) -> Result<()> {
    if reply.json.get("ok").and_then(Value::as_bool) == Some(true) {
        return Ok(());
    }
    let code = reply.at("/error");
    let error = Error::remote(format!(
        "`{}` could not {what}: Slack answered {}",
        api.name,
        if code.is_empty() { &reply.line } else { code }
    ));
    let needed = reply.at("/needed");
    let why = if needed.is_empty() { reply.words() } else { format!("{code}: it needs {needed}") };
    let error = error.why(why).detail("error", code);
    // What Slack itself broke at may have been posted; whatever else it says of a message, it has not taken it.
    let is_lost =
        ["", "internal_error", "fatal_error", "service_unavailable", "request_timeout"].contains(&code);
    let error = if is_lost { error } else { error.unchanged() };
    let table = &api.table;
    Err(match code {
        "channel_not_found" => error
            .fix(format!("correct `channel` of {table}, or invite the app to {channel} when it is private")),
        "not_in_channel" => error.fix(format!("invite the app to {channel}: `/invite @app`")),
        "is_archived" => error.fix(format!("name another `channel` in {table}")),
        "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired" => {
            error.fix(format!("renew the token that `token` of {table} refers to")).detail("status", 401)
        }
        "missing_scope" => {
            error.fix("give the app the right `chat:write`, and install it again").detail("status", 403)
        }
        "message_not_found" | "cant_update_message" => {
            error.fix("update only what this app has posted to that channel")
        }
        _ => error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::notice::Severity;

    fn notice(text: &str) -> Notice {
        Notice {
            title: Some("Deploy <v2>".to_owned()),
            text: text.to_owned(),
            fields: (0..12).map(|n| (format!("f{n}"), "a & b".to_owned())).collect(),
            severity: Severity::Success,
            links: vec![("diff".to_owned(), "https://x/?a=1&b=2".to_owned())],
            origin: "production · run 1".to_owned(),
        }
    }

    #[test]
    fn a_message_has_blocks_and_nothing_in_it_calls_people() {
        let message = message(&notice("done <!channel>"), &["U1".to_owned(), "here".to_owned()]);
        let blocks = message["attachments"][0]["blocks"].as_array().unwrap();
        assert_eq!(blocks[0]["text"]["text"], "Deploy <v2>");
        assert_eq!(blocks[1]["text"]["text"], "<@U1> <!here> done &lt;!channel&gt;");
        assert_eq!(blocks[2]["fields"].as_array().unwrap().len(), 10);
        assert_eq!(blocks[3]["fields"][0]["text"], "*f10*\na &amp; b");
        assert_eq!(blocks[4]["elements"][0]["text"], "<https://x/?a=1&amp;b=2|diff>  ·  production · run 1");
        assert_eq!(message["text"], "Deploy &lt;v2&gt;: done &lt;!channel&gt;");
    }

    #[test]
    fn a_long_text_is_spread_and_then_cut() {
        let parts = sections(&"line of text\n".repeat(500));
        assert!(
            parts.len() == 3
                && parts.iter().all(|part| part.chars().count() <= SECTION && part.ends_with('\n'))
        );
        let message = message(&notice(&"x".repeat(50_000)), &[]);
        let blocks = message["attachments"][0]["blocks"].as_array().unwrap();
        assert_eq!(blocks.iter().filter(|block| block.get("text").is_some()).count(), 1 + SECTIONS);
        assert!(blocks[SECTIONS]["text"]["text"].as_str().unwrap().ends_with("characters cut]"));
    }
}
