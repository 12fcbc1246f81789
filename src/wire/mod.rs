//! Channels to etcd and to the container runtime: the generated protocol
//! modules, the connectors, and a deadline on every call. Turns protocol
//! types into `model` types; decides nothing.

/// Generated from `proto/`.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub(crate) mod proto {
    pub(crate) mod mvccpb {
        tonic::include_proto!("mvccpb");
    }
    pub(crate) mod etcdserverpb {
        tonic::include_proto!("etcdserverpb");
    }
    pub(crate) mod cri {
        tonic::include_proto!("runtime.v1");
    }
}
