//! What a notice says, whoever it is sent to: a text, figures, how serious it is, links, and where it comes from.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::cx::Cx;
use crate::base::call::{Call, Inverse};
use crate::base::error::{Error, Result};

/// How serious a notice is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something is told.
    #[default]
    Info,
    /// Something went well.
    Success,
    /// Something wants a look.
    Warning,
    /// Something failed.
    Error,
    /// Somebody has to act now.
    Critical,
}

impl Severity {
    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    /// The colour that goes beside it, as `#rrggbb`.
    #[must_use]
    pub const fn color(self) -> &'static str {
        match self {
            Self::Info => "#439fe0",
            Self::Success => "#2eb67d",
            Self::Warning => "#ecb22e",
            Self::Error => "#e01e5a",
            Self::Critical => "#8b0000",
        }
    }
}

/// A notice, ready to be put into the form that a product wants.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Its headline.
    pub title: Option<String>,
    /// What it says.
    pub text: String,
    /// Figures and names, in their order.
    pub fields: Vec<(String, String)>,
    /// How serious it is.
    pub severity: Severity,
    /// Words and where they lead.
    pub links: Vec<(String, String)>,
    /// The environment and the run it comes from.
    pub origin: String,
}

impl Notice {
    /// A notice of the call's run; `run_url` leads to the run's page, with `{run}` for its id.
    pub fn new(cx: &Cx, text: &str, run_url: Option<&str>) -> Self {
        let mut links = Vec::new();
        if let Some(url) = run_url {
            links.push(("run".to_owned(), url.replace("{run}", cx.run())));
        }
        Self {
            title: None,
            text: text.to_owned(),
            fields: Vec::new(),
            severity: Severity::default(),
            links,
            origin: format!("{} · run {}", cx.environment(), cx.run()),
        }
    }

    /// The same with its headline and how serious it is.
    #[must_use]
    pub fn headed(self, title: Option<&str>, severity: Severity) -> Self {
        Self { title: title.map(str::to_owned), severity, ..self }
    }

    /// The same with figures, and links before the one to the run.
    pub fn with(mut self, fields: &Map<String, Value>, links: &Map<String, Value>) -> Result<Self> {
        self.fields = fields.iter().map(|(name, value)| (name.clone(), shown(value))).collect();
        let mut all = Vec::new();
        for (name, value) in links {
            match value.as_str().filter(|url| url.starts_with("https://") || url.starts_with("http://")) {
                Some(url) => all.push((name.clone(), url.to_owned())),
                None => {
                    return Err(Error::usage(format!("the link `{name}` is {value}"))
                        .fix("give a whole address, as \"https://example.com/…\""));
                }
            }
        }
        all.append(&mut self.links);
        self.links = all;
        Ok(self)
    }

    /// Title and text in one line, for where there is only one.
    #[must_use]
    pub fn line(&self) -> String {
        match &self.title {
            Some(title) => format!("{title}: {}", self.text),
            None => self.text.clone(),
        }
    }

    /// All of it as plain text.
    #[must_use]
    pub fn plain(&self) -> String {
        let mut out = self.text.clone();
        let widest = self.fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (index, (name, value)) in self.fields.iter().enumerate() {
            let gap = if index == 0 { "\n\n" } else { "\n" };
            out += &format!("{gap}{name}:{} {value}", " ".repeat(widest - name.chars().count()));
        }
        for (index, (name, url)) in self.links.iter().enumerate() {
            let gap = if index == 0 { "\n\n" } else { "\n" };
            out += &format!("{gap}{name}: {url}");
        }
        format!("{out}\n\n-- \n{}\n", self.origin)
    }

    /// All of it as JSON, for receivers of one's own.
    #[must_use]
    pub fn json(&self, cx: &Cx) -> Value {
        let map = |pairs: &[(String, String)]| -> Map<String, Value> {
            pairs.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect()
        };
        json!({
            "title": self.title, "text": self.text, "fields": map(&self.fields), "links": map(&self.links),
            "severity": self.severity.word(), "environment": cx.environment(), "run": cx.run(),
        })
    }
}

/// A value as people read it.
#[must_use]
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

/// At most `most` characters of a text; what is cut says so.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let mark = format!("… [{} characters cut]", count - most);
    // The mark itself takes room from the text, so that a little more is cut than it would say.
    let kept = most.saturating_sub(mark.chars().count() + 2);
    let mark = format!("… [{} characters cut]", count - kept);
    let whole: String = text.chars().take(kept).collect();
    whole + &mark
}

/// The call that takes a notice back.
pub fn taken_back(cx: &Cx, verb: &str, name: &str, value: &str) -> Inverse {
    Inverse::Call(Call::new(cx.resource().clone(), verb).with(name, value).with("must", true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_within_its_limit_and_says_so() {
        assert_eq!(cut("short", 10), "short");
        let long = cut(&"ä".repeat(5000), 100);
        assert!(long.chars().count() <= 100 && long.ends_with(" characters cut]"), "{long}");
    }
}
