//! A page of text for people: wrapping, indentation and colour. Everything that goes in through
//! [`Page`] is made inert first.

use colored::Colorize;

use super::{Style, safe};

/// What a stretch of text is, as far as colour is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Heading,
    Muted,
    Good,
    Caution,
    Bad,
    Cool,
}

/// Text under construction.
pub(super) struct Page {
    out: String,
    width: usize,
    colour: bool,
}

impl Page {
    pub(super) fn new(style: Style) -> Self {
        Self {
            out: String::new(),
            width: usize::from(style.width).clamp(MIN_WIDTH, MAX_WIDTH),
            colour: style.colour,
        }
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    /// An empty line.
    pub(super) fn blank(&mut self) {
        self.out.push('\n');
    }

    /// The heading of a section, with an empty line before it.
    pub(super) fn section(&mut self, text: &str) {
        self.blank();
        self.text(0, Tone::Heading, text);
    }

    /// Wrapped text at an indentation.
    pub(super) fn text(&mut self, indent: usize, tone: Tone, text: &str) {
        let room = self.width.saturating_sub(indent);
        for line in wrap(&safe::line(text), room) {
            self.out.extend(std::iter::repeat_n(' ', indent));
            self.out.push_str(&self.paint(tone, &line));
            self.out.push('\n');
        }
    }

    /// A label and a text that hangs beside it.
    pub(super) fn labelled(&mut self, indent: usize, label: &str, tone: Tone, text: &str) {
        self.pair(indent, LABEL, (Tone::Muted, label), (tone, text));
    }

    /// A left part of a given width and a text that hangs beside it. A left part that is too
    /// long gets a line of its own.
    pub(super) fn pair(
        &mut self,
        indent: usize,
        columns: usize,
        left: (Tone, &str),
        right: (Tone, &str),
    ) {
        let label = safe::fit(left.1, self.width.saturating_sub(indent));
        let used = safe::width(&label);
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.out.push_str(&self.paint(left.0, &label));
        let start = indent + columns;
        let mut pad = columns.saturating_sub(used);
        if used >= columns {
            self.out.push('\n');
            pad = start;
        }
        let lines = wrap(&safe::line(right.1), self.width.saturating_sub(start));
        for (n, line) in lines.iter().enumerate() {
            let pad = if n == 0 { pad } else { start };
            self.out.extend(std::iter::repeat_n(' ', pad));
            self.out.push_str(&self.paint(right.0, line));
            self.out.push('\n');
        }
    }

    /// A line that is inert already: laid out by the caller from inert parts.
    pub(super) fn laid_out(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// Inert text in a tone. Colour adds to words and signs; it never replaces them.
    pub(super) fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.colour || tone == Tone::Plain || text.is_empty() {
            return text.to_owned();
        }
        // The caller has decided; only ever set to true, so that threads cannot disagree.
        colored::control::set_override(true);
        match tone {
            Tone::Plain => text.normal(),
            Tone::Heading => text.bold(),
            Tone::Muted => text.dimmed(),
            Tone::Good => text.green(),
            Tone::Caution => text.yellow(),
            Tone::Bad => text.red().bold(),
            Tone::Cool => text.cyan(),
        }
        .to_string()
    }
}

/// Breaks at spaces, and inside words that are wider than a line. At least one line.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(MIN_COLUMN);
    let mut lines = Vec::new();
    let mut current = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let gap = usize::from(!current.is_empty());
        if safe::width(&current) + gap + safe::width(word) <= columns {
            if gap == 1 {
                current.push(' ');
            }
            current.push_str(word);
            continue;
        }
        if !current.is_empty() {
            lines.push(std::mem::take(&mut current));
        }
        for c in word.chars() {
            current.push(c);
            if safe::width(&current) > columns {
                current.pop();
                lines.push(std::mem::take(&mut current));
                current.push(c);
            }
        }
    }
    lines.push(current);
    lines
}

const MIN_WIDTH: usize = 48;
const MAX_WIDTH: usize = 400;
const MIN_COLUMN: usize = 8;
const LABEL: usize = 14;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_breaks_at_spaces_and_long_words_break_anywhere() {
        assert_eq!(wrap("a bb ccc dddd", 8), ["a bb ccc", "dddd"]);
        assert_eq!(wrap("x abcdefghijk", 8), ["x", "abcdefgh", "ijk"]);
        assert_eq!(wrap("", 8), [""]);
    }

    #[test]
    fn colour_is_used_only_when_asked_for() {
        let plain = Page::new(Style::default());
        assert_eq!(plain.paint(Tone::Bad, "x"), "x");
        let coloured = Page::new(Style {
            colour: true,
            ..Style::default()
        });
        assert_eq!(coloured.paint(Tone::Good, "x"), "\u{1b}[32mx\u{1b}[0m");
        assert_eq!(coloured.paint(Tone::Plain, "x"), "x");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_page(
            text in any::<String>(),
            label in any::<String>(),
            indent in 0usize..20,
            width in 0u16..130,
        ) {
            let mut page = Page::new(Style { width, ..Style::default() });
            page.text(indent, Tone::Plain, &text);
            page.labelled(indent, &label, Tone::Plain, &text);
            let limit = page.width();
            for line in page.finish().lines() {
                prop_assert!(safe::width(line) <= limit, "{line:?}");
            }
        }
    }
}
