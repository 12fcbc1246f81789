//! What etcd's clients on this node suffered, by their logs: the API server,
//! the controllers that lead by a lease, CoreDNS, metrics-server. Reads files
//! only, in a child; that these are symptoms and no cause is decided elsewhere.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    super::container::{NAME, NAMESPACE, POD},
    etcd_log_line::shortened,
    log_files::{self, Limits, LogFiles},
    log_line::LogLine,
};
use crate::{
    model::{
        Located,
        diagnosis::{Symptom, SymptomKind},
    },
    wire::cri::{Cri, CriError},
};

/// Longest example, in characters.
const WIDTH: usize = 240;

/// Most containers whose status is asked for.
const MOST: usize = 32;

/// How long the runtime may take for one answer: the files are there without
/// it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Containers by name, and whom a symptom is looked for in. kubeadm, k3s and
/// kubespray name them so.
const CLIENTS: [(&str, SymptomKind); 7] = [
    ("kube-apiserver", SymptomKind::ApiServerTimeouts),
    ("kube-controller-manager", SymptomKind::LostLease),
    ("kube-scheduler", SymptomKind::LostLease),
    ("cloud-controller-manager", SymptomKind::LostLease),
    ("coredns", SymptomKind::CoreDnsSlow),
    ("metrics-server", SymptomKind::MetricsServerTimeouts),
    ("openshift-kube-apiserver", SymptomKind::ApiServerTimeouts),
];

fn kind_of(container: &str) -> Option<SymptomKind> {
    CLIENTS.iter().find(|(name, _)| *name == container).map(|(_, kind)| *kind)
}

/// The log files of these clients by the runtime's word; none when it does not
/// answer in time.
pub async fn log_paths(node: &Located) -> Vec<PathBuf> {
    let Some(runtime) = &node.runtime else { return Vec::new() };
    let socket = &runtime.socket.value;
    let asked = async {
        let cri = Cri::connect(socket, PATIENCE).await?;
        let mut paths = Vec::new();
        for container in cri.list_containers(&[]).await? {
            let name = container.labels.get(NAME).map_or("", String::as_str);
            let labelled =
                [POD, NAMESPACE].iter().all(|label| container.labels.contains_key(*label));
            if kind_of(name).is_none() || !labelled || paths.len() >= MOST {
                continue;
            }
            // It may have been removed meanwhile.
            let Ok(answer) = cri.container_status(&container.id, false).await else { continue };
            let path = answer.status.map(|status| status.log_path).unwrap_or_default();
            paths.extend(Some(PathBuf::from(path)).filter(|path| path.is_absolute()));
        }
        Ok::<_, CriError>(paths)
    };
    let answer = tokio::time::timeout(PATIENCE * 2, asked).await;
    answer.ok().and_then(Result::ok).unwrap_or_default()
}

/// Reads the logs of every client: those the runtime named, and those in the
/// directory of all pods.
#[must_use]
pub fn find(named: &[PathBuf], pods: &Path, mut limits: Limits) -> Vec<Symptom> {
    let mut containers: BTreeMap<(SymptomKind, String), Vec<PathBuf>> = BTreeMap::new();
    let named = named.iter().filter_map(|path| path.parent().map(Path::to_owned));
    let listed = log_files::of_pods(pods, |_| true, |name| kind_of(name).is_some());
    for directory in named.chain(listed) {
        if let Some((kind, container)) = client(&directory) {
            let directories = containers.entry((kind, container)).or_default();
            if !directories.contains(&directory) {
                directories.push(directory);
            }
        }
    }
    let mut found = Vec::new();
    for ((kind, container), directories) in containers {
        let mut files = LogFiles::find(&directories, limits.since);
        let mut book = Book::default();
        files.read(&mut limits, |_, time, line| book.take(kind, time, line));
        found.extend(book.symptom(kind, container));
    }
    found
}

/// What `…/namespace_pod_uid/container` holds the logs of.
fn client(directory: &Path) -> Option<(SymptomKind, String)> {
    let container = directory.file_name()?.to_str()?;
    let kind = kind_of(container)?;
    let pod = directory.parent()?.file_name()?.to_str()?;
    let mut parts = pod.split('_');
    let (namespace, name) = (parts.next()?, parts.next()?);
    Some((kind, format!("{namespace}/{name}/{container}")))
}

/// One container's lines while they are counted.
#[derive(Debug, Default)]
struct Book {
    count: u64,
    first_at: i64,
    last_at: i64,
    example: String,
}

impl Book {
    fn take(&mut self, kind: SymptomKind, time: i64, line: &LogLine) {
        if time <= 0 || !suffers(kind, &line.text) {
            return;
        }
        self.count += 1;
        self.first_at = if self.first_at == 0 { time } else { self.first_at.min(time) };
        if time >= self.last_at {
            self.last_at = time;
            self.example = shortened(line.text.trim(), WIDTH);
        }
    }

    fn symptom(self, kind: SymptomKind, container: String) -> Option<Symptom> {
        let Self { count, first_at, last_at, example } = self;
        (count > 0).then_some(Symptom { kind, container, count, first_at, last_at, example })
    }
}

/// Whether this line of such a client is a symptom of a slow etcd.
#[must_use]
pub fn suffers(kind: SymptomKind, line: &str) -> bool {
    let has = |words: &str| line.contains(words);
    let any = |words: &[&str]| words.iter().any(|words| line.contains(words));
    match kind {
        SymptomKind::ApiServerTimeouts => api_server_suffers(line),
        SymptomKind::LostLease => {
            // A controller that is told to end gives its lease back.
            let lower = line.to_ascii_lowercase();
            let lost = ["failed to renew lease", "leaderelection lost", "leader election lost"];
            let retrieving = ["error retrieving resource lock", "failed to update lock"];
            let in_time = ["timed out", "deadline exceeded", "etcdserver", "client.timeout"];
            let has_one = |words: &[&str]| words.iter().any(|words| lower.contains(words));
            !lower.contains("context canceled")
                && (has_one(&lost) || (has_one(&retrieving) && has_one(&in_time)))
        }
        SymptomKind::CoreDnsSlow => {
            has("Local health request to ")
                && any(&["took more than 1s", "deadline exceeded", "Client.Timeout"])
        }
        SymptomKind::MetricsServerTimeouts => has("http: Handler timeout"),
    }
}

/// kube-apiserver: etcd's own errors as its client prints them (etcd
/// api/v3rpc/rpctypes/error.go, client/v3/retry_interceptor.go), gRPC's
/// connections, its health check and the handlers' timeouts (apiserver
/// pkg/server). What somebody cancelled is no symptom: clients do that all
/// day, and a server that starts has no connection yet.
fn api_server_suffers(line: &str) -> bool {
    let has = |words: &str| line.contains(words);
    let cancelled = || ["canceled", "Canceled"].iter().any(|words| line.contains(words));
    let of_etcd = || ["etcd", ":2379"].iter().any(|words| line.contains(words));
    if has("etcdserver: request timed out")
        || has("etcdserver: leader changed")
        || has("etcdserver: no leader")
        || has("http: Handler timeout")
        || has("request did not complete within")
    {
        return true;
    }
    if has("retrying of unary invoker failed") {
        return has("code = DeadlineExceeded") || has("code = Unavailable");
    }
    if has("addrConn.createTransport failed to connect") {
        return of_etcd() && !cancelled();
    }
    if has("[-]etcd failed") || has("[-]etcd-readiness failed") {
        return !has("not yet established");
    }
    of_etcd() && has("context deadline exceeded")
}

#[cfg(test)]
#[path = "symptoms_tests.rs"]
mod tests;
