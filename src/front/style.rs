//! Text with colour: spans that are cut to the width first and painted last, so that no control code is ever cut.

use owo_colors::OwoColorize as _;

/// How a span looks. Colour never carries meaning alone: a mark or a word beside it says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// As the terminal writes.
    Plain,
    /// Of less weight.
    Dim,
    /// Of more weight.
    Bold,
    /// It went well.
    Good,
    /// It did not.
    Bad,
    /// It wants a look.
    Warn,
    /// It is going on.
    Live,
}

/// Whether to colour, and how wide a line may be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Whether to use colours.
    pub color: bool,
    /// The most characters of a line; `None` for as many as it has.
    pub width: Option<usize>,
}

/// One line made of spans.
#[derive(Clone, Debug, Default)]
pub struct Line {
    spans: Vec<(Paint, String)>,
}

impl Line {
    /// A line that begins `depth` levels in.
    #[must_use]
    pub fn indented(depth: usize) -> Self {
        Self::default().with(Paint::Plain, "  ".repeat(depth))
    }

    /// The same line with one more span, control characters taken out.
    #[must_use]
    pub fn with(mut self, paint: Paint, text: impl AsRef<str>) -> Self {
        let text = clean(text.as_ref());
        if !text.is_empty() {
            self.spans.push((paint, text));
        }
        self
    }

    /// The same line without weight and colour.
    #[must_use]
    pub fn dimmed(mut self) -> Self {
        self.spans.iter_mut().for_each(|(paint, _)| *paint = Paint::Dim);
        self
    }

    /// How many characters it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.iter().map(|(_, text)| text.chars().count()).sum()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same line filled with spaces up to `column`.
    #[must_use]
    pub fn padded(self, column: usize) -> Self {
        let missing = column.saturating_sub(self.len());
        self.with(Paint::Plain, " ".repeat(missing))
    }

    /// The line as written, without its end.
    #[must_use]
    pub fn show(&self, style: Style) -> String {
        let mut left = style.width.unwrap_or(usize::MAX);
        let cut = self.len() > left;
        let mut out = String::new();
        for (paint, text) in &self.spans {
            let most = if cut { left.saturating_sub(1) } else { left };
            let kept: String = text.chars().take(most).collect();
            left = left.saturating_sub(kept.chars().count());
            out.push_str(&style.paint(*paint, &kept));
        }
        if cut {
            out.push('…');
        }
        out
    }
}

impl Style {
    /// `text` in colour, when there are colours.
    #[must_use]
    pub fn paint(self, paint: Paint, text: &str) -> String {
        if !self.color || text.trim().is_empty() {
            return text.to_owned();
        }
        match paint {
            Paint::Plain => text.to_owned(),
            Paint::Dim => text.dimmed().to_string(),
            Paint::Bold => text.bold().to_string(),
            Paint::Good => text.green().to_string(),
            Paint::Bad => text.red().bold().to_string(),
            Paint::Warn => text.yellow().to_string(),
            Paint::Live => text.cyan().to_string(),
        }
    }
}

/// The class of a colour in a page.
#[must_use]
pub const fn class(paint: Paint) -> &'static str {
    match paint {
        Paint::Plain => "plain",
        Paint::Dim => "dim",
        Paint::Bold => "bold",
        Paint::Good => "good",
        Paint::Bad => "bad",
        Paint::Warn => "warn",
        Paint::Live => "live",
    }
}

/// `text` without escape sequences and control characters: what another program writes may not steer the terminal.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\t' => out.push_str("    "),
            '\n' => out.push(' '),
            c if c.is_control() || is_direction(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// Marks that turn the direction of writing, with which a line can be made to look like another.
const fn is_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => {
            let _ = chars.find(|c| ('\u{40}'..='\u{7e}').contains(c));
        }
        Some(']') => while chars.next_if(|c| !matches!(c, '\u{7}' | '\u{1b}')).is_some() {},
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_before_it_is_painted() {
        let line = Line::indented(1).with(Paint::Good, "✔ ").with(Paint::Bold, "Restart the API");
        assert_eq!(line.show(Style { color: false, width: Some(10) }), "  ✔ Resta…");
        assert_eq!(line.show(Style::default()), "  ✔ Restart the API");
        let painted = line.show(Style { color: true, width: Some(10) });
        assert_eq!(clean(&painted), "  ✔ Resta…");
        assert!(painted.ends_with("\u{1b}[0m…"), "{painted:?}");
    }

    #[test]
    fn what_steers_a_terminal_is_taken_out() {
        assert_eq!(clean("a\u{1b}[31mred\u{1b}[0m\u{1b}]0;title\u{7}b\r\u{8}c\u{202e}d"), "aredbcd");
        assert_eq!(clean("cut \u{1b}[31"), "cut ");
    }
}
