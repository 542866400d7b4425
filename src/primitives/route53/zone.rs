//! A zone as Route 53 tells of it: sets of records by name and kind, and changes that take their time.

use std::sync::Arc;
use std::time::Duration;

use super::Table;
use crate::base::error::{Error, Result};
use crate::effect::aws::{self, Account, Ask, Element, Service, escape};
use crate::effect::cx::Cx;
use crate::effect::health::Health;
use crate::sys::http::Method;

/// The pause between two looks at a change.
const PAUSE: Duration = Duration::from_secs(2);

/// The zone of a resource.
pub(super) struct Zone {
    pub(super) account: Arc<Account>,
    pub(super) id: String,
}

/// A set of records of one name and kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) values: Vec<String>,
    pub(super) ttl: u64,
    /// The name that an alias stands for; empty for a plain set.
    pub(super) alias: String,
    /// What tells it from other sets of the same name; empty when it is the only one.
    pub(super) identifier: String,
}

pub(super) async fn open(cx: &Cx) -> Result<Zone> {
    let table: Table = cx.settings()?;
    let id = table.zone.trim_start_matches("/hostedzone/").to_owned();
    Ok(Zone { account: aws::open(cx, &table.account).await?, id })
}

/// Lists records of the zone: the answer proves address, keys and right.
pub(super) async fn look(cx: Cx) -> Result<Health> {
    let zone = open(&cx).await?;
    zone.sets(&cx, "playbook-doctor.invalid", "A").await?;
    Ok(Health::reached().fact(format!("zone {}", zone.id)))
}

impl Zone {
    /// The sets of that name and kind: several where they are weighted or differ by region.
    pub(super) async fn sets(&self, cx: &Cx, name: &str, kind: &str) -> Result<Vec<Set>> {
        let parts = ["hostedzone", &self.id, "rrset"];
        let ask = Ask::path(Service::ROUTE53, "ListResourceRecordSets", Method::GET, &parts)
            .query("maxitems", "100")
            .query("name", &whole(name))
            .query("type", kind);
        let answer = self.account.xml(cx, &format!("read records of the zone {}", self.id), &ask).await?;
        // The list begins at that name and goes on with others.
        let mine = |set: &&Element| unescape(set.text("Name")) == whole(name) && set.text("Type") == kind;
        Ok(answer.list("ResourceRecordSets").filter(mine).map(Set::read).collect())
    }

    /// Changes a set, `UPSERT` or `DELETE`, and waits until every name server knows, if `wait` says so. Gives the id and
    /// the state of the change.
    pub(super) async fn change(
        &self,
        cx: &Cx,
        (action, name, kind): (&str, &str, &str),
        set: &Set,
        wait: bool,
    ) -> Result<(String, String)> {
        let records: String = set
            .values
            .iter()
            .map(|value| {
                format!("<ResourceRecord><Value>{}</Value></ResourceRecord>", escape(&written(kind, value)))
            })
            .collect();
        let body = format!(
            "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch>\
             <Comment>playbook {}</Comment><Changes><Change><Action>{action}</Action><ResourceRecordSet><Name>{}</Name>\
             <Type>{}</Type><TTL>{}</TTL><ResourceRecords>{records}</ResourceRecords></ResourceRecordSet></Change></Changes>\
             </ChangeBatch></ChangeResourceRecordSetsRequest>",
            escape(cx.run()),
            escape(&whole(name)),
            escape(kind),
            set.ttl,
        );
        let parts = ["hostedzone", &self.id, "rrset"];
        let ask = Ask::path(Service::ROUTE53, "ChangeResourceRecordSets", Method::POST, &parts);
        let ask = if action == "DELETE" { ask.xml(body).changing_once() } else { ask.xml(body).changing() };
        let answer = self.account.xml(cx, &format!("change the {kind} record of {name}"), &ask).await?;
        let id = answer.text("ChangeInfo/Id").trim_start_matches("/change/").to_owned();
        let mut state = answer.text("ChangeInfo/Status").to_owned();
        while wait && state != "INSYNC" {
            cx.line(false, &format!("change {id} is {state}"));
            cx.pause(PAUSE).await?;
            let ask = Ask::path(Service::ROUTE53, "GetChange", Method::GET, &["change", &id]);
            let answer = self.account.xml(cx, &format!("read the change {id}"), &ask).await?;
            state = answer.text("ChangeInfo/Status").to_owned();
        }
        Ok((id, state))
    }

    /// The one plain set of that name and kind; `None` where there is none. What this cannot put back is refused.
    pub(super) async fn plain(&self, cx: &Cx, name: &str, kind: &str) -> Result<Option<Set>> {
        let mut sets = self.sets(cx, name, kind).await?;
        if sets.iter().all(|set| set.alias.is_empty() && set.identifier.is_empty()) {
            return Ok(sets.pop());
        }
        let what = if sets[0].alias.is_empty() { "one of several sets" } else { "an alias" };
        Err(Error::usage(format!(
            "the {kind} record of {name} is {what}, which `{}` leaves alone",
            cx.resource()
        ))
        .why("it has settings that could not be put back as they are")
        .fix("change it where it is managed, or steer with a plain record"))
    }
}

impl Set {
    fn read(set: &Element) -> Self {
        Self {
            values: set.list("ResourceRecords").map(|one| shown(one.text("Value"))).collect(),
            ttl: set.text("TTL").parse().unwrap_or(0),
            alias: set.text("AliasTarget/DNSName").trim_end_matches('.').to_owned(),
            identifier: set.text("SetIdentifier").to_owned(),
        }
    }
}

/// A name with the point at its end, in small letters, as Route 53 keeps it.
fn whole(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.').to_ascii_lowercase())
}

/// See [`Primitive::touches`](crate::effect::primitive::Primitive::touches).
pub(super) fn touched(name: &str, kind: &str) -> String {
    format!("{} {}", whole(name), kind.to_ascii_uppercase())
}

/// Route 53 writes the `*` of a name as `\052`.
fn unescape(name: &str) -> String {
    name.replace("\\052", "*")
}

/// A value as Route 53 wants it: text in quotes.
fn written(kind: &str, value: &str) -> String {
    let is_text = matches!(kind, "TXT" | "SPF");
    if is_text && !value.starts_with('"') {
        format!("\"{}\"", value.replace('"', "\\\""))
    } else {
        value.to_owned()
    }
}

/// A value as people write it: one text without its quotes, a name without the point at its end.
fn shown(value: &str) -> String {
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if !inner.contains("\" \"") => inner.replace("\\\"", "\""),
        _ => value.strip_suffix('.').unwrap_or(value).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_and_shown_in_their_forms() {
        assert_eq!(written("TXT", "v=spf1 \"x\""), "\"v=spf1 \\\"x\\\"\"");
        assert_eq!(shown("\"v=spf1 \\\"x\\\"\""), "v=spf1 \"x\"");
        assert_eq!(
            (written("A", "1.2.3.4").as_str(), shown("a.example.com.").as_str()),
            ("1.2.3.4", "a.example.com")
        );
        assert_eq!((whole("WWW.x.de").as_str(), unescape("\\052.x.de.").as_str()), ("www.x.de.", "*.x.de."));
    }
}
