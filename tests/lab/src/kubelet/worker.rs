//! Keeps one static pod as its manifest says, until told to end it.

use std::{
    collections::HashMap,
    fs,
    path::PathBuf,
    rc::Rc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use tokio::{sync::watch, time::sleep};

use super::{
    Clock,
    backoff::Backoff,
    manifests::{ContainerSpec, StaticPod},
    pod, probe,
    runtime::{Runtime, label},
    say,
};
use crate::wire::cri::{Container, ContainerState, PodSandboxState};

/// How often the runtime is asked what runs. A kubelet does once a second.
const LOOK: u64 = 1;

pub struct Worker {
    pod: StaticPod,
    runtime: Rc<Runtime>,
    clock: Clock,
    stopped: watch::Receiver<bool>,
    backoffs: HashMap<String, Backoff>,
    /// Containers whose end was counted already, with when they may start again.
    ended: HashMap<String, SystemTime>,
}

impl Worker {
    pub fn new(
        pod: StaticPod,
        runtime: Rc<Runtime>,
        clock: Clock,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        Self { pod, runtime, clock, stopped, backoffs: HashMap::new(), ended: HashMap::new() }
    }

    /// Runs until the pod was told to stop and has ended.
    pub async fn run(mut self) {
        say(&format!("pod {} ({}) is wanted", self.pod.full_name(), self.pod.uid));
        let mut stopped = self.stopped.clone();
        loop {
            tokio::select! {
                _ = stopped.wait_for(|&stop| stop) => break,
                result = self.keep() => {
                    let Err(error) = result;
                    say(&format!("pod {}: {error:#}", self.pod.full_name()));
                    sleep(Duration::from_millis(300)).await;
                }
            }
        }
        let grace = self.clock.grace(self.pod.manifest.spec.termination_grace_period_seconds);
        while let Err(error) = self.runtime.end_pod(&self.pod.uid, grace).await {
            say(&format!("ending pod {}: {error:#}", self.pod.full_name()));
            sleep(Duration::from_millis(300)).await;
        }
        say(&format!("pod {} has ended", self.pod.full_name()));
    }

    /// Looks and mends, over and over; only ever returns an error.
    async fn keep(&mut self) -> Result<std::convert::Infallible> {
        let specs = self.pod.manifest.spec.containers.clone();
        let mut look = self.clock.seconds(LOOK).max(Duration::from_millis(100));
        loop {
            let sandbox = self.ready_sandbox().await?;
            let all = self.runtime.containers(&self.pod.uid).await?;
            let mut watched = Vec::new();
            for spec in &specs {
                let mine: Vec<_> = all.iter().filter(|c| is_called(c, &spec.name)).collect();
                match mine.last() {
                    Some(last) if runs(last) && last.pod_sandbox_id == sandbox => {
                        watched.push((spec, last.id.clone()))
                    }
                    last => look = look.min(self.revive(spec, last.copied(), &sandbox).await?),
                }
                self.remove_old(&mine).await;
            }
            self.watch(&watched, look).await?;
            look = self.clock.seconds(LOOK).max(Duration::from_millis(100));
        }
    }

    /// Probes the running containers until one has to be killed (and kills it) or
    /// one is no longer there.
    async fn watch(&self, running: &[(&ContainerSpec, String)], look: Duration) -> Result<()> {
        let mut verdicts = tokio::task::JoinSet::new();
        for (spec, id) in running {
            let status = self.runtime.container_status(id).await?;
            let (spec, id, clock) = ((*spec).clone(), id.clone(), self.clock);
            let age = since_epoch()
                .saturating_sub(Duration::from_nanos(status.started_at.unsigned_abs()));
            let new = status.metadata.is_some_and(|metadata| metadata.attempt == 0);
            verdicts.spawn_local(async move { (probe::verdict(&spec, age, new, clock).await, id) });
        }
        let all_run = self.pod.manifest.spec.containers.len() == running.len();
        loop {
            tokio::select! {
                Some(Ok((sentence, id))) = verdicts.join_next() => {
                    say(&sentence);
                    let grace = self.clock.grace(self.pod.manifest.spec.termination_grace_period_seconds);
                    return self.runtime.stop_container(&id, grace).await;
                }
                () = sleep(look) => {}
            }
            let now = self.runtime.containers(&self.pod.uid).await?;
            let sandbox_lives = running.is_empty() || self.has_ready_sandbox().await?;
            let still =
                |id: &String| now.iter().any(|container| container.id == *id && runs(container));
            if !all_run || !sandbox_lives || !running.iter().all(|(_, id)| still(id)) {
                return Ok(());
            }
        }
    }

    async fn has_ready_sandbox(&self) -> Result<bool> {
        let all = self.runtime.sandboxes(Some(&self.pod.uid)).await?;
        Ok(all.iter().any(|sandbox| sandbox.state() == PodSandboxState::SandboxReady))
    }

    /// The pod's running sandbox; a new one when there is none, with the next
    /// number, since the runtime keeps the names of dead ones reserved.
    async fn ready_sandbox(&self) -> Result<String> {
        let all = self.runtime.sandboxes(Some(&self.pod.uid)).await?;
        if let Some(ready) =
            all.iter().find(|sandbox| sandbox.state() == PodSandboxState::SandboxReady)
        {
            return Ok(ready.id.clone());
        }
        let attempts = all.iter().filter_map(|sandbox| Some(sandbox.metadata.as_ref()?.attempt));
        let attempt = attempts.max().map_or(0, |last| last + 1);
        fs::create_dir_all(pod::log_directory(&self.pod))?;
        let id = self.runtime.run_sandbox(pod::sandbox(&self.pod, attempt)).await?;
        say(&format!("sandbox {attempt} of {} is {}", self.pod.full_name(), &id[..12]));
        Ok(id)
    }

    /// Starts a container unless it has to wait; returns how long to wait.
    async fn revive(
        &mut self,
        spec: &ContainerSpec,
        last: Option<&Container>,
        sandbox: &str,
    ) -> Result<Duration> {
        let attempt = match last {
            None => 0,
            Some(dead) => {
                let start = self.next_start(spec, dead).await?;
                if let Ok(wait) = start.duration_since(SystemTime::now()) {
                    return Ok(wait.max(Duration::from_millis(10)));
                }
                dead.metadata.as_ref().map_or(0, |metadata| metadata.attempt + 1)
            }
        };
        fs::create_dir_all(PathBuf::from(pod::log_directory(&self.pod)).join(&spec.name))?;
        let config = pod::container(&self.pod, spec, attempt);
        let pod_config = pod::sandbox(&self.pod, 0);
        if let Some(path) = pod::missing_directory(&self.pod) {
            anyhow::bail!("hostPath type check failed: {path} is not a directory");
        }
        let id = self.runtime.run_container(sandbox, config, pod_config).await?;
        say(&format!("container {} attempt {attempt} is {}", spec.name, &id[..12]));
        Ok(Duration::ZERO)
    }

    async fn next_start(&mut self, spec: &ContainerSpec, dead: &Container) -> Result<SystemTime> {
        if let Some(&start) = self.ended.get(&dead.id) {
            return Ok(start);
        }
        let status = self.runtime.container_status(&dead.id).await?;
        let (from, to) = (status.started_at.unsigned_abs(), status.finished_at.unsigned_abs());
        let lasted = Duration::from_nanos(to.saturating_sub(from));
        let delay =
            self.backoffs.entry(spec.name.clone()).or_default().next_delay(lasted, self.clock);
        say(&format!(
            "container {} ended with {} ({}); next start in {delay:?}",
            spec.name, status.exit_code, status.reason
        ));
        let start = UNIX_EPOCH + Duration::from_nanos(to) + delay;
        self.ended.insert(dead.id.clone(), start);
        Ok(start)
    }

    /// Keeps the newest container and the one before it.
    async fn remove_old(&self, mine: &[&Container]) {
        let keep = if mine.last().is_some_and(|last| runs(last)) { 2 } else { 1 };
        for old in &mine[..mine.len().saturating_sub(keep)] {
            if self.runtime.remove_container(&old.id).await.is_ok() {
                let attempt = old.metadata.as_ref().map_or(0, |metadata| metadata.attempt);
                let name = old.labels.get(label::CONTAINER_NAME).map_or("", String::as_str);
                let log = PathBuf::from(pod::log_directory(&self.pod))
                    .join(name)
                    .join(format!("{attempt}.log"));
                let _ = fs::remove_file(log);
            }
        }
    }
}

fn is_called(container: &Container, name: &str) -> bool {
    container.labels.get(label::CONTAINER_NAME).is_some_and(|own| own == name)
}

fn runs(container: &Container) -> bool {
    container.state() == ContainerState::ContainerRunning
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
