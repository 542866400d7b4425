//! One integration crate: a single link, and every test on the real binary.

mod cli;
mod house;
mod real;
mod rig;
