//! What an error body shows of the inside: structural marks only, no judgement of words.

use std::net::Ipv4Addr;

/// Something that has no place in an answer to a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disclosure {
    /// A private key.
    PrivateKey,
    /// Frames of a call stack.
    StackTrace,
    /// The address of a machine inside a private network.
    PrivateAddress,
    /// The name of a machine that only an internal resolver knows.
    InternalHost,
}

impl Disclosure {
    /// What it is, for a sentence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PrivateKey => "a private key",
            Self::StackTrace => "a stack trace",
            Self::PrivateAddress => "an address inside a private network",
            Self::InternalHost => "the name of an internal host",
        }
    }
}

/// Everything that a text gives away, each kind once, with the piece that shows it.
///
/// `own_host` is the host that was asked: its own name and address are no news.
pub fn disclosures(text: &str, own_host: &str) -> Vec<(Disclosure, String)> {
    // JSON escapes hide line ends.
    let text = text.replace("\\n", "\n").replace("\\t", "\t");
    let text = text.replace("\\\"", "\"");
    let mut found = Vec::new();
    let mut add = |kind, piece: Option<&str>| {
        if let Some(piece) = piece {
            found.push((kind, piece.trim().chars().take(MOST_SHOWN).collect()));
        }
    };
    add(
        Disclosure::PrivateKey,
        text.find(KEY_BEGIN).and_then(|_| {
            text.contains(KEY_END)
                .then_some("-----BEGIN … PRIVATE KEY-----")
        }),
    );
    add(
        Disclosure::StackTrace,
        text.lines().find(|line| is_frame(line)),
    );
    let words = || text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-')));
    let words = || words().map(|word| word.trim_matches(['.', '-']));
    add(
        Disclosure::PrivateAddress,
        words().find(|word| *word != own_host && is_private(word)),
    );
    add(
        Disclosure::InternalHost,
        words().find(|word| *word != own_host && is_internal(word)),
    );
    found
}

/// Whether a line is a frame of a call stack as one of the usual runtimes prints it.
fn is_frame(line: &str) -> bool {
    let line = line.trim();
    let located = |rest: &str, extensions: &[&str]| {
        extensions.iter().any(|extension| {
            rest.split(extension)
                .skip(1)
                .any(|after| after.starts_with(|c: char| c.is_ascii_digit()))
        })
    };
    // Python: File "/srv/app.py", line 12, in verify
    let python = line.starts_with("File \"") && line.contains("\", line ");
    // JavaScript: at verify (/srv/app.js:12:34); Java: at com.x.Auth.verify(Auth.java:41)
    let at = line.strip_prefix("at ").is_some_and(|rest| {
        located(
            rest,
            &[
                ".js:",
                ".mjs:",
                ".cjs:",
                ".ts:",
                ".java:",
                ".kt:",
                ".cs:line ",
                ".scala:",
            ],
        )
    });
    // Go: /srv/main.go:41 +0x1d; Rust: panicked at src/main.rs:12:5
    let go = line.contains(".go:") && line.contains(" +0x");
    let rust = line.contains("panicked at ") && located(line, &[".rs:"]);
    // PHP: #0 /var/www/app.php(12); Ruby: app.rb:12:in `verify'
    let php = line.starts_with('#') && located(line, &[".php("]);
    let ruby = located(line, &[".rb:"]) && line.contains(":in ");
    python || at || go || rust || php || ruby
}

fn is_private(word: &str) -> bool {
    word.parse::<Ipv4Addr>()
        .is_ok_and(|address| address.is_private() || address.is_link_local())
}

fn is_internal(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    INTERNAL.iter().any(|suffix| {
        lower
            .strip_suffix(suffix)
            .is_some_and(|name| !name.is_empty() && !name.ends_with('.'))
    })
}

const INTERNAL: [&str; 4] = [".internal", ".svc.cluster.local", ".intranet", ".corp"];
const KEY_BEGIN: &str = "-----BEGIN ";
const KEY_END: &str = " PRIVATE KEY-----";
/// Characters of a piece that a report repeats.
const MOST_SHOWN: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Disclosure> {
        let found = disclosures(text, "mcp.example.com");
        found.into_iter().map(|(kind, _)| kind).collect()
    }

    #[test]
    fn frames_of_the_usual_runtimes_are_seen() {
        for frame in [
            "Traceback (most recent call last):\\n  File \\\"/srv/app/auth.py\\\", line 41, in verify",
            "Error: bad\n    at verify (/srv/app/auth.js:12:34)",
            "Error: bad\\n    at file:///srv/app/auth.mjs:12:34",
            "java.lang.NullPointerException\n\tat com.notes.Auth.verify(Auth.java:41)",
            "   at Notes.Auth.Verify(String token) in C:\\src\\Auth.cs:line 41",
            "goroutine 1 [running]:\nmain.verify()\n\t/srv/main.go:41 +0x1d",
            "thread 'main' panicked at src/auth.rs:41:5:",
            "#0 /var/www/app/auth.php(41): verify()",
            "app/auth.rb:41:in `verify'",
        ] {
            assert_eq!(kinds(frame), [Disclosure::StackTrace], "{frame}");
        }
    }

    #[test]
    fn ordinary_errors_show_nothing() {
        for text in [
            "{\"error\":\"invalid_token\",\"error_description\":\"The access token is not valid here\"}",
            "at line 12 of the request: unexpected token",
            "Bad Request: Unsupported protocol version (supported versions: 2025-11-25)",
            "see https://docs.example.com/errors.js and file a ticket #4711",
            "retry at 12:30",
            "server v1.2.3.4 build 10",
            "the internal error was logged",
        ] {
            assert_eq!(kinds(text), [], "{text}");
        }
    }

    #[test]
    fn private_addresses_and_internal_names_are_seen_unless_they_were_asked() {
        assert_eq!(
            kinds("connect to 10.0.3.17:5432 failed"),
            [Disclosure::PrivateAddress]
        );
        assert_eq!(
            kinds("no answer from http://auth.notes.svc.cluster.local:8080/verify."),
            [Disclosure::InternalHost]
        );
        assert_eq!(disclosures("host 10.0.3.17 refused", "10.0.3.17"), []);
        assert_eq!(kinds("127.0.0.1 and 8.8.8.8 are nobody's secret"), []);
        assert_eq!(kinds(".internal"), []);
    }

    #[test]
    fn a_private_key_is_seen_and_not_repeated() {
        let text = "-----BEGIN RSA PRIVATE KEY-----\\nMIIE\\n-----END RSA PRIVATE KEY-----";
        let found = disclosures(text, "");
        assert_eq!(found.first().unwrap().0, Disclosure::PrivateKey);
        assert!(!found.first().unwrap().1.contains("MIIE"));
        assert_eq!(kinds("-----BEGIN PUBLIC KEY-----"), []);
    }

    #[test]
    fn a_long_frame_is_cut() {
        let text = format!("    at {} (/srv/a.js:1:2)", "x".repeat(500));
        assert_eq!(disclosures(&text, "")[0].1.chars().count(), MOST_SHOWN);
    }
}
