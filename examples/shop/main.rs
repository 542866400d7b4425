//! A small shop: the application that the playbooks in this folder deploy.
//!
//! `shop --release 2.0.0 --port 18642 --database var/shop.db` serves `/health`, `/orders` and `/metrics`. Each release
//! asks its database for the columns it knows, so that a release whose migration is missing is broken for real.

mod answers;
mod arguments;
mod server;

use std::process::ExitCode;

use arguments::Arguments;

fn main() -> ExitCode {
    let served = Arguments::read(std::env::args().skip(1)).and_then(|arguments| server::serve(&arguments));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("shop: {why}");
            ExitCode::FAILURE
        }
    }
}
