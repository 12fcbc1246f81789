//! The kubelet process of this node: whether it runs, or is stopped, and by
//! whom. Touches it in no way.

use super::host::HostRoot;
use crate::{
    model::{Guardian, KubeletProcess},
    sys::{
        hold_record::HoldRecord,
        kubelet::{State, kubelets, state},
    },
};

/// The kubelet process of this pid namespace that is the likeliest (the order
/// of `sys::kubelet::kubelets`) and is not `etcd`.
#[must_use]
pub fn kubelet_process(host: &HostRoot, etcd: Option<i32>) -> Option<KubeletProcess> {
    let proc = host.path("/proc");
    let kubelet = kubelets(&proc).into_iter().find(|kubelet| Some(kubelet.pid) != etcd)?;
    let stopped = match state(&proc, kubelet) {
        State::Gone => return None,
        State::Stopped => true,
        State::Running => false,
    };
    let record = HoldRecord::read().filter(|record| stopped && record.names(kubelet));
    Some(KubeletProcess {
        pid: kubelet.pid,
        start_time: kubelet.start_time,
        stopped,
        held_by: record
            .map(|record| Guardian { pid: record.guardian.pid, runs: record.is_guarded() }),
    })
}
