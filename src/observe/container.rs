//! Finding a container by its kubelet labels: the etcd of this node, or
//! another one by name. Which of several it is, and when to ask instead of
//! guessing, is decided here.

use std::cmp::Reverse;

use super::container_status;
use crate::{
    model::{
        Container, ContainerState,
        layout::{ALL, Sign},
        order::InOrder,
    },
    wire::{
        cri::{Cri, CriError},
        proto::cri,
    },
};

/// The labels the kubelet gives every container (kubernetes
/// pkg/kubelet/types/labels.go).
pub(super) const NAME: &str = "io.kubernetes.container.name";
pub(super) const POD: &str = "io.kubernetes.pod.name";
pub(super) const NAMESPACE: &str = "io.kubernetes.pod.namespace";

/// Where the control plane's pods live in most clusters.
const SYSTEM_NAMESPACE: &str = "kube-system";

/// One of several containers, so that a person can choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Full id.
    pub id: String,
    /// Pod name.
    pub pod: String,
    /// Its namespace.
    pub namespace: String,
    /// State.
    pub state: ContainerState,
    /// When it was made, nanoseconds since the epoch.
    created_at: i64,
}

impl Candidate {
    /// As much of the id as crictl shows; enough for `--container`.
    #[must_use]
    pub fn short_id(&self) -> &str {
        self.id.get(..13).unwrap_or(&self.id)
    }
}

/// Why no container was chosen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// The runtime could not be asked.
    #[error("cannot ask the container runtime")]
    Runtime(#[from] CriError),
    /// Several pods have an etcd container.
    #[error("several etcd containers run on this node")]
    Several(Vec<Candidate>),
    /// No container has the id that was asked for.
    #[error("there is no container {id}")]
    NotFound {
        /// As it was typed.
        id: String,
    },
    /// Several ids begin with what was asked for.
    #[error("several container ids begin with {id}")]
    Ambiguous {
        /// As it was typed.
        id: String,
    },
}

/// The etcd container of this node: the one whose id begins with `asked`, or
/// the one with the kubelet's label. Running ones go before ended ones, pods
/// of the control plane's namespaces before others, newer before older.
///
/// # Errors
/// When several pods are equally good, when `asked` fits none or several, or
/// when the runtime does not answer.
pub async fn find_etcd(cri: &Cri, asked: Option<&str>) -> Result<Option<Container>, FindError> {
    let attempts = match asked {
        Some(id) => vec![by_id(cri, id).await?],
        None => {
            let listed = cri.list_containers(&[(NAME, "etcd")]).await?;
            choose(listed.iter().map(candidate).collect())?
        }
    };
    Ok(first_there(cri, attempts).await?)
}

/// The newest container of this name in a control-plane namespace, running
/// ones first; `None` when there is none.
///
/// # Errors
/// When the runtime does not answer.
pub async fn find_container(cri: &Cri, name: &str) -> Result<Option<Container>, CriError> {
    let listed = cri.list_containers(&[(NAME, name)]).await?;
    let mut attempts: Vec<Candidate> = listed.iter().map(candidate).collect();
    attempts.order_by_key(|it| {
        (!is_system(it), it.state != ContainerState::Running, Reverse(it.created_at))
    });
    first_there(cri, attempts).await
}

/// The status of the first one that is still there: the kubelet removes
/// ended containers at any time.
async fn first_there(cri: &Cri, attempts: Vec<Candidate>) -> Result<Option<Container>, CriError> {
    for attempt in attempts {
        match cri.container_status(&attempt.id, true).await {
            Ok(answer) => return Ok(container_status::container(answer)),
            Err(CriError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

async fn by_id(cri: &Cri, asked: &str) -> Result<Candidate, FindError> {
    let listed = cri.list_containers(&[]).await?;
    let mut fitting = listed.iter().filter(|container| container.id.starts_with(asked));
    let id = || asked.to_owned();
    match (fitting.next(), fitting.next()) {
        (Some(container), None) => Ok(candidate(container)),
        (Some(_), Some(_)) => Err(FindError::Ambiguous { id: id() }),
        (None, _) => Err(FindError::NotFound { id: id() }),
    }
}

/// The containers of the one pod that is meant, best first. Pods are told
/// apart by name, not by uid: an edited static pod keeps its name.
fn choose(mut found: Vec<Candidate>) -> Result<Vec<Candidate>, FindError> {
    if found.iter().any(is_system) {
        found.retain(is_system);
    }
    if found.iter().any(is_running) {
        let running: Vec<_> = found.iter().filter(|it| is_running(it)).map(pod).collect();
        found.retain(|it| running.contains(&pod(it)));
    }
    let several = found.iter().any(|it| found.first().is_some_and(|first| pod(first) != pod(it)));
    found.order_by_key(|it| (!is_running(it), Reverse(it.created_at)));
    if several {
        // One line per pod is enough to choose by.
        let mut seen = Vec::new();
        found.retain(|it| {
            let new = !seen.contains(&pod(it));
            seen.push(pod(it));
            new
        });
        return Err(FindError::Several(found));
    }
    Ok(found)
}

fn pod(candidate: &Candidate) -> (String, String) {
    (candidate.namespace.clone(), candidate.pod.clone())
}

fn is_system(candidate: &Candidate) -> bool {
    let namespace = candidate.namespace.as_str();
    let own = |sign: &Sign| matches!(sign, Sign::Namespace(name) if *name == namespace);
    namespace == SYSTEM_NAMESPACE || ALL.iter().any(|row| row.signs.iter().any(own))
}

fn is_running(candidate: &Candidate) -> bool {
    candidate.state == ContainerState::Running
}

fn candidate(listed: &cri::Container) -> Candidate {
    let label = |name: &str| listed.labels.get(name).cloned().unwrap_or_default();
    Candidate {
        id: listed.id.clone(),
        pod: label(POD),
        namespace: label(NAMESPACE),
        state: container_status::state(listed.state),
        created_at: listed.created_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(id: &str, namespace: &str, pod: &str, running: bool, at: i64) -> Candidate {
        Candidate {
            id: id.to_owned(),
            pod: pod.to_owned(),
            namespace: namespace.to_owned(),
            state: if running { ContainerState::Running } else { ContainerState::Exited },
            created_at: at,
        }
    }

    fn chosen(found: Vec<Candidate>) -> Result<Vec<String>, Vec<String>> {
        let ids = |found: Vec<Candidate>| found.into_iter().map(|it| it.id).collect();
        match choose(found) {
            Ok(found) => Ok(ids(found)),
            Err(FindError::Several(found)) => Err(ids(found)),
            Err(other) => panic!("{other}"),
        }
    }

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn running_before_ended_and_new_before_old() {
        let found = vec![
            made("old", "kube-system", "etcd-m1", false, 1),
            made("now", "kube-system", "etcd-m1", true, 2),
            made("odd", "kube-system", "etcd-m1", false, 3),
        ];
        assert_eq!(chosen(found), Ok(ids(&["now", "odd", "old"])));
        let ended = vec![
            made("old", "kube-system", "etcd-m1", false, 1),
            made("new", "kube-system", "etcd-m1", false, 2),
        ];
        assert_eq!(chosen(ended), Ok(ids(&["new", "old"])));
        assert_eq!(chosen(Vec::new()), Ok(Vec::new()));
    }

    #[test]
    fn the_control_planes_pod_is_meant() {
        let found = vec![
            made("calico", "calico-system", "etcd-0", true, 5),
            made("own", "kube-system", "etcd-m1", false, 1),
        ];
        assert_eq!(chosen(found), Ok(ids(&["own"])));
        let renamed = vec![
            made("before", "kube-system", "etcd-oldname", false, 9),
            made("own", "kube-system", "etcd-m1", true, 1),
        ];
        assert_eq!(chosen(renamed), Ok(ids(&["own"])));
    }

    #[test]
    fn two_pods_are_a_question() {
        let found = vec![
            made("a", "tenant-1", "etcd-0", true, 1),
            made("b", "tenant-2", "etcd-0", true, 2),
            made("c", "tenant-2", "etcd-0", false, 3),
        ];
        assert_eq!(chosen(found), Err(ids(&["b", "a"])));
        let ended = vec![
            made("a", "kube-system", "etcd-m1", false, 1),
            made("b", "kube-system", "etcd-m2", false, 2),
        ];
        assert_eq!(chosen(ended), Err(ids(&["b", "a"])));
    }
}
