//! Why certificate and key files cannot be used, found before anything is
//! dialled. Never carries file contents.

use std::{fmt, io, path::PathBuf};

use crate::model::CertificateRole;

/// What a file was given as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRole {
    /// A certificate file.
    Certificate(CertificateRole),
    /// The private key of the client certificate.
    Key,
}

impl fmt::Display for FileRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(role) => write!(f, "{role} certificate"),
            Self::Key => f.write_str("client key"),
        }
    }
}

/// A certificate or key file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("cannot read the {role} {}", path.display())]
    Unreadable {
        /// What it was given as.
        role: FileRole,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds no such thing in PEM form.
    #[error("{} holds no PEM {}", path.display(), match role {
        FileRole::Certificate(_) => "certificate",
        FileRole::Key => "private key",
    })]
    NothingInside {
        /// What it was given as.
        role: FileRole,
        /// The file.
        path: PathBuf,
    },
    /// The PEM or the certificate inside is damaged.
    #[error("the {role} {} is damaged: {detail}", path.display())]
    Malformed {
        /// What it was given as.
        role: FileRole,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A certificate without its key, or the other way round.
    #[error("{} was given without its {missing}", path.display())]
    Half {
        /// The file that was given.
        path: PathBuf,
        /// What is missing.
        missing: FileRole,
    },
    /// The key is protected by a passphrase.
    #[error(
        "the client key {} is encrypted, which is not supported: give an unencrypted one",
        path.display()
    )]
    KeyEncrypted {
        /// The file.
        path: PathBuf,
    },
    /// A kind of key this program cannot sign with.
    #[error(
        "the client key {} is of a kind that is not supported; \
         use RSA (2048 bits or more), ECDSA P-256 or P-384, or Ed25519",
        path.display()
    )]
    KeyUnsupported {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key are not a pair.
    #[error("the client key {} does not belong to the certificate {}", key.display(), cert.display())]
    KeyMismatch {
        /// The certificate file.
        cert: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// The client certificate has expired by this machine's clock.
    #[error(
        "the client certificate {} expired on {day} (subject {subject}; \
         this machine's clock says {today})",
        path.display()
    )]
    Expired {
        /// The file.
        path: PathBuf,
        /// Its subject.
        subject: String,
        /// Its last day, UTC.
        day: String,
        /// Today by this machine's clock, UTC.
        today: String,
    },
    /// The client certificate is not valid yet by this machine's clock.
    #[error(
        "the client certificate {} is not valid before {day} (subject {subject}; \
         this machine's clock says {today})",
        path.display()
    )]
    NotYetValid {
        /// The file.
        path: PathBuf,
        /// Its subject.
        subject: String,
        /// Its first day, UTC.
        day: String,
        /// Today by this machine's clock, UTC.
        today: String,
    },
}
