//! When an environment may be changed: freezes with their reason, and the weekly hours of deployments.

use jiff::{Timestamp, Zoned};

use crate::base::error::{Error, Kind, Result};
use crate::base::moment::{self, Weekly};

/// A stretch of time in which nothing may be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// Its first moment.
    pub from: Zoned,
    /// The first moment after it.
    pub to: Zoned,
    /// Why.
    pub reason: String,
}

/// When an environment may be changed; without any entry, always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Windows {
    /// When it may not.
    pub freezes: Vec<Freeze>,
    /// The only hours in which it may, where there are any.
    pub allow: Vec<Weekly>,
    /// Why this run may all the same: the glass was broken.
    pub broken: Option<String>,
}

impl Windows {
    /// Refuses a change of `environment` at `now` when it may not be changed then, unless the glass was broken.
    pub fn permit(&self, environment: &str, now: Timestamp) -> Result<()> {
        match self.closed(environment, now) {
            Some(error) if self.broken.is_none() => Err(error),
            _ => Ok(()),
        }
    }

    /// Why `environment` may not be changed at `now`.
    #[must_use]
    pub fn closed(&self, environment: &str, now: Timestamp) -> Option<Error> {
        let glass = "if it cannot wait: `--break-glass \"REASON\"`, which is recorded";
        let frozen = self.freezes.iter().find(|one| one.from.timestamp() <= now && now < one.to.timestamp());
        if let Some(freeze) = frozen {
            let what = format!("`{environment}` is frozen until {}", moment::show(&freeze.to));
            return Some(
                Error::new(Kind::Denied, what).why(&freeze.reason).fix(format!("wait until then; {glass}")),
            );
        }
        let first = self.allow.first()?;
        if self.allow.iter().any(|hours| hours.holds(now)) {
            return None;
        }
        let hours: Vec<String> = self.allow.iter().map(ToString::to_string).collect();
        let next = self.allow.iter().filter_map(|hours| hours.next(now)).min_by_key(Zoned::timestamp);
        let next = next.map(|next| format!("wait until {}; ", moment::show(&next))).unwrap_or_default();
        let what = format!("`{environment}` may not be changed now, {}", first.here(now));
        let why = format!("it may be changed {}", hours.join(", "));
        Some(Error::new(Kind::Denied, what).why(why).fix(format!("{next}{glass}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(windows: &Windows, now: &str) -> Option<String> {
        windows.permit("production", now.parse().unwrap()).err().map(|error| error.to_string())
    }

    #[test]
    fn a_freeze_and_the_hours_are_said_with_when_they_end() {
        let mut windows = Windows {
            freezes: vec![Freeze {
                from: moment::parse("2026-12-20 Europe/Berlin", false).unwrap(),
                to: moment::parse("2027-01-02 Europe/Berlin", true).unwrap(),
                reason: "the holidays".to_owned(),
            }],
            allow: vec![Weekly::parse("Mon-Thu 09:00-16:00 Europe/Berlin").unwrap()],
            broken: None,
        };
        assert_eq!(said(&windows, "2026-11-26T10:00:00Z"), None);
        insta::assert_snapshot!(said(&windows, "2026-12-21T10:00:00Z").unwrap(), @r#"
        `production` is frozen until Sun 2027-01-03 00:00 Europe/Berlin
          why: the holidays
          fix: wait until then; if it cannot wait: `--break-glass "REASON"`, which is recorded
        "#);
        insta::assert_snapshot!(said(&windows, "2026-11-26T20:00:00Z").unwrap(), @r#"
        `production` may not be changed now, Thu 2026-11-26 21:00 Europe/Berlin
          why: it may be changed Mon-Thu 09:00-16:00 Europe/Berlin
          fix: wait until Mon 2026-11-30 09:00 Europe/Berlin; if it cannot wait: `--break-glass "REASON"`, which is recorded
        "#);
        windows.broken = Some("the site is down".to_owned());
        assert_eq!(said(&windows, "2026-12-21T10:00:00Z"), None);
    }
}
