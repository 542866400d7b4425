//! The word of each event, as in JSON, where it happens, and which of them the journal keeps.

use super::Event;
use crate::base::error::NOT_SENT;

impl Event {
    /// Whether the journal keeps it.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        !matches!(self, Self::Line { .. } | Self::Progress { .. })
    }

    /// Its word, as in JSON.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::RunBegan { .. } => "run_began",
            Self::RunResumed { .. } => "run_resumed",
            Self::Decided { .. } => "decided",
            Self::Branched { .. } => "branched",
            Self::StepBegan { .. } => "step_began",
            Self::StepEnded { .. } => "step_ended",
            Self::EffectBegan { .. } => "effect_began",
            Self::Witnessed { .. } => "witnessed",
            Self::EffectEnded { .. } => "effect_ended",
            Self::Judged { .. } => "judged",
            Self::Retrying { .. } => "retrying",
            Self::Waiting { .. } => "waiting",
            Self::ClockRead { .. } => "clock_read",
            Self::Logged { .. } => "logged",
            Self::Line { .. } => "line",
            Self::Progress { .. } => "progress",
            Self::Horizon { .. } => "horizon",
            Self::UnwindBegan { .. } => "unwind_began",
            Self::Unwound { .. } => "unwound",
            Self::GateOpened { .. } => "gate_opened",
            Self::GateAnswered { .. } => "gate_answered",
            Self::GateClosed { .. } => "gate_closed",
            Self::PlanCompared { .. } => "plan_compared",
            Self::GlassBroken { .. } => "glass_broken",
            Self::Suspended { .. } => "suspended",
            Self::Unlocked { .. } => "unlocked",
            Self::RunEnded { .. } => "run_ended",
        }
    }

    /// Whether it is the end of a notice that could not be sent, for which the run did not fail.
    #[must_use]
    pub fn is_not_sent(&self) -> bool {
        matches!(self, Self::EffectEnded { error: Some(error), .. } if error.details.contains_key(NOT_SENT))
    }

    /// Where in the tree of the run it happens, for those that happen somewhere. What was taken back happened elsewhere.
    #[must_use]
    pub fn position(&self) -> Option<&str> {
        match self {
            Self::StepBegan { position, .. }
            | Self::StepEnded { position, .. }
            | Self::EffectBegan { position, .. }
            | Self::Witnessed { position, .. }
            | Self::EffectEnded { position, .. }
            | Self::Judged { position, .. }
            | Self::Retrying { position, .. }
            | Self::Waiting { position, .. }
            | Self::GateOpened { position, .. }
            | Self::GateAnswered { position, .. }
            | Self::GateClosed { position, .. }
            | Self::Branched { position, .. }
            | Self::ClockRead { position, .. }
            | Self::Decided { position, .. }
            | Self::Logged { position, .. } => Some(position),
            _ => None,
        }
    }
}
