//! A demo application: an API, a worker, a site, a database's metrics and a cluster's gateway, each a role of this one
//! program.
//!
//! `demo api --port 18700 --release-file build/release --socket /run/postgresql --database app` serves `/health`, what the
//! application does, and `/metrics`. Faults are switched on while it runs, by lines in the file that `--faults` names.
#![expect(clippy::disallowed_methods, reason = "it is what is deployed, and stands outside the house")]

mod answer;
mod api;
mod arguments;
mod database;
mod faults;
mod figures;
mod gateway;
mod ledger;
mod postgres;
mod server;
mod site;
mod worker;

use std::process::ExitCode;

use arguments::Arguments;

fn main() -> ExitCode {
    let began = Arguments::read(std::env::args().skip(1)).and_then(|arguments| {
        let roles = [
            ("api", api::run as fn(Arguments) -> Result<(), String>),
            ("worker", worker::run),
            ("site", site::run),
            ("database", database::run),
            ("gateway", gateway::run),
        ];
        match roles.into_iter().find(|(name, _)| *name == arguments.role) {
            Some((_, run)) => run(arguments),
            None => Err(format!("there is no role {}", arguments.role)),
        }
    });
    match began {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("demo: {why}");
            ExitCode::FAILURE
        }
    }
}
