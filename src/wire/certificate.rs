//! Reads what people need to know of an X.509 certificate: whose it is, who
//! signed it, how long it lives, for which names. Verifies nothing.

use std::{fs, path::Path, time::SystemTime};

use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{
    tls_error::{FileRole, TlsError},
    x509::X509,
};
use crate::model::{Certificate, CertificateRole, Timestamp};

/// The raw certificates of a PEM file, in file order (a chain has its leaf
/// first); at least one.
pub(super) fn read_chain(
    role: CertificateRole,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let role = FileRole::Certificate(role);
    let pem = fs::read(path).map_err(|source| TlsError::Unreadable {
        role,
        path: path.to_owned(),
        source,
    })?;
    let chain =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>().map_err(|error| {
            TlsError::Malformed { role, path: path.to_owned(), detail: error.to_string() }
        })?;
    if chain.is_empty() {
        return Err(TlsError::NothingInside { role, path: path.to_owned() });
    }
    Ok(chain)
}

/// The life spans of a chain read from `path`.
pub(super) fn described(
    role: CertificateRole,
    path: &Path,
    ders: &[CertificateDer<'_>],
) -> Vec<Certificate> {
    ders.iter()
        .filter_map(|der| Identity::of(der))
        .map(|identity| Certificate {
            role,
            path: path.to_owned(),
            subject: identity.subject,
            not_before: identity.not_before,
            not_after: identity.not_after,
        })
        .collect()
}

/// The DER of a certificate's SubjectPublicKeyInfo; `None` when it cannot be
/// parsed.
pub(super) fn public_key(der: &[u8]) -> Option<Vec<u8>> {
    X509::of(der).map(|read| read.public_key)
}

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// RFC 4514 text of the subject.
    pub subject: String,
    /// RFC 4514 text of the issuer.
    pub issuer: String,
    /// Seconds since the epoch.
    pub not_before: i64,
    /// Seconds since the epoch.
    pub not_after: i64,
    /// DNS names and IP addresses it is valid for.
    pub names: Vec<String>,
}

impl Identity {
    /// `None` when the DER cannot be parsed.
    #[must_use]
    pub fn of(der: &[u8]) -> Option<Self> {
        let read = X509::of(der)?;
        Some(Self {
            subject: name_text(read.subject),
            issuer: name_text(read.issuer),
            not_before: read.not_before,
            not_after: read.not_after,
            names: read.names,
        })
    }
}

fn name_text(text: String) -> String {
    if text.is_empty() { "empty".to_owned() } else { text }
}

/// This machine's clock, seconds since the epoch.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The UTC day of a time in seconds since the epoch: "2026-03-01".
pub(super) fn day(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds);
    time.map_or_else(|| "an unknown day".to_owned(), |time| time.strftime("%Y-%m-%d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_utc() {
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(1_772_323_199), "2026-02-28");
        assert_eq!(day(1_772_323_200), "2026-03-01");
        assert_eq!(day(253_402_300_799), "9999-12-31");
    }

    #[test]
    fn rubbish_is_no_certificate() {
        assert_eq!(Identity::of(b""), None);
        assert_eq!(Identity::of(b"\x30\x03\x02\x01\x05"), None);
    }

    #[test]
    fn reads_names_issuer_and_life_span() -> Result<(), rcgen::Error> {
        let key = rcgen::KeyPair::generate()?;
        let names = ["master-1".to_owned(), "10.0.0.11".to_owned(), "::1".to_owned()];
        let mut params = rcgen::CertificateParams::new(names)?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, "master-1");
        params.not_before = rcgen::date_time_ymd(2025, 3, 1);
        params.not_after = rcgen::date_time_ymd(2026, 3, 1);
        let identity = Identity::of(params.self_signed(&key)?.der());
        let expected = Identity {
            subject: "CN=master-1".into(),
            issuer: "CN=master-1".into(),
            not_before: 1_740_787_200,
            not_after: 1_772_323_200,
            names: vec!["master-1".into(), "10.0.0.11".into(), "::1".into()],
        };
        assert_eq!(identity, Some(expected));
        Ok(())
    }
}
