//! What the real kubelet needs to keep three masters on one machine: cgroups of
//! its own for each, and nothing of the machine's kernel changed.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};

use super::Node;
use crate::cgroups;

/// Kernel settings a kubelet sets when they differ (kubernetes
/// pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables), below
/// /proc/sys.
const TUNABLES: [(&str, &str); 6] = [
    ("vm/overcommit_memory", "1"),
    ("vm/panic_on_oom", "0"),
    ("kernel/panic", "10"),
    ("kernel/panic_on_oops", "1"),
    ("kernel/keys/root_maxkeys", "1000000"),
    ("kernel/keys/root_maxbytes", "25000000"),
];

/// Its flags for Kubernetes 1.20: no API server to register with.
pub fn args(node: &Node) -> Vec<String> {
    vec![
        "--config=/var/lib/kubelet/config.yaml".to_owned(),
        "--container-runtime=remote".to_owned(),
        "--container-runtime-endpoint=unix:///run/containerd/containerd.sock".to_owned(),
        format!("--hostname-override={}", node.name),
        "--register-node=false".to_owned(),
        // From 3 on it tells of probes that succeed.
        "--v=3".to_owned(),
        // The default is made below /usr, which is the machine's.
        "--volume-plugin-dir=/var/lib/kubelet/plugins".to_owned(),
    ]
}

/// /var/lib/kubelet/config.yaml. Nothing is evicted or collected: how full the
/// machine's disk is, is not the lab's business.
pub fn config(node: &Node) -> String {
    format!(
        "apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous:
    enabled: true
  webhook:
    enabled: false
authorization:
  mode: AlwaysAllow
cgroupDriver: cgroupfs
cgroupRoot: /{}
enforceNodeAllocatable: []
evictionHard:
  imagefs.available: 0%
  nodefs.available: 0%
  nodefs.inodesFree: 0%
failSwapOn: false
imageGCHighThresholdPercent: 100
makeIPTablesUtilChains: false
staticPodPath: /etc/kubernetes/manifests
",
        cgroups::root(&node.machine_id)
    )
}

/// Before it starts, in the master's own mounts.
pub fn prepare(node: &Node, dir: &Path) -> Result<()> {
    cgroups::make_root(&node.machine_id)?;
    pretend_tunables(&dir.join("tunables"))
}

/// Files with the wanted values in place of the kernel's: the kubelet sets what
/// is not so already, and that would be the whole machine's.
fn pretend_tunables(dir: &Path) -> Result<()> {
    for (name, value) in TUNABLES {
        let place = Path::new("/proc/sys").join(name);
        if !place.exists() {
            continue;
        }
        let file = dir.join(name);
        fs::create_dir_all(file.parent().unwrap_or(dir))?;
        fs::write(&file, format!("{value}\n"))?;
        let bare: Option<&str> = None;
        mount(Some(&file), &place, bare, MsFlags::MS_BIND, bare)
            .with_context(|| format!("binding {}", place.display()))?;
    }
    Ok(())
}
