//! The site: the files of a folder, as a distribution in front of a bucket serves them.

use std::path::Component;
use std::path::Path;

use crate::answer::Answer;
use crate::arguments::Arguments;
use crate::{figures, server};

/// Serves until it is ended.
pub(crate) fn run(arguments: Arguments) -> Result<(), String> {
    server::serve(arguments.port, move |request| {
        let path = request.path.trim_start_matches('/');
        let path = if path.is_empty() { "index.html" } else { path };
        if path == "metrics" {
            return Some(Answer::text(200, figures::process()));
        }
        let is_inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        let found = is_inside.then(|| std::fs::read(arguments.folder.join(path)).ok()).flatten();
        Some(match found {
            Some(body) if path.ends_with(".html") => {
                Answer { status: 200, kind: "text/html; charset=utf-8", body }
            }
            Some(body) => Answer { status: 200, kind: "application/octet-stream", body },
            None => Answer::text(404, "there is no such page\n"),
        })
    })
}
