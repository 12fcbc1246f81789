//! Certificates and key as files, made ready for rustls. Everything that can
//! be wrong with them is found here, before anything is dialled. There is no
//! way to switch verification off.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    client::{Resumption, WebPkiServerVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
};

use super::{
    certificate::{day, described, now, public_key, read_chain},
    handshake::Witness,
    tls_error::{FileRole, TlsError},
};
use crate::model::{Certificate, CertificateRole};

const CA: FileRole = FileRole::Certificate(CertificateRole::Ca);
const CLIENT: FileRole = FileRole::Certificate(CertificateRole::Client);

/// Whom we trust and who we are. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    inner: Arc<Inner>,
}

struct Inner {
    provider: Arc<CryptoProvider>,
    ca: Option<(PathBuf, Arc<WebPkiServerVerifier>)>,
    client: Option<Arc<CertifiedKey>>,
    certificates: Vec<Certificate>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("certificates", &self.inner.certificates).finish()
    }
}

impl Tls {
    /// Reads the CA bundle to trust (one or more certificates), our
    /// certificate chain (leaf first) and its key (PKCS#8, PKCS#1 or SEC1).
    /// Without a CA only `http://` can be dialled.
    ///
    /// # Errors
    /// A file cannot be read or used, certificate and key are not a pair, or
    /// the client certificate is outside its life span.
    pub fn load(
        ca: Option<&Path>,
        cert: Option<&Path>,
        key: Option<&Path>,
    ) -> Result<Tls, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let mut certificates = Vec::new();
        let ca = match ca {
            Some(path) => {
                let chain = read_chain(CertificateRole::Ca, path)?;
                certificates.extend(described(CertificateRole::Ca, path, &chain));
                Some((path.to_owned(), trust(&provider, path, chain)?))
            }
            None => None,
        };
        let client = match (cert, key) {
            (Some(cert), Some(key)) => {
                let chain = read_chain(CertificateRole::Client, cert)?;
                let leaf =
                    described(CertificateRole::Client, cert, chain.get(..1).unwrap_or_default());
                check_life_span(&leaf, now())?;
                certificates.extend(leaf);
                Some(Arc::new(pair(chain, cert, key)?))
            }
            (Some(path), None) => {
                return Err(TlsError::Half { path: path.to_owned(), missing: FileRole::Key });
            }
            (None, Some(path)) => {
                return Err(TlsError::Half { path: path.to_owned(), missing: CLIENT });
            }
            (None, None) => None,
        };
        Ok(Self { inner: Arc::new(Inner { provider, ca, client, certificates }) })
    }

    pub(super) fn has_client(&self) -> bool {
        self.inner.client.is_some()
    }

    pub(super) fn ca_path(&self) -> Option<&Path> {
        self.inner.ca.as_ref().map(|(path, _)| path.as_path())
    }

    /// A configuration for one connection, and the witness that will know
    /// which certificate was presented. `None` without a CA.
    pub(super) fn config(
        &self,
        alpn: &[u8],
    ) -> Option<Result<(ClientConfig, Arc<Witness>), tokio_rustls::rustls::Error>> {
        let (_, verifier) = self.inner.ca.as_ref()?;
        let witness = Arc::new(Witness::new(Arc::clone(verifier)));
        Some(self.build(alpn, Arc::clone(&witness)).map(|config| (config, witness)))
    }

    fn build(
        &self,
        alpn: &[u8],
        witness: Arc<Witness>,
    ) -> Result<ClientConfig, tokio_rustls::rustls::Error> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.inner.provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(witness);
        let mut config = match &self.inner.client {
            Some(client) => builder
                .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(client)))),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![alpn.to_vec()];
        // A resumed session would skip the look at the certificate.
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

fn trust(
    provider: &Arc<CryptoProvider>,
    path: &Path,
    chain: Vec<CertificateDer<'static>>,
) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    let (added, _ignored) = roots.add_parsable_certificates(chain);
    let malformed =
        |detail: String| TlsError::Malformed { role: CA, path: path.to_owned(), detail };
    if added == 0 {
        return Err(malformed("it is not an X.509 certificate".to_owned()));
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| malformed(error.to_string()))
}

fn pair(
    chain: Vec<CertificateDer<'static>>,
    cert: &Path,
    key: &Path,
) -> Result<CertifiedKey, TlsError> {
    let der = read_key(key)?;
    let signing = ring::sign::any_supported_type(&der)
        .map_err(|_| TlsError::KeyUnsupported { path: key.to_owned() })?;
    let damaged = || TlsError::Malformed {
        role: CLIENT,
        path: cert.to_owned(),
        detail: "it is not an X.509 certificate".to_owned(),
    };
    // rustls would compare them too, but not those of X.509 version 1, which
    // etcd takes.
    let certified = chain.first().and_then(|leaf| public_key(leaf)).ok_or_else(damaged)?;
    if signing.public_key().is_some_and(|own| own.as_ref() != certified) {
        return Err(TlsError::KeyMismatch { cert: cert.to_owned(), key: key.to_owned() });
    }
    Ok(CertifiedKey::new(chain, signing))
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let role = FileRole::Key;
    let pem = fs::read(path).map_err(|source| TlsError::Unreadable {
        role,
        path: path.to_owned(),
        source,
    })?;
    // PKCS#8's own label, and the header of OpenSSL's older encryption.
    let encrypted: [&[u8]; 2] = [b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED"];
    if encrypted.iter().any(|mark| pem.windows(mark.len()).any(|window| window == *mark)) {
        return Err(TlsError::KeyEncrypted { path: path.to_owned() });
    }
    // The parser's own text could quote the file, so it is not passed on.
    match PrivateKeyDer::pem_slice_iter(&pem).next() {
        Some(Ok(key)) => Ok(key),
        Some(Err(_)) => Err(TlsError::Malformed {
            role,
            path: path.to_owned(),
            detail: "its PEM cannot be decoded".to_owned(),
        }),
        None => Err(TlsError::NothingInside { role, path: path.to_owned() }),
    }
}

fn check_life_span(leaf: &[Certificate], now: i64) -> Result<(), TlsError> {
    let Some(leaf) = leaf.first() else { return Ok(()) };
    let (path, subject, today) = (leaf.path.clone(), leaf.subject.clone(), day(now));
    if now > leaf.not_after {
        return Err(TlsError::Expired { path, subject, day: day(leaf.not_after), today });
    }
    if now < leaf.not_before {
        return Err(TlsError::NotYetValid { path, subject, day: day(leaf.not_before), today });
    }
    Ok(())
}
