//! One certificate file: whose it is, how long it is valid, and whether it
//! may be shown to a server. Reads public parts only.

use std::{fs, path::Path};

use crate::model::Timestamp;
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
use x509_cert::{
    Certificate as X509,
    der::{Decode, oid::ObjectIdentifier},
    ext::pkix::ExtendedKeyUsage,
};

use crate::model::{Certificate, CertificateRole};

/// id-kp-clientAuth and anyExtendedKeyUsage (RFC 5280 §4.2.1.12).
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
const ANY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// A certificate that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadCertificate {
    /// Its life span.
    pub certificate: Certificate,
    /// Whether its key usage lets a client show it; without the extension
    /// any use is allowed.
    pub client_auth: bool,
}

/// Reads a PEM file. Of a chain the first certificate counts, of a CA bundle
/// the one that lasts longest, as one valid CA is enough.
///
/// # Errors
/// One line: the kernel's words, or what is wrong with the content.
pub fn read(path: &Path, role: CertificateRole) -> Result<ReadCertificate, String> {
    parse(&fs::read(path).map_err(|error| error.to_string())?, path, role)
}

/// The same of a file's content; `path` is where it comes from.
///
/// # Errors
/// One line that says what is wrong with the content.
pub fn parse(bytes: &[u8], path: &Path, role: CertificateRole) -> Result<ReadCertificate, String> {
    let mut first = None;
    for der in CertificateDer::pem_slice_iter(bytes) {
        let der = der.map_err(|error| format!("not PEM: {error}"))?;
        let parsed = X509::from_der(&der).map_err(|error| format!("not a certificate: {error}"))?;
        let read = convert(path, role, &parsed);
        let longest = first.as_ref().is_none_or(|first: &ReadCertificate| {
            role == CertificateRole::Ca && read.certificate.not_after > first.certificate.not_after
        });
        if longest {
            first = Some(read);
        }
    }
    first.ok_or_else(|| "holds no certificate".to_owned())
}

fn convert(path: &Path, role: CertificateRole, parsed: &X509) -> ReadCertificate {
    let body = &parsed.tbs_certificate;
    let seconds = |time: x509_cert::time::Time| {
        i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
    };
    let client_auth = match body.get::<ExtendedKeyUsage>() {
        Ok(Some((_, usage))) => usage.0.iter().any(|oid| [CLIENT_AUTH, ANY_USAGE].contains(oid)),
        Ok(None) | Err(_) => true,
    };
    let certificate = Certificate {
        role,
        path: path.to_owned(),
        subject: body.subject.to_string(),
        not_before: seconds(body.validity.not_before),
        not_after: seconds(body.validity.not_after),
    };
    ReadCertificate { certificate, client_auth }
}

/// What is wrong with its life span at `now` (seconds since the epoch), for
/// the middle of a sentence; `None` when it is valid.
#[must_use]
pub fn out_of_date(certificate: &Certificate, now: i64) -> Option<String> {
    if now > certificate.not_after {
        Some(format!("expired on {}", day(certificate.not_after)))
    } else if now < certificate.not_before {
        Some(format!("is not valid before {}", day(certificate.not_before)))
    } else {
        None
    }
}

fn day(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .map_or_else(|| "an unknown day".to_owned(), |time| time.strftime("%Y-%m-%d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junk_is_an_error_text() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("x.crt");
        for (content, text) in [
            ("", "holds no certificate"),
            ("hello", "holds no certificate"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not a certificate"),
        ] {
            fs::write(&path, content).expect("written");
            let error = read(&path, CertificateRole::Ca).err().unwrap_or_default();
            assert!(error.contains(text), "{content}: {error}");
        }
        assert!(read(&dir.path().join("none"), CertificateRole::Ca).is_err());
    }

    #[test]
    fn life_spans_are_judged_by_the_day() {
        let certificate = Certificate {
            role: CertificateRole::Client,
            path: "x".into(),
            subject: "CN=x".into(),
            not_before: 100_000,
            not_after: 200_000,
        };
        assert_eq!(out_of_date(&certificate, 150_000), None);
        let late = out_of_date(&certificate, 200_001);
        assert_eq!(late.as_deref(), Some("expired on 1970-01-03"));
        let early = out_of_date(&certificate, 0);
        assert_eq!(early.as_deref(), Some("is not valid before 1970-01-02"));
    }
}
