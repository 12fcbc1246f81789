//! Channels to etcd and to the container runtime: the generated protocol
//! modules, the connectors, and a deadline on every call. Turns protocol
//! types into `model` types; decides nothing and never retries.

mod access;
pub mod blobs;
mod call;
mod carrier;
pub mod certificate;
pub mod cri;
mod cri_error;
mod der;
pub mod details;
mod dial;
mod distinguished_name;
mod error;
mod etcd;
mod handshake;
mod http;
mod key_ranges;
mod keyspace;
mod line;
mod live_keys;
mod maintenance;
pub mod reply;
mod snapshot;
mod stream;
mod tls;
mod tls_error;
mod unix;
mod x509;

pub use access::Access;
pub use error::{WireError, WireErrorKind};
pub use etcd::Etcd;
pub use http::{HttpAnswer, get as http_get};
pub use key_ranges::{NamedPage, NamedRecord};
pub use keyspace::{Compacted, LeaseId, ListedMember};
pub use live_keys::{LiveKey, LiveKeysPage};
pub use maintenance::{KvHash, StatusAnswer};
pub use snapshot::SnapshotStream;
pub use tls::Tls;
pub use tls_error::{FileRole, TlsError};
pub use x509::X509;

/// Generated from `proto/`. Public only so that the scripted servers of the
/// tests can speak the same protocol.
#[doc(hidden)]
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod proto {
    pub mod mvccpb {
        tonic::include_proto!("mvccpb");
    }
    pub mod etcdserverpb {
        tonic::include_proto!("etcdserverpb");
    }
    pub mod cri {
        tonic::include_proto!("runtime.v1");
    }
}
