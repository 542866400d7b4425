//! A script in the same engine without its limits, on the plain allocator.

mod work;

use playbook::script::engine;

fn main() {
    work::run(engine::unbounded, || 0);
}
