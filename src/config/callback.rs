//! Where the run serves documents of its own.

use std::net::SocketAddr;

use super::{ConfigFile, Error, Flags};
use crate::model::settings::Callback;

/// Reads `--callback-base` and `--callback-listen`; flags go before the file.
pub(super) fn callback(flags: &Flags, file: &ConfigFile) -> Result<Callback, Error> {
    let safety = &file.safety;
    let base = flags
        .callback_base
        .as_ref()
        .or(safety.callback_base.as_ref());
    let listen = flags
        .callback_listen
        .as_ref()
        .or(safety.callback_listen.as_ref());
    let base = base.map(|text| address(text)).transpose()?;
    let Some(listen) = listen else {
        // A forwarder has to know the port beforehand.
        return match base {
            Some(base) => Err(Error::value(
                "--callback-listen",
                format!("`{base}` has nothing to forward to"),
                "name the address and port that it forwards to, for example \
                 `--callback-listen 127.0.0.1:8787`",
            )),
            None => Ok(Callback::default()),
        };
    };
    let listen: SocketAddr = listen.parse().map_err(|_| {
        Error::value(
            "--callback-listen",
            format!("`{listen}` is no address with a port"),
            "give one such as 127.0.0.1:8787",
        )
    })?;
    Ok(Callback { base, listen })
}

fn address(text: &str) -> Result<url::Url, Error> {
    let bad = |problem: String| {
        let remedy = "give an https address without user, query and fragment, such as \
                      https://audit.example.org";
        Error::value("--callback-base", problem, remedy)
    };
    let url =
        url::Url::parse(text).map_err(|error| bad(format!("`{text}` is not a URL ({error})")))?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    // Client ID Metadata Document §3: nothing else may name a client.
    if url.scheme() != "https" || url.host_str().is_none_or(str::is_empty) || !plain {
        return Err(bad(format!("`{text}` cannot name a client")));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(base: Option<&str>, listen: Option<&str>) -> Result<Callback, Error> {
        let flags = Flags {
            callback_base: base.map(str::to_owned),
            callback_listen: listen.map(str::to_owned),
            ..Flags::default()
        };
        callback(&flags, &ConfigFile::default())
    }

    #[test]
    fn an_address_of_the_operator_needs_a_fixed_port_behind_it() {
        let found = read(Some("https://audit.example.org/x"), Some("127.0.0.1:8787")).unwrap();
        assert_eq!(found.listen.port(), 8787);
        assert_eq!(found.base.unwrap().path(), "/x");
        let text = read(Some("https://audit.example.org"), None)
            .unwrap_err()
            .to_string();
        assert!(text.contains("--callback-listen"), "{text}");
    }

    #[test]
    fn without_flags_only_a_free_port_of_loopback_is_used() {
        let found = read(None, None).unwrap();
        assert_eq!(found, Callback::default());
        assert!(found.listen.ip().is_loopback());
    }

    #[test]
    fn an_address_that_cannot_name_a_client_is_refused() {
        for base in [
            "http://audit.example.org",
            "https://a:b@audit.example.org",
            "https://audit.example.org/?q",
            "audit.example.org",
        ] {
            assert!(read(Some(base), Some("127.0.0.1:1")).is_err(), "{base}");
        }
        assert!(read(None, Some("8787")).is_err());
    }
}
