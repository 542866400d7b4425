//! The commands of everyday work: a new project, its tests, completions, the language server, the terminal of a long run.

mod completions;
mod editor;
mod new;
mod team;
mod usual;
