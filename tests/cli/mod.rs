//! The commands, seen whole: exit code, standard output and standard error of the real binary.

mod check;
mod config;
mod examples;
mod exec;
mod journal;
mod language;
mod people;
mod plan;
mod sandbox;
mod shop;
mod signals;
mod specs;
mod terminal;
