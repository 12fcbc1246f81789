//! What a lab should look like: plain data with a builder, no effects.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::{releases::Release, runtimes::Containerd, site};

/// Which health checks the manifest carries, by the kubeadm that wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Probes {
    /// What fits the etcd version: `Livez` where etcd has it, else `Exclude`.
    #[default]
    Auto,
    /// kubeadm 1.31 and later: liveness /livez, startup and readiness /readyz.
    Livez,
    /// kubeadm 1.25 to 1.30: liveness /health?exclude=NOSPACE&serializable=true,
    /// startup /health?serializable=false.
    Exclude,
    /// kubeadm up to 1.24: /health for both; restarts etcd while an alarm is on.
    Health,
    /// No probes at all.
    None,
}

impl Probes {
    /// `Auto` made definite for one version.
    pub fn for_release(self, release: &Release) -> Self {
        let has_livez = match release.numbers() {
            (3, 4, patch) => patch >= 29,
            (3, 5, patch) => patch >= 11,
            version => version >= (3, 6, 0),
        };
        match self {
            Self::Auto if has_livez => Self::Livez,
            Self::Auto => Self::Exclude,
            definite => definite,
        }
    }
}

/// One master to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MasterSpec {
    /// The etcd it runs.
    pub etcd: Release,
    /// `--quota-backend-bytes`; none leaves the flag out (etcd then takes 2 GiB).
    pub quota: Option<u64>,
    /// The probes in its manifest.
    pub probes: Probes,
    /// More etcd flags, as written on a command line.
    pub flags: Vec<String>,
    /// Environment of the etcd container.
    pub env: Vec<(String, String)>,
    /// Size of a disk of its own (a loop-mounted ext4) for the data directory.
    pub data_disk: Option<u64>,
    /// Directory of the master that etcd's data directory is; below
    /// /var/lib/etcd, so that it is no mount of its own.
    pub data_dir: String,
}

/// A lab to be. Start with [`Spec::new`]; the builder methods apply to all
/// masters, single ones are changed through `masters`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    /// Tells labs on one machine apart.
    pub name: String,
    /// master-1, master-2, …
    pub masters: Vec<MasterSpec>,
    /// Divides all times of the kubelet: probes, back-off, grace.
    pub speed: u32,
    /// Whether each master runs the stand-in kube-apiserver.
    pub apiserver: bool,
    /// Whether the kubelet, and the kube-apiserver if any, are the real ones.
    pub real_kubelet: bool,
    /// The container runtime of all masters; none takes the machine's own.
    #[serde(default)]
    pub containerd: Option<Containerd>,
}

impl Spec {
    /// `masters` masters; the releases are dealt out in turn, so two releases
    /// make a mixed cluster.
    ///
    /// # Panics
    /// When `etcd` is empty.
    pub fn new(masters: usize, etcd: &[Release]) -> Self {
        assert!(!etcd.is_empty(), "a lab needs an etcd release");
        let master = |etcd: &Release| MasterSpec {
            etcd: etcd.clone(),
            quota: None,
            probes: Probes::Auto,
            flags: Vec::new(),
            env: Vec::new(),
            data_disk: None,
            data_dir: "/var/lib/etcd".to_owned(),
        };
        // The process id and a counter: tests of one binary may overlap.
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Self {
            name: format!("t{}-{count}", std::process::id()),
            masters: etcd.iter().cycle().take(masters).map(master).collect(),
            speed: 1,
            apiserver: false,
            real_kubelet: false,
            containerd: None,
        }
    }

    /// Names the lab, so that it can be opened again.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// `--quota-backend-bytes` for all.
    pub fn quota(self, bytes: u64) -> Self {
        self.each(|master| master.quota = Some(bytes))
    }

    /// The probes of all manifests.
    pub fn probes(self, probes: Probes) -> Self {
        self.each(|master| master.probes = probes)
    }

    /// One more etcd flag for all, for example `--auto-compaction-retention=8h`.
    pub fn etcd_flag(self, flag: impl Into<String>) -> Self {
        let flag = flag.into();
        self.each(|master| master.flags.push(flag.clone()))
    }

    /// One more environment variable for all etcd containers.
    pub fn etcd_env(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let pair = (name.into(), value.into());
        self.each(|master| master.env.push(pair.clone()))
    }

    /// A small disk of its own for the data directory of each master.
    pub fn data_disk(self, bytes: u64) -> Self {
        self.each(|master| master.data_disk = Some(bytes))
    }

    /// Puts the data directories below the mount of each master's /var/lib/etcd, as
    /// `/var/lib/etcd/NAME`.
    pub fn data_below(self, name: &str) -> Self {
        self.each(|master| master.data_dir = format!("/var/lib/etcd/{name}"))
    }

    /// Makes the kubelets `times` faster than real ones.
    pub fn speed(mut self, times: u32) -> Self {
        self.speed = times.max(1);
        self
    }

    /// Adds the stand-in kube-apiserver to each master.
    pub fn apiserver(mut self, wanted: bool) -> Self {
        self.apiserver = wanted;
        self
    }

    /// Runs the real kubelet of Kubernetes 1.20, at its own speed, and with
    /// [`Spec::apiserver`] the real kube-apiserver. Needs `scripts/setup kubelet`
    /// and a containerd before 2.0, as it speaks CRI v1alpha2 only.
    pub fn real_kubelet(mut self, wanted: bool) -> Self {
        self.real_kubelet = wanted;
        self
    }

    /// Runs all masters on this containerd instead of the machine's own.
    pub fn containerd(mut self, release: Containerd) -> Self {
        self.containerd = Some(release);
        self
    }

    fn each(mut self, change: impl FnMut(&mut MasterSpec)) -> Self {
        self.masters.iter_mut().for_each(change);
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        ensure!((1..=9).contains(&self.masters.len()), "a lab has one to nine masters");
        ensure!(!self.real_kubelet || self.speed == 1, "the real kubelet has a speed of its own");
        let speaks_alpha = self.containerd.as_ref().is_none_or(|one| one.numbers() < (2, 0, 0));
        ensure!(
            !self.real_kubelet || speaks_alpha,
            "the real kubelet is of Kubernetes 1.20 and needs a containerd before 2.0"
        );
        site::check_name(&self.name)
    }
}
