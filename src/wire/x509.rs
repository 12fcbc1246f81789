//! The parts of an X.509 certificate that are shown or compared (RFC 5280).
//! Verifies nothing: that is the TLS library's matter.

use std::net::IpAddr;

use super::{
    der::{
        BIT_STRING, BOOLEAN, Der, Element, GENERALIZED_TIME, OCTET_STRING, OID, SEQUENCE, UTC_TIME,
    },
    distinguished_name,
};
use crate::model::Timestamp;

const INTEGER: u8 = 0x02;
/// Context-specific tags of a TBSCertificate (RFC 5280 §4.1) ...
const VERSION: u8 = 0xa0;
const ISSUER_ID: u8 = 0x81;
const SUBJECT_ID: u8 = 0x82;
const EXTENSIONS: u8 = 0xa3;
/// ... and of a GeneralName (§4.2.1.6).
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;
/// Object identifiers: id-ce-subjectAltName, id-ce-extKeyUsage,
/// anyExtendedKeyUsage and id-kp-clientAuth (§4.2.1.6, §4.2.1.12).
const SUBJECT_ALT_NAME: &[u8] = b"\x55\x1d\x11";
const EXTENDED_KEY_USAGE: &[u8] = b"\x55\x1d\x25";
const ANY_USAGE: &[u8] = b"\x55\x1d\x25\x00";
const CLIENT_AUTH: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x03\x02";

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct X509 {
    /// RFC 4514 text of the subject; may be empty.
    pub subject: String,
    /// RFC 4514 text of the issuer; may be empty.
    pub issuer: String,
    /// Seconds since the epoch.
    pub not_before: i64,
    /// Seconds since the epoch.
    pub not_after: i64,
    /// Its SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
    /// DNS names and IP addresses it is valid for.
    pub names: Vec<String>,
    /// Whether its extended key usage lets a client show it; without that
    /// extension, or with one that cannot be read, any use is allowed.
    pub client_auth: bool,
}

impl X509 {
    /// `None` when this is not the DER of a certificate.
    #[must_use]
    pub fn of(der: &[u8]) -> Option<Self> {
        let mut file = Der(der);
        let mut certificate = file.inside(SEQUENCE).filter(|_| file.0.is_empty())?;
        let mut body = certificate.inside(SEQUENCE)?;
        certificate.take(SEQUENCE)?;
        certificate.take(BIT_STRING)?;
        body.take(VERSION);
        body.take(INTEGER)?;
        body.take(SEQUENCE)?;
        let issuer = distinguished_name::text(body.inside(SEQUENCE)?)?;
        let mut life = body.inside(SEQUENCE)?;
        let (not_before, not_after) = (time(&life.any()?)?, time(&life.any()?)?);
        let subject = distinguished_name::text(body.inside(SEQUENCE)?)?;
        let public_key = body.take(SEQUENCE)?.whole.to_vec();
        body.take(ISSUER_ID);
        body.take(SUBJECT_ID);
        let extensions = match body.inside(EXTENSIONS) {
            Some(mut extensions) => extensions.inside(SEQUENCE)?.all()?,
            None => Vec::new(),
        };
        let names = extension(&extensions, SUBJECT_ALT_NAME).unwrap_or_default();
        let usages = extension(&extensions, EXTENDED_KEY_USAGE);
        let for_clients = |usage: &Element<'_>| {
            usage.tag == OID && [CLIENT_AUTH, ANY_USAGE].contains(&usage.content)
        };
        Some(Self {
            subject,
            issuer,
            not_before,
            not_after,
            public_key,
            names: names.iter().filter_map(name).collect(),
            client_auth: usages.is_none_or(|usages| usages.iter().any(for_clients)),
        })
    }
}

/// The elements of the sequence that an extension holds.
fn extension<'a>(extensions: &[Element<'a>], wanted: &[u8]) -> Option<Vec<Element<'a>>> {
    extensions.iter().find_map(|extension| {
        let mut inside = Der(extension.content);
        inside.take(OID).filter(|oid| oid.content == wanted)?;
        inside.take(BOOLEAN);
        inside.inside(OCTET_STRING)?.inside(SEQUENCE)?.all()
    })
}

fn name(name: &Element<'_>) -> Option<String> {
    match name.tag {
        DNS_NAME => String::from_utf8(name.content.to_vec()).ok(),
        IP_ADDRESS => {
            let ip = <[u8; 4]>::try_from(name.content).map(IpAddr::from);
            let ip = ip.or_else(|_| <[u8; 16]>::try_from(name.content).map(IpAddr::from));
            ip.ok().map(|ip| ip.to_string())
        }
        _ => None,
    }
}

/// Seconds since the epoch of a Time (RFC 5280 §4.1.2.5): `YYMMDDHHMMSSZ` up to
/// 2049, later with all digits of the year.
fn time(time: &Element<'_>) -> Option<i64> {
    let text = std::str::from_utf8(time.content).ok()?;
    let century = match time.tag {
        UTC_TIME if text < "50" => "20",
        UTC_TIME => "19",
        GENERALIZED_TIME => "",
        _ => return None,
    };
    let digits = format!("{century}{text}");
    let part = |from: usize, to: usize| digits.get(from..to);
    let (day, clock) = (part(6, 8)?, part(8, 10)?);
    let written = format!(
        "{}-{}-{day}T{clock}:{}:{}",
        part(0, 4)?,
        part(4, 6)?,
        part(10, 12)?,
        part(12, digits.len()).filter(|end| end.len() == 3 && end.ends_with('Z'))?,
    );
    written.parse().ok().map(Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(params: rcgen::CertificateParams) -> Result<X509, rcgen::Error> {
        let key = rcgen::KeyPair::generate()?;
        Ok(X509::of(params.self_signed(&key)?.der()).expect("a certificate"))
    }

    #[test]
    fn reads_what_it_is_for() -> Result<(), rcgen::Error> {
        let names = ["master-1".to_owned(), "10.0.0.11".to_owned(), "::1".to_owned()];
        let mut params = rcgen::CertificateParams::new(names)?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        assert!(made(params.clone())?.client_auth, "without the extension");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        let server = made(params.clone())?;
        assert!(!server.client_auth && server.subject.is_empty());
        assert_eq!(server.names, ["master-1", "10.0.0.11", "::1"]);
        params.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::ClientAuth);
        assert!(made(params.clone())?.client_auth);
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::Any];
        assert!(made(params)?.client_auth);
        Ok(())
    }

    #[test]
    fn the_key_is_the_one_it_certifies() -> Result<(), rcgen::Error> {
        let key = rcgen::KeyPair::generate()?;
        let certificate = rcgen::CertificateParams::default().self_signed(&key)?;
        let read = X509::of(certificate.der()).map(|read| read.public_key);
        assert_eq!(read, Some(rcgen::PublicKeyData::subject_public_key_info(&key)));
        Ok(())
    }

    #[test]
    fn both_kinds_of_times_are_read() {
        let of = |tag, text: &str| {
            time(&Element { tag, content: text.as_bytes(), whole: text.as_bytes() })
        };
        assert_eq!(of(UTC_TIME, "260301000000Z"), Some(1_772_323_200));
        assert_eq!(of(UTC_TIME, "700101000001Z"), Some(1));
        assert_eq!(of(GENERALIZED_TIME, "20260301000000Z"), Some(1_772_323_200));
        assert_eq!(of(GENERALIZED_TIME, "99991231235959Z"), Some(253_402_300_799));
        for text in ["", "260301000000", "260301000000+0100", "2603010000Z", "26é301000000Z"] {
            assert_eq!(of(UTC_TIME, text), None, "{text}");
        }
        assert_eq!(of(INTEGER, "260301000000Z"), None);
    }

    #[test]
    fn what_is_cut_off_anywhere_is_none() -> Result<(), rcgen::Error> {
        let key = rcgen::KeyPair::generate()?;
        let certificate = rcgen::CertificateParams::default().self_signed(&key)?;
        let der: &[u8] = certificate.der();
        for end in 0..der.len() {
            assert_eq!(X509::of(&der[..end]), None, "{end}");
        }
        // Whatever a byte becomes, nothing panics.
        for at in 0..der.len() {
            let mut other = der.to_vec();
            other[at] ^= 0xff;
            let _ = X509::of(&other);
        }
        Ok(())
    }
}
