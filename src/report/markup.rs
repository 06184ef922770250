//! Markup that cannot be broken out of: text and attributes are made inert and escaped here, and
//! what is not escaped can only be a literal of this program.

use std::io::{self, Write};

use super::safe;

/// Elements under construction, written as they come.
pub(super) struct Markup<'a> {
    out: &'a mut dyn Write,
}

/// Attributes: names are literals, values are escaped.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

impl<'a> Markup<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out }
    }

    /// A literal of this program, as it is.
    pub(super) fn literal(&mut self, text: &'static str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// An element with content.
    pub(super) fn element(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        content: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        self.begin(name, attributes)?;
        self.out.write_all(b">")?;
        content(self)?;
        write!(self.out, "</{name}>")
    }

    /// An element that holds text alone.
    pub(super) fn leaf(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        text: &str,
    ) -> io::Result<()> {
        self.element(name, attributes, |inner| inner.text(text))
    }

    /// An element without content.
    pub(super) fn empty(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
    ) -> io::Result<()> {
        self.begin(name, attributes)?;
        self.out.write_all(b"/>")
    }

    /// Text; line breaks stay, everything else that could move or hide text is shown.
    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        let mut first = true;
        for line in text.split('\n') {
            if !first {
                self.out.write_all(b"\n")?;
            }
            first = false;
            self.escaped(&safe::line(line))?;
        }
        Ok(())
    }

    /// What another of these wrote.
    pub(super) fn raw(&mut self, written: &[u8]) -> io::Result<()> {
        self.out.write_all(written)
    }

    /// A line break in the source.
    pub(super) fn newline(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n")
    }

    fn begin(&mut self, name: &'static str, attributes: Attributes<'_>) -> io::Result<()> {
        write!(self.out, "<{name}")?;
        for (attribute, value) in attributes {
            write!(self.out, " {attribute}=\"")?;
            self.escaped(&safe::line(value))?;
            self.out.write_all(b"\"")?;
        }
        Ok(())
    }

    fn escaped(&mut self, inert: &str) -> io::Result<()> {
        let mut rest = inert;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            let (plain, special) = rest.split_at(at);
            self.out.write_all(plain.as_bytes())?;
            let mut chars = special.chars();
            let entity = match chars.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                _ => "&#39;",
            };
            self.out.write_all(entity.as_bytes())?;
            rest = chars.as_str();
        }
        self.out.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_and_attributes_cannot_become_markup() {
        let text = "</p><script>alert('1')</script>&amp;\u{202e}";
        let out = built(|markup| markup.leaf("p", &[("title", "\"><b x='")], text));
        assert_eq!(
            out,
            "<p title=\"&quot;&gt;&lt;b x=&#39;\">&lt;/p&gt;&lt;script&gt;alert(&#39;1&#39;)\
             &lt;/script&gt;&amp;amp;\\u{202e}</p>"
        );
    }

    #[test]
    fn line_breaks_stay_in_text_and_not_in_attributes() {
        let out = built(|markup| markup.leaf("pre", &[("title", "a\nb")], "a\n\tb"));
        assert_eq!(out, "<pre title=\"a\\nb\">a\n\\tb</pre>");
    }

    #[test]
    fn elements_nest_and_close() {
        let out = built(|markup| {
            markup.element("ul", &[], |list| {
                list.leaf("li", &[], "one")?;
                list.empty("br", &[])
            })
        });
        assert_eq!(out, "<ul><li>one</li><br/></ul>");
    }

    proptest! {
        #[test]
        fn no_text_adds_a_tag_or_a_quote(text in any::<String>()) {
            let out = built(|markup| markup.leaf("p", &[("title", &text)], &text));
            prop_assert_eq!(out.matches('<').count(), 2);
            prop_assert_eq!(out.matches('>').count(), 2);
            prop_assert_eq!(out.matches('"').count(), 2);
            prop_assert!(out.chars().all(|c| c == '\n' || safe::is_inert(c)));
        }
    }

    fn built(build: impl FnOnce(&mut Markup<'_>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        build(&mut Markup::new(&mut out)).unwrap();
        String::from_utf8(out).unwrap()
    }
}
