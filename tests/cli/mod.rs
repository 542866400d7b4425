//! The commands, seen whole: exit code, standard output and standard error of the real binary.

mod afterwards;
mod cancel;
mod check;
mod config;
mod crash;
mod doctor;
mod doubt;
mod examples;
mod exec;
mod journal;
mod language;
mod left;

mod lost;
mod meanwhile;
pub mod operator;
mod people;
mod plan;
mod quiet;
mod repl;
mod report;
pub mod resume;
mod rollback;
mod sandbox;
mod secrets;
mod shop;
mod signals;
mod specs;
#[cfg(feature = "telemetry")]
mod telemetry;
mod terminal;
mod watch;
#[cfg(feature = "serve")]
mod web;
mod work;
