//! Several people and several processes: locks, windows, gates, saved plans, bundles, waiting.

mod bundle;
mod gates;
mod held;
mod locks;
mod plans;
mod terminal;
mod time;
mod windows;
