//! Untrusted text → visible, inert text: what could move, hide or recolour other text is escaped.
//!
//! Escaped, not stripped: an attack must stay visible. A terminal, a log viewer and a reader see
//! `\u{202e}` where the peer sent a right-to-left override.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The whole text on one line, every dangerous character as a visible escape.
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    for c in text.chars() {
        push(&mut out, c, &mut marks);
    }
    out
}

/// Text of several lines, each made inert on its own.
pub fn lines(text: &str) -> String {
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// At most `columns` wide, cut at the end with `…`; reads no more of the text than it needs.
pub fn fit(text: &str, columns: usize) -> String {
    let mut out = String::new();
    let mut marks = 0;
    // How far `out` may be kept when an ellipsis has to follow it.
    let mut keep = 0;
    for c in text.chars() {
        push(&mut out, c, &mut marks);
        let wide = width(&out);
        if wide < columns {
            keep = out.len();
        }
        if wide > columns {
            out.truncate(keep);
            if columns > 0 {
                out.push(ELLIPSIS);
            }
            break;
        }
    }
    out
}

/// At most `columns` wide, cut in the middle: names that differ at their end stay different.
pub fn fit_middle(text: &str, columns: usize) -> String {
    let full = line(text);
    if width(&full) <= columns {
        return full;
    }
    let Some(room) = columns.checked_sub(1) else {
        return String::new();
    };
    let head = take(full.chars(), room - room / 2);
    let tail = take(full.chars().rev(), room / 2);
    head.chars()
        .chain([ELLIPSIS])
        .chain(tail.chars().rev())
        .collect()
}

/// Columns that the text takes in a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Whether the character can be shown as it is.
pub fn is_inert(c: char) -> bool {
    if c.is_ascii() {
        return c == ' ' || c.is_ascii_graphic();
    }
    if BLANKS
        .iter()
        .any(|&(first, last)| (first..=last).contains(&c))
    {
        return false;
    }
    // The standard library's own table: no controls, format characters, separators, private use
    // or unassigned code points. A letter in front lets combining marks through.
    c.escape_debug().next() == Some(c) || {
        let pair: String = ['x', c].iter().collect();
        pair.escape_debug().nth(1) == Some(c)
    }
}

fn push(out: &mut String, c: char, marks: &mut usize) {
    let mark = c.width() == Some(0);
    *marks = if mark { *marks + 1 } else { 0 };
    match c {
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        // Towers of combining marks overprint the lines above and below.
        _ if !is_inert(c) || (mark && (*marks > MAX_MARKS || out.is_empty())) => {
            out.extend(c.escape_unicode());
        }
        _ => out.push(c),
    }
}

fn take(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut left = columns;
    chars
        .take_while(|c| {
            let wide = c.width().unwrap_or(1);
            let fits = wide <= left;
            left = left.saturating_sub(wide);
            fits
        })
        .collect()
}

const ELLIPSIS: char = '…';
const MAX_MARKS: usize = 2;

/// Letters, marks and symbols that show nothing, or change how their neighbour is shown.
const BLANKS: [(char, char); 13] = [
    ('\u{34f}', '\u{34f}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{2028}', '\u{202f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{16fe4}', '\u{16fe4}'),
    ('\u{1d159}', '\u{1d159}'),
    ('\u{e0000}', '\u{e0fff}'),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_moves_hides_or_recolours_is_escaped_and_stays_visible() {
        for (text, shown) in [
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\0b\u{7f}c", "a\\u{0}b\\u{7f}c"),
            ("gpj\u{202e}exe", "gpj\\u{202e}exe"),
            ("a\u{2066}b\u{2069}c", "a\\u{2066}b\\u{2069}c"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            ("para\u{2029}graph\u{2028}", "para\\u{2029}graph\\u{2028}"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
            ("private\u{e000}", "private\\u{e000}"),
            ("unassigned\u{378}", "unassigned\\u{378}"),
            (
                "filler\u{3164}blank\u{2800}",
                "filler\\u{3164}blank\\u{2800}",
            ),
            ("no-break\u{a0}space", "no-break\\u{a0}space"),
            ("two\nlines\tand\rback", "two\\nlines\\tand\\rback"),
        ] {
            assert_eq!(line(text), shown);
        }
    }

    #[test]
    fn ordinary_text_of_any_script_passes_unchanged() {
        for text in [
            "delete_note v2 (C:\\x) {\"a\":1}",
            "ノートを削除",
            "удалить заметку",
            "नोट हटाएँ",
            "cafe\u{301}",
            "حذف ملاحظة",
            "🗑 löschen",
        ] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn towers_of_marks_are_cut_but_two_accents_are_not() {
        assert_eq!(line("e\u{301}\u{323}"), "e\u{301}\u{323}");
        assert_eq!(line("e\u{301}\u{301}\u{301}"), "e\u{301}\u{301}\\u{301}");
        assert_eq!(line("\u{301}"), "\\u{301}");
    }

    #[test]
    fn long_text_is_cut_with_an_ellipsis_and_short_text_is_not() {
        assert_eq!(fit("abcdef", 6), "abcdef");
        assert_eq!(fit("abcdefg", 6), "abcde…");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("abc\u{202e}", 6), "abc…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(fit_middle("abcdefg", 7), "abcdefg");
        assert_eq!(fit_middle("abcdefgh", 7), "abc…fgh");
        assert_eq!(fit_middle("abc", 0), "");
    }

    proptest! {
        #[test]
        fn output_is_inert_and_escaping_twice_changes_nothing(text in any::<String>()) {
            let once = line(&text);
            prop_assert!(once.chars().all(is_inert), "{once:?}");
            prop_assert_eq!(line(&once), once);
        }

        #[test]
        fn cut_text_keeps_its_width(text in any::<String>(), columns in 0usize..40) {
            prop_assert!(width(&fit(&text, columns)) <= columns);
            prop_assert!(width(&fit_middle(&text, columns)) <= columns);
        }

        #[test]
        fn printable_ascii_is_never_touched(text in "[ -~]*") {
            prop_assert_eq!(line(&text), text);
        }
    }
}
