use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::responder::{Step, ok, serve};
use super::*;

/// A server with a certificate that nobody but the holder of the PEM text trusts.
async fn tls_server() -> (String, String) {
    tls_server_for(None).await
}

/// The same, which wants this certificate of its client.
async fn tls_server_for(client: Option<CertificateDer<'static>>) -> (String, String) {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let pem = made.cert.pem();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = match client {
        None => config.with_no_client_auth(),
        Some(certificate) => {
            let mut roots = RootCertStore::empty();
            roots.add(certificate).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let config = config
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/mcp", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    let (news, _) = tokio::sync::broadcast::channel(1);
                    let script = Arc::new(|_: usize, _: &str| vec![Step::Say(ok("", "secure"))]);
                    serve(stream, Arc::default(), script, news).await;
                }
            });
        }
    });
    (url, pem)
}

#[tokio::test]
async fn an_unknown_certificate_is_a_tls_failure_that_names_both_flags() {
    let (url, _) = tls_server().await;
    let failure = failure(&wire(&url, &network()), ask(url.clone())).await;
    assert_eq!(failure.kind, FailureKind::Tls, "{}", failure.text);
    assert!(failure.text.contains("--cacert"), "{}", failure.text);
    assert!(failure.text.contains("--insecure"), "{}", failure.text);
}

#[tokio::test]
async fn insecure_goes_on_unverified() {
    let (url, _) = tls_server().await;
    let network = Network {
        insecure: true,
        ..network()
    };
    let response = answer(&wire(&url, &network), ask(url.clone())).await;
    assert_eq!(response.body.text(), "secure");
}

#[tokio::test]
async fn an_additional_root_is_trusted() {
    let (url, pem) = tls_server().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root.pem");
    std::fs::write(&path, pem).unwrap();
    let network = Network {
        cacert: Some(path),
        ..network()
    };
    let response = answer(&wire(&url, &network), ask(url.clone())).await;
    assert_eq!(response.body.text(), "secure");
}

#[tokio::test]
async fn a_port_that_does_not_speak_tls_is_a_tls_failure() {
    let server = Responder::start(|_, _| Vec::new()).await;
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", plain.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            use tokio::io::AsyncWriteExt as _;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let failure = failure(&wire_to(&server), ask(url)).await;
    assert_eq!(failure.kind, FailureKind::Tls, "{}", failure.text);
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_it_was_asked_for_and_only_with_that_request() {
    let made = rcgen::generate_simple_self_signed(["client".to_owned()]).unwrap();
    let pem = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
    let (url, _) = tls_server_for(Some(made.cert.der().clone())).await;
    let network = Network {
        insecure: true,
        ..network()
    };
    let wire = wire(&url, &network);
    let mut with = ask(url.clone());
    with.certificate = ClientCertificate::Shown(pem.into());
    assert_eq!(answer(&wire, with).await.body.text(), "secure");
    let without = failure(&wire, ask(url.clone())).await;
    assert_ne!(without.kind, FailureKind::Timeout, "{}", without.text);
}

#[tokio::test]
async fn a_certificate_goes_with_its_token_and_with_copies_to_the_target_and_nowhere_else() {
    let made = rcgen::generate_simple_self_signed(["client".to_owned()]).unwrap();
    let pem = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
    let (url, _) = tls_server_for(Some(made.cert.der().clone())).await;
    let (elsewhere, _) = tls_server_for(Some(made.cert.der().clone())).await;
    let network = Network {
        insecure: true,
        allow_hosts: ["127.0.0.1".to_owned()].into(),
        ..network()
    };
    let wire = wire(&url, &network);
    let [token, copy, other] =
        ["token", "copy", "other"].map(|it| SecretString::from(it.repeat(4)));
    wire.certify(&token, &pem.into());
    wire.alike(&copy, &token);
    let with = |url: &str, credential: &SecretString| Outgoing {
        credential: Some(credential.clone()),
        ..ask(url.to_owned())
    };
    for credential in [&token, &copy, &token] {
        let answer = answer(&wire, with(&url, credential)).await;
        assert_eq!(answer.body.text(), "secure");
    }
    let withheld = Outgoing {
        certificate: ClientCertificate::Withheld,
        ..with(&url, &token)
    };
    for refused in [withheld, with(&url, &other), with(&elsewhere, &token)] {
        let failure = failure(&wire, refused).await;
        assert_ne!(failure.kind, FailureKind::Blocked, "{}", failure.text);
        assert_ne!(failure.kind, FailureKind::Timeout, "{}", failure.text);
    }
}
