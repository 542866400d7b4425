//! How long an API asks to wait: `Retry-After`, and the hour at which a used-up limit begins anew.

use std::time::Duration;

use jiff::Timestamp;

use super::Reply;
use crate::sys::clock;

/// How long to wait before the same is asked again; `None` when the answer is no limit.
pub(super) fn wait(reply: &Reply, turn: u32) -> Option<Duration> {
    let asked = reply.header("retry-after").and_then(|value| after(value, clock::now()));
    match reply.status {
        // 420 is how Statuspage says it.
        420 | 429 => asked.or_else(|| reset(reply)).or(Some(Duration::from_secs(1 << turn.min(5)))),
        // GitHub answers 403 to who asks too often, and says when to come again.
        403 => asked.or_else(|| reset(reply)),
        503 => asked,
        _ => None,
    }
}

/// Seconds, or a date.
fn after(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(at.duration_since(now).try_into().unwrap_or_default())
}

/// The time at which a limit that is used up begins anew, in seconds since 1970.
fn reset(reply: &Reply) -> Option<Duration> {
    if reply.header("x-ratelimit-remaining") != Some("0") {
        return None;
    }
    let seconds: i64 = reply.header("x-ratelimit-reset")?.parse().ok()?;
    let at = Timestamp::from_second(seconds).ok()?;
    let left = Duration::try_from(at.duration_since(clock::now())).unwrap_or_default();
    Some(left + Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_given_in_seconds_or_as_a_date() {
        let now: Timestamp = "1994-11-06T08:49:37Z".parse().unwrap();
        assert_eq!(after("30", now), Some(Duration::from_secs(30)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:57 GMT", now), Some(Duration::from_secs(20)));
        assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(after("soon", now), None);
    }
}
