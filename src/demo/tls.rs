//! TLS for servers that look at the certificates of their clients.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{
    CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
};
use tokio_rustls::server::TlsStream;

/// Whoever is at the other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// The thumbprint of the certificate that it showed (RFC 8705 §3.1).
    pub(crate) certificate: Option<String>,
}

/// A certificate for a client, with its key.
pub(crate) struct ClientCertificate {
    /// Both in PEM.
    pub(crate) pem: String,
    pub(crate) thumbprint: String,
}

impl ClientCertificate {
    pub(crate) fn generate() -> io::Result<Self> {
        let names = vec!["demo-client".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
        Ok(Self {
            pem: format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem()),
            thumbprint: thumbprint(made.cert.der()),
        })
    }
}

/// A port whose connections begin with a handshake.
pub(crate) struct Listening {
    address: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, Peer)>,
}

impl Listening {
    /// Takes a port over, with a certificate that nobody vouches for.
    pub(crate) fn on(listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(Arc::new(config(&address)?));
        let (send, ready) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = send.closed() => return,
                };
                let Ok((stream, address)) = accepted else {
                    continue;
                };
                // Losing it only costs time.
                let _ = stream.set_nodelay(true);
                let (acceptor, send) = (acceptor.clone(), send.clone());
                // A handshake that is slow, or fails, is no reason for others to wait.
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let shown = stream.get_ref().1.peer_certificates();
                    let certificate = shown.and_then(<[_]>::first).map(thumbprint);
                    let peer = Peer {
                        address,
                        certificate,
                    };
                    // Whoever stopped listening wants no more of them.
                    let _ = send.send((stream, peer)).await;
                });
            }
        });
        Ok(Self { address, ready })
    }
}

impl Listener for Listening {
    type Io = TlsStream<TcpStream>;
    type Addr = Peer;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(ready) => ready,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Ok(Peer {
            address: self.address,
            certificate: None,
        })
    }
}

impl Connected<IncomingStream<'_, Listening>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listening>) -> Self {
        stream.remote_addr().clone()
    }
}

fn config(address: &SocketAddr) -> io::Result<ServerConfig> {
    let names = vec![address.ip().to_string()];
    let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
    let key =
        PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(io::Error::other)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let asking = Arc::new(AnyClient(Arc::clone(&provider)));
    let config =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(io::Error::other)?;
    let config = config.with_client_cert_verifier(asking);
    let config = config.with_single_cert(vec![made.cert.der().clone()], key);
    config.map_err(io::Error::other)
}

/// Asks for a certificate and takes any, or none: what counts is the thumbprint in the token
/// (RFC 8705 §2.2).
#[derive(Debug)]
struct AnyClient(Arc<CryptoProvider>);

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn thumbprint(certificate: &CertificateDer<'_>) -> String {
    BASE64URL.encode(Sha256::digest(certificate))
}

/// Connections that have shaken hands and wait to be served.
const WAITING: usize = 64;
