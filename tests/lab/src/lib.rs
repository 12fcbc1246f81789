//! Real etcd masters on one machine, for the tests and the drill; never shipped.
//!
//! A master is a network, mount, process, host-name and IPC namespace with a real
//! containerd on its standard socket, real runc, a small kubelet (or the real one: [`Spec::real_kubelet`]) and real etcd as
//! a static pod on kubeadm's paths with mTLS. Everything a lab changes lies in its
//! own directory ([`site`]); its processes are found by their command lines
//! ([`processes`]); when they die the kernel takes networks and mounts away.
//!
//! [`Spec`] says what is wanted, [`Lab::up`] makes it, [`Lab::fill`] drives it into
//! a real NOSPACE alarm, [`Master`] is where faults are made. The judge of success
//! is etcdctl ([`Lab::etcdctl`]), not code of this workspace.

pub mod apiserver;
mod cgroups;
pub mod cli;
mod cluster;
mod executable;
mod fill;
mod hang;
mod image;
pub mod kubelet;
mod kubernetes;
mod lab;
mod manifest;
mod master;
pub mod network;
pub mod node;
mod pki;
mod prepare;
pub mod processes;
mod releases;
mod runtimes;
pub mod site;
mod slow_sync;
mod spec;
mod sweep;
pub mod wire;

pub use self::{
    fill::{Fill, FillReport, Until},
    hang::Hung,
    kubernetes::{Kubernetes, kubernetes},
    lab::Lab,
    master::Master,
    releases::{Release, release, releases},
    runtimes::{Containerd, runtime, runtimes},
    slow_sync::SlowSync,
    spec::{MasterSpec, Probes, Spec},
    sweep::down_all,
};

/// What goes wrong here is for a person to read: a sentence with its causes.
pub type Result<T> = anyhow::Result<T>;
