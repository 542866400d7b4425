//! One answer of a server.

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The content type.
    pub(crate) kind: &'static str,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// JSON that is written already.
    pub(crate) fn json(status: u16, body: impl Into<String>) -> Self {
        Self { status, kind: "application/json", body: body.into().into_bytes() }
    }

    /// Plain text.
    pub(crate) fn text(status: u16, body: impl Into<String>) -> Self {
        Self { status, kind: "text/plain; version=0.0.4", body: body.into().into_bytes() }
    }
}

/// A text as JSON.
pub(crate) fn quoted(text: &str) -> String {
    let inner: String = text
        .chars()
        .flat_map(|letter| match letter {
            '"' | '\\' => vec!['\\', letter],
            '\n' | '\r' | '\t' => vec![' '],
            letter => vec![letter],
        })
        .collect();
    format!("\"{inner}\"")
}
