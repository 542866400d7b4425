//! A script in the engine as the product runs it: every limit set, every allocation counted.

mod work;

use cap::Cap;
use playbook::script::engine;

#[global_allocator]
static ALLOCATOR: Cap<std::alloc::System> = Cap::new(std::alloc::System, usize::MAX);

fn main() {
    work::run(engine::build, || ALLOCATOR.allocated());
}
