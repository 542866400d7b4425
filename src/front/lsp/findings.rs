//! What `playbook check` finds, where it stands in the editor.

use lsp_types::{Diagnostic, DiagnosticSeverity, NumberOrString, Range};

use super::document::{Document, line_begin};
use crate::base::access::Access;
use crate::base::error::{Error, Result};
use crate::base::place::Place;
use crate::primitives::FAMILIES;
use crate::run::exec;
use crate::run::order::Order;
use crate::run::project::Project;
use crate::script::check::Checked;

/// All that is wrong with the document as it stands in the editor.
pub(super) fn of(document: &Document) -> Vec<Diagnostic> {
    if document.is_settings() {
        let folder = document.path.parent().map(std::path::Path::to_path_buf).unwrap_or_default();
        let read = Project::read(folder, &document.text, FAMILIES);
        return read.err().map(|error| each(document, &error, DiagnosticSeverity::ERROR)).unwrap_or_default();
    }
    let is_test = document.path.to_string_lossy().ends_with(".test.rhai");
    if is_test
        || document.path.extension().is_none_or(|extension| extension != "rhai")
        || document.project.is_none()
    {
        return Vec::new();
    }
    match checked(document) {
        Err(error) => each(document, &error, DiagnosticSeverity::ERROR),
        Ok((name, checked)) => {
            let all = [
                (&checked.findings, DiagnosticSeverity::ERROR),
                (&checked.warnings, DiagnosticSeverity::WARNING),
            ];
            let own = all
                .into_iter()
                .flat_map(|(errors, severity)| errors.iter().map(move |error| (error, severity)));
            let own = own.filter(|(error, _)| error.at.as_ref().is_none_or(|at| at.file == name));
            own.map(|(error, severity)| diagnostic(document, error, severity)).collect()
        }
    }
}

fn checked(document: &Document) -> Result<(String, Checked)> {
    let project = document.project.as_ref().map(|project| project.folder.clone());
    let environment = document.environment().map(|environment| environment.name);
    let order = Order { playbook: document.path.clone(), project, environment, ..Order::default() };
    let mut ready = order.read_with(Some(&document.text), FAMILIES)?;
    if !document.text.lines().any(|line| line.trim_start().starts_with("//!")) {
        // A module asks for nothing itself: it may do what whoever imports it may.
        let given = ready.environment.resources.values();
        ready.header.uses = given.map(|one| Access::new(one.id.clone(), one.grant)).collect();
    }
    let mut checked = exec::check(&ready, FAMILIES)?;
    if !document.text.lines().any(|line| line.trim_start().starts_with("//!")) {
        checked.warnings.clear();
    }
    Ok((ready.name, checked))
}

fn each(document: &Document, error: &Error, severity: DiagnosticSeverity) -> Vec<Diagnostic> {
    error.each().map(|error| diagnostic(document, &error, severity)).collect()
}

fn diagnostic(document: &Document, error: &Error, severity: DiagnosticSeverity) -> Diagnostic {
    let mut message = error.what.clone();
    for (word, text) in [("why", &error.why), ("fix", &error.fix)] {
        if let Some(text) = text {
            message += &format!("\n{word}: {text}");
        }
    }
    Diagnostic {
        range: error.at.as_ref().map(|at| range(document, at)).unwrap_or_default(),
        severity: Some(severity),
        code: Some(NumberOrString::String(error.kind.word().to_owned())),
        source: Some("playbook".to_owned()),
        message,
        ..Diagnostic::default()
    }
}

/// The editor's range of a place, which counts characters from 1.
fn range(document: &Document, at: &Place) -> Range {
    let begin = line_begin(&document.text, u32::try_from(at.line.saturating_sub(1)).unwrap_or(0));
    let line = document.text[begin..].split('\n').next().unwrap_or_default();
    let byte = |characters: usize| line.char_indices().nth(characters).map_or(line.len(), |(index, _)| index);
    let (from, to) = match at.column {
        0 => (0, line.len()),
        column => (byte(column - 1), byte(column - 1 + at.width.max(1))),
    };
    document.range(begin + from, begin + to)
}
