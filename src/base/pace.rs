//! How fast time passes for a playbook: as it is asked for, or shorter, by a factor or by a table of examples.

use std::time::Duration;

use super::clock::times;

/// How much of the time that a playbook asks to pass does pass in an environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Pace {
    /// All of it.
    #[default]
    Real,
    /// This part of it, above 0 and at most 1: `time_scale`.
    Factor(f64),
    /// As examples say, each a time and how long it takes here, growing; between two of them in proportion, and beyond the
    /// last as that one: `clock`.
    Table(Vec<(Duration, Duration)>),
}

impl Pace {
    /// Whether all of it passes.
    #[must_use]
    pub fn is_real(&self) -> bool {
        matches!(self, Self::Real)
    }

    /// How long a time takes here.
    #[must_use]
    pub fn here(&self, asked: Duration) -> Duration {
        match self {
            Self::Real => asked,
            Self::Factor(factor) => times(asked, *factor),
            Self::Table(points) => along(points, asked, |(from, to)| (*from, *to)),
        }
    }

    /// What a playbook would have to ask for, for a time to take that long here.
    #[must_use]
    pub fn asked(&self, here: Duration) -> Duration {
        match self {
            Self::Real => here,
            Self::Factor(factor) => times(here, 1.0 / factor),
            Self::Table(points) => along(points, here, |(from, to)| (*to, *from)),
        }
    }
}

/// The value at `at` of the broken line that begins at nothing and goes through the points.
fn along(
    points: &[(Duration, Duration)],
    at: Duration,
    axes: impl Fn(&(Duration, Duration)) -> (Duration, Duration),
) -> Duration {
    let mut before = (Duration::ZERO, Duration::ZERO);
    for (x, y) in points.iter().map(axes) {
        if at <= x {
            let share = (at - before.0).as_secs_f64() / (x - before.0).as_secs_f64();
            return before.1 + times(y - before.1, share);
        }
        before = (x, y);
    }
    times(at, before.1.as_secs_f64() / before.0.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_goes_through_its_examples_and_back() {
        let seconds = Duration::from_secs;
        let day = Pace::Table(vec![
            (seconds(900), seconds(2)),
            (seconds(3600), seconds(4)),
            (seconds(86400), seconds(6)),
        ]);
        for (asked, here) in [
            (0.0, 0.0),
            (450.0, 1.0),
            (900.0, 2.0),
            (1800.0, 2.667),
            (3600.0, 4.0),
            (86400.0, 6.0),
            (172_800.0, 12.0),
        ] {
            let there = day.here(Duration::from_secs_f64(asked)).as_secs_f64();
            assert!((there - here).abs() < 0.001, "{asked}: {there}");
            assert!(
                (day.asked(Duration::from_secs_f64(there)).as_secs_f64() - asked).abs() < 0.01,
                "{asked}"
            );
        }
        assert_eq!(Pace::Factor(0.5).here(seconds(10)), seconds(5));
        assert_eq!(Pace::Factor(0.5).asked(seconds(5)), seconds(10));
        assert!(Pace::Real.is_real() && Pace::Real.here(seconds(7)) == seconds(7));
    }
}
