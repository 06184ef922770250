//! Secrets of the other targets of a run: what one server is told must not appear in what another
//! one says.

use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use secrecy::{ExposeSecret as _, SecretString};

use super::needles::Needles;

/// The secrets that the wires of a run have in common.
#[derive(Clone, Default)]
pub struct Beside(Arc<RwLock<Needles>>);

impl Beside {
    /// Adds a secret of the operator's.
    pub fn know(&self, secret: &SecretString) {
        let mut needles = self.0.write().unwrap_or_else(PoisonError::into_inner);
        needles.add(secret.expose_secret(), OF_ANOTHER, 0);
    }

    /// Adds what a target or the run made up, where it looks like a secret.
    ///
    /// A server chooses its session ids and tokens. One that chose a word of a neighbour's answers
    /// would have it blotted out there, and the verdicts on the neighbour with it.
    pub(super) fn meet(&self, secret: &SecretString) {
        if is_random(secret.expose_secret()) {
            self.know(secret);
        }
    }

    /// The next secret at or after `from`; what `skip` measures is passed over.
    pub(super) fn find(
        &self,
        hay: &[u8],
        from: usize,
        skip: &dyn Fn(&[u8]) -> Option<usize>,
    ) -> Option<Range<usize>> {
        let needles = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (range, _) = needles.find_past(hay, from, skip)?;
        Some(range)
    }

    /// Where the beginning of a secret hangs over the end of a cut text.
    pub(super) fn cut_tail(&self, hay: &[u8]) -> Option<usize> {
        let needles = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (at, _) = needles.cut_tail(hay)?;
        Some(at)
    }
}

/// Long, one word, and of letters and digits mixed: nothing that an answer says by itself.
fn is_random(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._~+/=-".contains(c);
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let letters = text.chars().filter(char::is_ascii_alphabetic).count();
    text.len() >= RANDOM && text.chars().all(plain) && digits >= MIXED && letters >= MIXED
}

/// Stands for a secret of another target.
pub(super) const OF_ANOTHER: &str = "{of-another-target}";
const RANDOM: usize = 20;
const MIXED: usize = 3;

#[cfg(test)]
mod tests {
    use super::super::{Redactor, Source};
    use super::*;

    const OPAQUE: &str = "9f2c41d07be84a5c8e13";

    fn two() -> (Redactor, Redactor) {
        let beside = Beside::default();
        let redactor = || Redactor::default().with_beside(beside.clone());
        (redactor(), redactor())
    }

    fn body(redactor: &Redactor, text: &str) -> String {
        let clean = redactor.body(text.as_bytes(), "", false);
        String::from_utf8(clean.into_owned()).unwrap()
    }

    fn answer() -> Source {
        Source::Answer(url::Url::parse("https://one.example/mcp").unwrap())
    }

    #[test]
    fn what_one_target_is_told_is_hidden_in_what_another_says_in_every_encoding() {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        let (mut one, two) = two();
        one.know("session-reader", &SecretString::from(OPAQUE), answer());
        let coded = STANDARD.encode(OPAQUE);
        for text in [OPAQUE, coded.as_str()] {
            assert_eq!(
                body(&two, &format!("got {text}!")),
                "got {of-another-target}!"
            );
            let json = serde_json::json!({ "you": [text] }).to_string();
            assert_eq!(body(&two, &json), r#"{"you":["{of-another-target}"]}"#);
            assert_eq!(
                two.url(&format!("https://h/p?x={text}")),
                "https://h/p?x={of-another-target}"
            );
        }
        let named = format!(r#"{{"access_token":"{OPAQUE}"}}"#);
        assert_eq!(
            body(&two, &named),
            r#"{"access_token":"{of-another-target}"}"#
        );
        let cut = two
            .body(format!("got {}", &OPAQUE[..12]).as_bytes(), "", true)
            .into_owned();
        assert_eq!(cut, b"got {of-another-target}");
        assert_eq!(body(&one, OPAQUE), "{session-reader}");
    }

    #[test]
    fn ones_own_label_wins_whoever_came_first_and_labels_stay_whole() {
        let (mut one, mut two) = two();
        let secret = SecretString::from(OPAQUE);
        one.know("token-a", &secret, Source::Run);
        two.know("token-b", &secret, Source::Run);
        assert_eq!(body(&one, OPAQUE), "{token-a}");
        assert_eq!(body(&two, OPAQUE), "{token-b}");
        let beside = Beside::default();
        beside.know(&SecretString::from("reader"));
        let mut own = Redactor::default().with_beside(beside);
        own.know("token-reader", &secret, Source::Run);
        assert_eq!(
            body(&own, &format!("{OPAQUE} reader")),
            "{token-reader} {of-another-target}"
        );
        let again = body(&own, "{token-reader} {of-another-target}");
        assert_eq!(again, "{token-reader} {of-another-target}");
    }

    #[test]
    fn a_server_cannot_blot_out_words_of_its_neighbour() {
        for word in [
            "list_notes",
            "insufficient_scope",
            "oauth-protected-resource",
            "https://auth.example.com/2026-07-28/token",
            r#""protocolVersion":"2026-07-28""#,
        ] {
            let (mut one, two) = two();
            one.know("session-reader", &SecretString::from(word), answer());
            assert_eq!(body(&one, word), "{session-reader}", "{word}");
            assert_eq!(body(&two, word), word);
        }
    }
}
