//! Which installation it is, by what was seen of etcd and of the node. Pure.

use std::path::{Path, PathBuf};

use super::{ALL, Layout, Sign, external, plain};
use crate::model::{Certificate, CertificateRole, Located};

/// The installation, and what tells it, in sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// Its row.
    pub layout: &'static Layout,
    /// What it was told by.
    pub evidence: Vec<String>,
}

/// What can be seen of etcd and of the node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clues {
    /// Paths of etcd's, as the node calls them, and what each is.
    pub paths: Vec<(&'static str, PathBuf)>,
    /// Name of the process.
    pub comm: Option<String>,
    /// Name of the process that started it.
    pub parent: Option<String>,
    /// Namespace and name of the pod.
    pub pod: Option<(String, String)>,
    /// `ID` of /etc/os-release.
    pub os: Option<String>,
    /// What is there of what the rows look for.
    pub there: Vec<&'static str>,
    /// Where etcd was named by hand or by the API server, when it was.
    pub named: Option<String>,
}

impl Clues {
    /// What was found of etcd itself.
    #[must_use]
    pub fn of(node: &Located) -> Self {
        let mut paths = Vec::new();
        // A directory that was named by hand tells nothing.
        let data = node.data_dir.as_ref().filter(|found| found.source != "--data-dir");
        paths.extend(data.map(|found| ("data directory", found.value.clone())));
        paths.extend(node.manifest.as_ref().map(|manifest| ("manifest", manifest.path.clone())));
        let server = |it: &&Certificate| it.role == CertificateRole::Server;
        let server = node.certificates.iter().find(server);
        paths.extend(server.map(|it| ("server certificate", it.path.clone())));
        let pod = node.container.as_ref().map(|it| (it.namespace.clone(), it.pod.clone()));
        let comm = node.process.as_ref().map(|process| process.comm.clone());
        Self { paths, comm, pod, ..Self::default() }
    }

    fn none_of_etcd(&self) -> bool {
        self.paths.is_empty() && self.comm.is_none() && self.pod.is_none()
    }

    fn fits(&self, sign: Sign) -> Option<String> {
        let nothing = self.none_of_etcd() && self.named.is_none();
        match sign {
            Sign::Comm(name) => {
                let comm = self.comm.as_ref().filter(|comm| comm.starts_with(name))?;
                Some(format!("etcd's process is called {comm}"))
            }
            Sign::Parent(name) => (self.parent.as_deref() == Some(name))
                .then(|| format!("etcd's process was started by {name}")),
            Sign::Namespace(name) => {
                let (namespace, pod) = self.pod.as_ref().filter(|(space, _)| space == name)?;
                Some(format!("etcd's pod is {namespace}/{pod}"))
            }
            Sign::Pod(name) => {
                let (namespace, pod) =
                    self.pod.as_ref().filter(|(_, pod)| pod.starts_with(name))?;
                Some(format!("etcd's pod is {namespace}/{pod}"))
            }
            Sign::Path(root) => {
                // kOps' volumes carry their own ids behind a dash.
                let open = root.ends_with('-');
                let below = |path: &Path| match open {
                    true => path.to_string_lossy().starts_with(root),
                    false => path.starts_with(root),
                };
                let (what, path) = self.paths.iter().find(|(_, path)| below(path))?;
                Some(format!("etcd's {what} is {}", path.display()))
            }
            Sign::Tail(tail) => {
                let (what, path) = self.paths.iter().find(|(_, path)| path.ends_with(tail))?;
                Some(format!("etcd's {what} is {}", path.display()))
            }
            Sign::Os(id) => {
                let same = nothing && self.os.as_deref() == Some(id);
                same.then(|| format!("/etc/os-release says ID={id}"))
            }
            Sign::There(path) => {
                (nothing && self.there.contains(&path)).then(|| format!("{path} is there"))
            }
        }
    }
}

/// The first row with a sign that fits; else a plain etcd, or one that is elsewhere.
#[must_use]
pub fn tell(clues: &Clues) -> Detected {
    for layout in ALL {
        let mut evidence: Vec<String> =
            layout.signs.iter().filter_map(|sign| clues.fits(*sign)).collect();
        evidence.dedup();
        if !evidence.is_empty() {
            return Detected { layout, evidence };
        }
    }
    match &clues.named {
        Some(by) if clues.none_of_etcd() => {
            let evidence = vec![by.clone(), "no etcd runs on this node".to_owned()];
            Detected { layout: external(), evidence }
        }
        _ => {
            let evidence = vec!["nothing here is like an installation that is known".to_owned()];
            Detected { layout: plain(), evidence }
        }
    }
}

impl Located {
    /// The installation this node's etcd belongs to.
    #[must_use]
    pub fn layout(&self) -> &'static Layout {
        match &self.layout {
            Some(detected) => detected.layout,
            None => tell(&Clues::of(self)).layout,
        }
    }
}
