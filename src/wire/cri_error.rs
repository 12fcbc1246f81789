//! Why a container runtime could not be asked, told apart as far as a person
//! has to do something different about it.

use std::{
    error::Error as _,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use thiserror::Error;
use tonic::{Code, Status};

/// Why a runtime could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CriError {
    /// There is no such socket.
    #[error("{}: there is no such socket", .socket.display())]
    Missing {
        /// The socket.
        socket: PathBuf,
    },
    /// The socket may not be opened; root may.
    #[error("{}: permission denied", .socket.display())]
    PermissionDenied {
        /// The socket.
        socket: PathBuf,
    },
    /// Nobody listens, or it is no socket.
    #[error("{}: nobody listens on it", .socket.display())]
    Refused {
        /// The socket.
        socket: PathBuf,
    },
    /// Another answer of the kernel to `connect`.
    #[error("{}: cannot connect: {reason}", .socket.display())]
    Connect {
        /// The socket.
        socket: PathBuf,
        /// The kernel's words.
        reason: String,
    },
    /// The deadline passed without an answer.
    #[error("the runtime did not answer {method} within {} ms", .after.as_millis())]
    TimedOut {
        /// CRI method.
        method: &'static str,
        /// The deadline.
        after: Duration,
    },
    /// The runtime knows neither API version, as a containerd with its CRI
    /// plugin switched off.
    #[error("the runtime implements no {method} of CRI v1 or v1alpha2")]
    Unimplemented {
        /// CRI method.
        method: &'static str,
    },
    /// The runtime knows no such container (or pod, or image).
    #[error("{method}: {text}")]
    NotFound {
        /// CRI method.
        method: &'static str,
        /// The runtime's words.
        text: String,
    },
    /// Any other error answer, or a connection that broke.
    #[error("{method}: {text}")]
    Rpc {
        /// CRI method.
        method: &'static str,
        /// The runtime's words.
        text: String,
    },
}

impl CriError {
    pub(super) fn connect(socket: &Path, error: &io::Error) -> Self {
        let socket = socket.to_owned();
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing { socket },
            io::ErrorKind::PermissionDenied => Self::PermissionDenied { socket },
            io::ErrorKind::ConnectionRefused => Self::Refused { socket },
            _ => Self::Connect { socket, reason: error.to_string() },
        }
    }

    pub(super) fn answer(method: &'static str, status: &Status, after: Duration) -> Self {
        let text = words(status);
        match status.code() {
            Code::Unimplemented => Self::Unimplemented { method },
            Code::NotFound => Self::NotFound { method, text },
            // cri-dockerd hands on what docker says, without a code of its own.
            Code::Unknown if text.contains("No such container") => Self::NotFound { method, text },
            Code::DeadlineExceeded => Self::TimedOut { method, after },
            _ => Self::Rpc { method, text },
        }
    }
}

/// The status text; for a connection that broke, tonic says only "transport
/// error" and the reason is the innermost source.
fn words(status: &Status) -> String {
    let mut innermost = None;
    let mut next = status.source();
    while let Some(error) = next {
        innermost = Some(error.to_string());
        next = error.source();
    }
    match innermost {
        Some(reason) if reason != status.message() => format!("{} ({reason})", status.message()),
        _ => status.message().to_owned(),
    }
}
