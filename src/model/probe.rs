//! What an etcd under NOSPACE answers to the kubelet's probe.

use super::{Behaviour, EtcdVersion, Probe};

impl Probe {
    /// Whether etcd fails it for as long as this many NOSPACE alarms are on
    /// (`server/etcdserver/api/etcdhttp/health.go` of 3.4 to 3.7: /health looks
    /// at every alarm that is not excluded; /livez and /readyz at none of
    /// these). An unknown version is taken for a current one.
    #[must_use]
    pub fn fails_under_nospace(&self, version: Option<EtcdVersion>, alarms: usize) -> bool {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        if path != "/health" || alarms == 0 {
            return false;
        }
        if !query.split('&').any(|pair| pair == "exclude=NOSPACE") {
            return true;
        }
        version.is_some_and(|version| {
            !version.has(Behaviour::HealthExclude)
                || (alarms > 1 && version.has(Behaviour::HealthExcludesOne))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ProbeKind, ProbeTiming};

    #[test]
    fn each_probe_answers_as_its_release_does() {
        const EXCLUDE: &str = "/health?exclude=NOSPACE&serializable=true";
        for (path, version, alarms, fails) in [
            ("/health", "3.5.16", 1, true),
            ("/health", "3.5.16", 0, false),
            ("/health?serializable=true", "3.6.4", 1, true),
            (EXCLUDE, "3.5.16", 3, false),
            (EXCLUDE, "3.4.15", 1, true),
            (EXCLUDE, "3.4.18", 1, false),
            (EXCLUDE, "3.4.18", 2, true),
            (EXCLUDE, "3.4.19", 2, false),
            (EXCLUDE, "3.5.2", 2, true),
            (EXCLUDE, "3.5.3", 2, false),
            (EXCLUDE, "unknown", 2, false),
            ("/livez", "3.5.16", 2, false),
            ("/readyz", "3.6.4", 2, false),
        ] {
            let timing =
                ProbeTiming { initial_delay: 10, period: 10, timeout: 15, failure_threshold: 8 };
            let probe = Probe { kind: ProbeKind::Liveness, path: path.into(), port: None, timing };
            let told = probe.fails_under_nospace(version.parse().ok(), alarms);
            assert_eq!(told, fails, "{path} of {version} under {alarms}");
        }
    }
}
