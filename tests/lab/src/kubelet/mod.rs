//! A small kubelet: keeps a node's static pods as their manifests say. Does what
//! matters to somebody who rescues etcd (labels, logs, probes, back-off) and
//! talks to nobody but the runtime.
//!
//! One task per pod ([`worker`]); this file only compares the manifests
//! directory with the workers.

mod backoff;
mod manifests;
mod pod;
mod probe;
mod runtime;
mod worker;

use std::{
    collections::HashMap,
    path::Path,
    rc::Rc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use tokio::{
    sync::watch,
    task::{JoinHandle, LocalSet},
};

use self::{
    manifests::{Node, StaticPod},
    runtime::Runtime,
    worker::Worker,
};

/// Its configuration file: what others look for in it.
pub fn config(socket: &str, manifests: &str) -> String {
    format!(
        "apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
containerRuntimeEndpoint: unix://{socket}
staticPodPath: {manifests}
"
    )
}

/// The environment variable with the number all times are divided by.
pub const SPEED: &str = "ETCD_RESCUE_LAB_SPEED";

/// Whether a kubelet, this one or the real one, that wrote this log has seen etcd
/// start.
pub fn has_started_etcd(log: &str) -> bool {
    let sentence = format!("etcd{}", probe::STARTED);
    let real =
        |line: &str| line.contains("Startup probe for ") && line.ends_with(":etcd\" succeeded");
    log.lines().any(|line| line.ends_with(&sentence) || real(line))
}

/// Where static pods and the runtime are, unless flags say something else.
const MANIFESTS: &str = "/etc/kubernetes/manifests";
const SOCKET: &str = "/run/containerd/containerd.sock";

/// How fast time runs for this kubelet.
#[derive(Clone, Copy)]
pub struct Clock {
    speed: u32,
}

impl Clock {
    fn seconds(self, seconds: u64) -> Duration {
        Duration::from_secs(seconds) / self.speed
    }

    /// A grace period. Never cut below ten seconds: how long etcd needs for a
    /// clean exit is etcd's own time, and exit code 137 instead of 0 would be a
    /// different story.
    fn grace(self, seconds: u64) -> Duration {
        self.seconds(seconds).max(Duration::from_secs(seconds.min(10)))
    }
}

/// Runs until killed, by these words of its command line.
pub fn run(words: &[String]) -> Result<()> {
    let flag = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
    let manifests = flag("--pod-manifest-path=").unwrap_or(MANIFESTS);
    let socket = flag("--container-runtime-endpoint=unix://").unwrap_or(SOCKET);
    let speed = std::env::var(SPEED).ok().and_then(|text| text.parse().ok()).unwrap_or(1).max(1);
    let node = Node {
        name: nix::unistd::gethostname()?.to_string_lossy().into_owned(),
        machine_id: std::fs::read_to_string("/etc/machine-id")?.trim().to_owned(),
    };
    let asynchronous = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tasks = LocalSet::new();
    tasks.block_on(
        &asynchronous,
        keep_pods(&node, Clock { speed }, Path::new(socket), Path::new(manifests)),
    )
}

struct Handle {
    full_name: String,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

async fn keep_pods(node: &Node, clock: Clock, socket: &Path, manifests: &Path) -> Result<()> {
    let runtime = Rc::new(Runtime::new(socket));
    let mut workers: HashMap<String, Handle> = HashMap::new();
    say(&format!("kubelet of {} at {} times the speed", node.name, clock.speed));
    while let Err(error) = end_orphans(&runtime, node, manifests).await {
        say(&format!("the runtime does not answer: {error:#}"));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    loop {
        let wanted = manifests::read(manifests, node);
        workers.retain(|_, handle| !handle.task.is_finished());
        for (uid, handle) in &workers {
            if !wanted.iter().any(|pod| pod.uid == *uid) {
                // A worker that was told already takes no notice.
                handle.stop.send_replace(true);
            }
        }
        for pod in wanted {
            let full_name = pod.full_name();
            // A changed manifest is a new pod, and waits until the old one ended.
            if workers.values().all(|handle| handle.full_name != full_name) {
                let (stop, stopped) = watch::channel(false);
                let uid = pod.uid.clone();
                let worker = Worker::new(pod, Rc::clone(&runtime), clock, stopped);
                workers.insert(
                    uid,
                    Handle { full_name, stop, task: tokio::task::spawn_local(worker.run()) },
                );
            }
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Ends the pods an earlier kubelet left whose manifests are gone.
async fn end_orphans(runtime: &Runtime, node: &Node, manifests: &Path) -> Result<()> {
    let wanted: Vec<StaticPod> = manifests::read(manifests, node);
    for sandbox in runtime.sandboxes(None).await? {
        let uid = sandbox.metadata.unwrap_or_default().uid;
        if !wanted.iter().any(|pod| pod.uid == uid) {
            runtime.end_pod(&uid, Duration::from_secs(1)).await?;
        }
    }
    Ok(())
}

/// One line in the kubelet's log.
fn say(text: &str) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    println!("{}.{:03} {text}", now.as_secs(), now.subsec_millis());
}
