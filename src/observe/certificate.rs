//! One certificate file: whose it is, how long it is valid, and whether it
//! may be shown to a server. Reads public parts only.

use std::{fs, path::Path};

use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::{
    model::{Certificate, CertificateRole, Timestamp},
    wire::X509,
};

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
        let parsed = X509::of(&der).ok_or("not a certificate: its DER is damaged")?;
        let read = convert(path, role, parsed);
        let longest = first.as_ref().is_none_or(|first: &ReadCertificate| {
            role == CertificateRole::Ca && read.certificate.not_after > first.certificate.not_after
        });
        if longest {
            first = Some(read);
        }
    }
    first.ok_or_else(|| "holds no certificate".to_owned())
}

fn convert(path: &Path, role: CertificateRole, parsed: X509) -> ReadCertificate {
    let certificate = Certificate {
        role,
        path: path.to_owned(),
        subject: parsed.subject,
        not_before: parsed.not_before,
        not_after: parsed.not_after,
    };
    ReadCertificate { certificate, client_auth: parsed.client_auth }
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
