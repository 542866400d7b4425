//! Parses the command line, runs it, and ends with its exit code.

use std::process::ExitCode;

use cap::Cap;

/// Counts what the process allocates: Rhai's own limits look at one value at a time and bound no memory.
#[global_allocator]
static ALLOCATOR: Cap<std::alloc::System> = Cap::new(std::alloc::System, usize::MAX);

fn main() -> ExitCode {
    let exit = playbook::front::main(std::env::args_os(), || ALLOCATOR.allocated());
    ExitCode::from(exit.code())
}
