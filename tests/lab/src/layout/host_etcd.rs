//! Programs of a layout that run on the master itself and in no container: an
//! etcd, who holds it, or stand-ins of which only the name counts.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Layout, Start, settings};
use crate::spec::Spec;

/// A program kept running by the master's first process, or by another program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostProcess {
    /// What it is a copy of.
    pub copy_of: PathBuf,
    /// The copy's name, which is the name of the process.
    pub name: String,
    /// What it is called by.
    pub called: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its variables, beside those of the lab.
    pub env: Vec<(String, String)>,
    /// What it starts and keeps running in turn.
    pub keeps: Option<Box<HostProcess>>,
}

impl HostProcess {
    fn new(copy_of: impl Into<PathBuf>, name: &str, called: &str) -> Self {
        Self {
            copy_of: copy_of.into(),
            name: name.to_owned(),
            called: called.to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            keeps: None,
        }
    }
}

/// The programs of the master with this index; `lab` is the lab's own.
pub fn processes(spec: &Spec, index: usize, lab: PathBuf) -> Vec<HostProcess> {
    let master = &spec.masters[index];
    let stand_in = |name: &str, called: &str| HostProcess {
        args: vec!["infinity".to_owned()],
        ..HostProcess::new("/bin/sleep", name, called)
    };
    match master.layout {
        Layout::K3sSqlite => return vec![stand_in("k3s-server", "/usr/local/bin/k3s server")],
        Layout::Microk8s => {
            let snap = "/snap/microk8s/current";
            return ["kubelite", "k8s-dqlite"]
                .map(|name| stand_in(name, &format!("{snap}/{name}")))
                .into();
        }
        _ => {}
    }
    let Some(etcd) = &master.layout.row().etcd else { return Vec::new() };
    let told = settings::with(settings::of(spec, index), &master.flags);
    let program = &master.etcd.etcd;
    let mut process = match etcd.start {
        Start::StaticPod(_) => return Vec::new(),
        Start::EnvironmentFile(_) => HostProcess {
            env: settings::variables(&told),
            ..HostProcess::new(program, "etcd", "/usr/local/bin/etcd")
        },
        // k3s sets its title, and hands etcd the file within.
        Start::InsideK3s => HostProcess {
            env: vec![("ETCD_CONFIG_FILE".to_owned(), format!("{}/config", etcd.data_dir))],
            ..HostProcess::new(program, etcd.process, "/usr/local/bin/k3s server")
        },
        Start::ChildOfK0s => HostProcess {
            args: settings::flags(&told),
            ..HostProcess::new(program, "etcd", "/var/lib/k0s/bin/etcd")
        },
    };
    process.env.extend(master.env.iter().cloned());
    if etcd.start != Start::ChildOfK0s {
        return vec![process];
    }
    let mut k0s = HostProcess::new(lab, "k0s", "/usr/local/bin/k0s");
    k0s.args = ["controller", "--config=/etc/k0s/k0s.yaml"].map(str::to_owned).into();
    k0s.keeps = Some(Box::new(process));
    vec![k0s]
}
