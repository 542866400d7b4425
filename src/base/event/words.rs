//! The word of each event, as in JSON, and which of them the journal keeps.

use super::Event;

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
}
