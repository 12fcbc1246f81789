//! Liveness and startup probes of one running container. Decides when it has to
//! be killed; does not kill.

use std::{future::pending, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};

use super::{
    Clock,
    manifests::{ContainerSpec, HttpGet, Probe},
    say,
};

/// Resolves when a probe has failed too often, with the sentence for the log.
/// `age` is how long the container has been running. A container that is `new`
/// (never restarted) is asked from the start whether it is up: in a lab etcd may
/// be full before a real kubelet would have asked once, which would make the
/// startup probe fail where in real life it passed long ago.
pub async fn verdict(container: &ContainerSpec, age: Duration, new: bool, clock: Clock) -> String {
    let started = Instant::now().checked_sub(age).unwrap_or_else(Instant::now);
    if let Some(probe) = &container.startup_probe {
        let watch = Watch { probe, kind: "startup", name: &container.name, clock };
        let early = new && watch.passes_early(started).await;
        if !early && let Outcome::Failed = watch.until_up(started).await {
            return format!("Container {} failed startup probe, will be restarted", container.name);
        }
        say(&format!("{}{}", container.name, STARTED));
    }
    let Some(probe) = &container.liveness_probe else { return pending().await };
    (Watch { probe, kind: "liveness", name: &container.name, clock }).until_down(started).await;
    format!("Container {} failed liveness probe, will be restarted", container.name)
}

/// What the log says of a container whose startup probe has passed.
pub const STARTED: &str = " passed its startup probe";

enum Outcome {
    Up,
    Failed,
}

struct Watch<'a> {
    probe: &'a Probe,
    kind: &'a str,
    name: &'a str,
    clock: Clock,
}

impl Watch<'_> {
    async fn passes_early(&self, started: Instant) -> bool {
        let end = started + self.clock.seconds(self.probe.initial_delay_seconds);
        while Instant::now() < end {
            if self.request().await.is_ok() {
                return true;
            }
            sleep(Duration::from_millis(100)).await;
        }
        false
    }

    async fn until_up(&self, started: Instant) -> Outcome {
        let mut failures = 0;
        sleep_until(started + self.clock.seconds(self.probe.initial_delay_seconds)).await;
        loop {
            let next = Instant::now() + self.clock.seconds(self.probe.period_seconds);
            if self.ask().await {
                return Outcome::Up;
            }
            failures += 1;
            if failures >= self.probe.failure_threshold {
                return Outcome::Failed;
            }
            sleep_until(next).await;
        }
    }

    async fn until_down(&self, started: Instant) {
        let mut failures = 0;
        sleep_until(started + self.clock.seconds(self.probe.initial_delay_seconds)).await;
        loop {
            let next = Instant::now() + self.clock.seconds(self.probe.period_seconds);
            failures = if self.ask().await { 0 } else { failures + 1 };
            if failures >= self.probe.failure_threshold {
                return;
            }
            sleep_until(next).await;
        }
    }

    async fn ask(&self) -> bool {
        let answer = self.request().await;
        if let Err(complaint) = &answer {
            say(&format!("{} probe of {} failed: {complaint}", self.kind, self.name));
        }
        answer.is_ok()
    }

    async fn request(&self) -> Result<(), String> {
        let Some(get) = self.probe.http_get.clone() else { return Ok(()) };
        let timeout = self.clock.seconds(self.probe.timeout_seconds);
        let answer = tokio::task::spawn_blocking(move || request(&get, timeout)).await;
        answer.unwrap_or_else(|error| Err(error.to_string()))
    }
}

/// Like a kubelet: any certificate will do, 200 to 399 is success.
fn request(get: &HttpGet, timeout: Duration) -> Result<(), String> {
    let scheme = get.scheme.as_deref().unwrap_or("HTTP").to_lowercase();
    let host = get.host.as_deref().unwrap_or("127.0.0.1");
    let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .proxy(None)
        .max_redirects(0)
        .tls_config(tls)
        .build()
        .into();
    let url = format!("{scheme}://{host}:{}{}", get.port, get.path);
    let answer = agent.get(&url).call().map_err(|error| error.to_string())?;
    match answer.status().as_u16() {
        200..=399 => Ok(()),
        status => Err(format!("HTTP probe failed with statuscode: {status}")),
    }
}
