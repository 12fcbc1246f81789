//! Opens the unix socket of a container runtime for gRPC. Owns nothing else:
//! what is spoken on it and what its errors mean is the caller's.

use std::{io, path::Path};

use tokio::net::UnixStream;

use super::{carrier::Carrier, stream::Tap};

/// Where gRPC is spoken over `socket`. It lives as long as the carrier does.
///
/// # Errors
/// What the kernel said to `connect`.
pub(super) async fn dial(socket: &Path) -> io::Result<Carrier> {
    let stream = Tap::new(UnixStream::connect(socket).await?);
    let (carrier, connection) = Carrier::start(stream).await.map_err(io::Error::other)?;
    // How it ends is told by the call that is open on it.
    tokio::spawn(async { drop(connection.await) });
    Ok(carrier)
}
