//! `playbook report`: whole documents, from a made-up run whose times are known and from real ones.

mod forms;
mod real;
