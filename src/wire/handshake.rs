//! Says in words why a TLS handshake failed: which certificate was shown, and
//! what is wrong with it. Accepts nothing that webpki rejects.

use std::{
    fmt, io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use tokio_rustls::rustls::{
    AlertDescription, CertificateError, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::{
    certificate::{Identity, day, now},
    error::WireErrorKind as Kind,
};

/// Passes every question on to webpki and remembers which chain it was about.
pub(super) struct Witness {
    inner: Arc<WebPkiServerVerifier>,
    seen: Mutex<Vec<Identity>>,
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Witness")
    }
}

impl Witness {
    pub(super) fn new(inner: Arc<WebPkiServerVerifier>) -> Self {
        Self { inner, seen: Mutex::default() }
    }

    /// The presented chain, leaf first; empty when none was seen or readable.
    fn chain(&self) -> Vec<Identity> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) =
            chain.filter_map(|der| Identity::of(der)).collect();
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// What was tried, for the words.
pub(super) struct Attempt<'a> {
    pub(super) host: &'a str,
    pub(super) ca: Option<&'a Path>,
    pub(super) has_client: bool,
    pub(super) witness: &'a Witness,
}

/// Why the handshake failed.
pub(super) fn explain(error: &io::Error, attempt: &Attempt<'_>) -> (Kind, String) {
    match rustls_error(error) {
        Some(Error::InvalidCertificate(reason)) => certificate(reason, attempt),
        Some(Error::AlertReceived(alert)) => self::alert(*alert, attempt.has_client),
        Some(Error::NoApplicationProtocol) => {
            (Kind::NotEtcd, "the TLS server there does not offer HTTP/2".to_owned())
        }
        Some(Error::PeerIncompatible(what)) => {
            (Kind::TlsRefused, format!("no common TLS version or cipher with the server: {what:?}"))
        }
        Some(Error::InvalidMessage(_) | Error::InappropriateMessage { .. }) => {
            (Kind::NotTls, "the server answered the TLS greeting with something else".to_owned())
        }
        Some(other) => (Kind::TlsRefused, format!("the TLS handshake failed: {other}")),
        None if error.kind() == io::ErrorKind::UnexpectedEof => (
            Kind::NotTls,
            "the server hung up on the TLS greeting, as a plain http port does".to_owned(),
        ),
        None => (Kind::Broken, format!("the connection broke in the TLS handshake: {error}")),
    }
}

/// The rustls error inside an I/O error.
pub(super) fn rustls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref::<Error>()
}

/// What an alert of the server means. In TLS 1.3 those about our certificate
/// come after the handshake (RFC 8446 section 4.4.2.4).
pub(super) fn alert(alert: AlertDescription, has_client: bool) -> (Kind, String) {
    use AlertDescription as A;
    let ours = || {
        let text = format!("the server refused our client certificate (TLS alert {alert:?})");
        (Kind::ClientCertRefused, text)
    };
    match alert {
        A::CertificateRequired | A::NoCertificate => {
            (Kind::ClientCertRefused, "the server wants a client certificate".to_owned())
        }
        A::BadCertificate if !has_client => (
            Kind::ClientCertRefused,
            "the server wants a client certificate and none was given".to_owned(),
        ),
        A::BadCertificate
        | A::UnsupportedCertificate
        | A::CertificateRevoked
        | A::CertificateExpired
        | A::CertificateUnknown
        | A::UnknownCA
        | A::AccessDenied => ours(),
        // Signed by a CA of the right name with another key.
        A::DecryptError if has_client => ours(),
        A::NoApplicationProtocol => {
            (Kind::NotEtcd, "the TLS server there does not offer HTTP/2".to_owned())
        }
        other => {
            (Kind::TlsRefused, format!("the server refused the connection (TLS alert {other:?})"))
        }
    }
}

fn certificate(reason: &CertificateError, attempt: &Attempt<'_>) -> (Kind, String) {
    use CertificateError as E;
    let chain = attempt.witness.chain();
    let leaf = chain.first();
    match reason {
        E::Expired | E::ExpiredContext { .. } => expired(&chain),
        E::NotValidYet | E::NotValidYetContext { .. } => not_yet_valid(&chain),
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            let names = leaf.map(|leaf| leaf.names.join(", ")).filter(|names| !names.is_empty());
            let names = names.unwrap_or_else(|| "no name at all".to_owned());
            let text = format!(
                "the server certificate is not valid for {}, only for {names}",
                attempt.host
            );
            (Kind::NameMismatch, text)
        }
        E::UnknownIssuer
        | E::BadSignature
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            let whose = leaf.map(|leaf| format!(" (issued by {})", leaf.issuer));
            let ca = attempt.ca.map(|path| format!(" in {}", path.display()));
            // A re-made CA has the same name and another key, or another kind
            // of key.
            let unknown = matches!(reason, E::UnknownIssuer);
            let same = if unknown { "" } else { ", only by one of its name" };
            let text = format!(
                "the server certificate{} was not signed by the CA{}{same}",
                whose.unwrap_or_default(),
                ca.unwrap_or_default(),
            );
            (Kind::WrongCa, text)
        }
        other => {
            (Kind::ServerCertUnusable, format!("the server certificate cannot be used: {other}"))
        }
    }
}

fn expired(chain: &[Identity]) -> (Kind, String) {
    let text = match first(chain, |one| one.not_after < now()) {
        Some((which, one)) => {
            format!("{which} expired on {} (subject {})", day(one.not_after), one.subject)
        }
        None => "the server certificate or its issuer has expired".to_owned(),
    };
    (Kind::ServerCertExpired, text)
}

fn not_yet_valid(chain: &[Identity]) -> (Kind, String) {
    let text = match first(chain, |one| one.not_before > now()) {
        Some((which, one)) => format!(
            "{which} is not valid before {} (subject {}; this machine's clock says {})",
            day(one.not_before),
            one.subject,
            day(now())
        ),
        None => "the server certificate or its issuer is not valid yet".to_owned(),
    };
    (Kind::ServerCertNotYetValid, text)
}

/// The first certificate of a presented chain that fits, and what it is.
fn first(
    chain: &[Identity],
    fits: impl Fn(&Identity) -> bool,
) -> Option<(&'static str, &Identity)> {
    let (at, found) = chain.iter().enumerate().find(|(_, one)| fits(one))?;
    let leaf = at == 0;
    Some((
        if leaf { "the server certificate" } else { "the issuer of the server certificate" },
        found,
    ))
}
