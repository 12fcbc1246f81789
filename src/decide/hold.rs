//! Whether this node's kubelet has to be held while we work, and what the
//! kubelets of other masters will do, which cannot be held from here.

use crate::model::{
    AlarmKind, Member, MemberStatus, Probe, ProbeKind, Step, StepKind, Wishes, World,
    layout::KubeletIs,
};

use super::{plan::answering, stall::stall};

/// The API server's liveness probe gives up first when etcd stalls: 8 failures,
/// 10 s apart, seen after about 70 s.
const STALL_BUDGET_MS: u64 = 70_000;

/// How much longer than its startup probe allows an etcd may be there before
/// it counts as started, in nanoseconds.
const STARTUP_SLACK: i64 = 30_000_000_000;

/// The step that holds the kubelet when it has to be held and can be, and what
/// to say about kubelets otherwise. `order` are the members to be defragmented.
pub(super) fn of_kubelets(
    world: &World,
    wishes: &Wishes,
    order: &[(&Member, &MemberStatus)],
) -> (Option<Step>, Vec<String>) {
    let others = match kubelet_is(world) {
        KubeletIs::Apart(_) => of_other_masters(world, order),
        KubeletIs::Etcd | KubeletIs::Uninvolved => Vec::new(),
    };
    let Some(why) = needs_hold(world, order) else { return (None, others) };
    let said = match &world.node.kubelet {
        _ if kubelet_is(world) == KubeletIs::Uninvolved => None,
        _ if kubelet_is(world) == KubeletIs::Etcd => Some(
            "the kubelet of this node is part of the k3s process, which is etcd itself here: it \
             is not held, and nothing probes that etcd"
                .to_owned(),
        ),
        Some(kubelet) if kubelet.stopped && kubelet.held_by.is_none() => Some(format!(
            "the kubelet of this node (pid {0}) is stopped already, by somebody else: it is left \
             as it is. Let it go on when this is over: `kill -CONT {0}`",
            kubelet.pid
        )),
        // By this very run, as there is only one at a time.
        Some(kubelet) if kubelet.held_by.is_some_and(|guardian| guardian.runs) => None,
        Some(kubelet) if !wishes.no_hold => {
            let step = Step {
                id: "hold-kubelet".to_owned(),
                member: None,
                member_name: String::new(),
                endpoint: String::new(),
                kind: StepKind::HoldKubelet { pid: kubelet.pid, why },
            };
            return (Some(step), others);
        }
        Some(_) => Some(format!("{why}. The kubelet is not held (--no-hold): {}", by_hand(world))),
        None => Some(format!("{why}. No kubelet process was found to be held: {}", by_hand(world))),
    };
    (None, said.into_iter().chain(others).collect())
}

/// What a person does about a kubelet of this node that we do not hold.
fn by_hand(world: &World) -> String {
    format!("if that gets in the way, {}", stop_and_start(world))
}

/// The lines that stop a kubelet and start it again; containers stay.
fn stop_and_start(world: &World) -> String {
    let unit = kubelet_is(world).unit();
    format!(
        "`systemctl stop {unit}` first (containers keep running), and `systemctl start {unit}` \
         afterwards"
    )
}

/// Why this node's kubelet has to be held; none when etcd survives us anyway.
#[must_use]
pub fn needs_hold(world: &World, order: &[(&Member, &MemberStatus)]) -> Option<String> {
    let version = world
        .members
        .iter()
        .find(|member| member.local)
        .and_then(|member| member.status.as_ref().ok()?.version)
        .or_else(|| world.node.version.as_ref()?.value.parse().ok());
    let failing = |kind| failing_probe(world, kind, version);
    if let Some(probe) = failing(ProbeKind::Liveness) {
        return Some(format!(
            "etcd's liveness probe ({}) fails while NOSPACE is on, and the kubelet kills etcd \
             after {} s of that",
            probe.path,
            probe_budget_ms(probe, probe.timing.period) / 1000
        ));
    }
    if let Some(probe) = failing(ProbeKind::Startup).filter(|probe| still_starting(world, probe)) {
        return Some(format!(
            "etcd was started only now, its startup probe ({}) cannot pass while NOSPACE is on, \
             and the kubelet kills etcd {} s after its start",
            probe.path,
            startup_ms(probe) / 1000
        ));
    }
    let stall = order
        .iter()
        .find(|(member, _)| member.local)
        .map(|(member, status)| stall(member, status).ms)?;
    let budget = stall_budget_ms(world);
    (stall > budget).then(|| {
        format!(
            "the defragmentation of this node's member may take up to {} s, and the probes of the \
             API server and of etcd give up after about {} s",
            stall / 1000,
            budget / 1000
        )
    })
}

/// What a stall may last on this node until the first probe has given up.
fn stall_budget_ms(world: &World) -> u64 {
    let probes = world.node.manifest.iter().flat_map(|manifest| &manifest.probes);
    // A probe that hangs takes its whole timeout.
    probes
        .filter(|probe| probe.kind == ProbeKind::Liveness)
        .map(|probe| probe_budget_ms(probe, probe.timing.period.max(probe.timing.timeout)))
        .fold(STALL_BUDGET_MS, u64::min)
}

/// The time of all failures of a probe that fails every `seconds`.
fn probe_budget_ms(probe: &Probe, seconds: u32) -> u64 {
    u64::from(probe.timing.failure_threshold) * u64::from(seconds) * 1000
}

fn startup_ms(probe: &Probe) -> u64 {
    u64::from(probe.timing.initial_delay) * 1000 + probe_budget_ms(probe, probe.timing.period)
}

/// This node's probe of that kind, when the alarms make it fail.
fn failing_probe(
    world: &World,
    kind: ProbeKind,
    version: Option<crate::model::EtcdVersion>,
) -> Option<&Probe> {
    let alarms = world.alarms().iter().filter(|alarm| alarm.kind == AlarmKind::NoSpace).count();
    let mut probes = world.node.manifest.as_ref()?.probes.iter();
    probes.find(|probe| probe.kind == kind && probe.fails_under_nospace(version, alarms))
}

/// Whether the startup probe may not have passed yet: it was started less than
/// its budget ago. Longer, and it has passed, or etcd would not run.
fn still_starting(world: &World, probe: &Probe) -> bool {
    let Some(container) = &world.node.container else { return false };
    let budget = i64::try_from(startup_ms(probe)).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    let age = world.seen_at.saturating_sub(container.started_at);
    age < budget.saturating_add(STARTUP_SLACK)
}

fn kubelet_is(world: &World) -> KubeletIs {
    world.node.layout().kubelet
}

/// The kubelets of other masters usually go by the same kind of manifest.
fn of_other_masters(world: &World, order: &[(&Member, &MemberStatus)]) -> Vec<String> {
    let others: Vec<_> = answering(world).filter(|(member, _)| !member.local).collect();
    let failing = |kind| -> Vec<(String, &Probe)> {
        let probe = |status: &MemberStatus| failing_probe(world, kind, status.version);
        let failing =
            others.iter().filter_map(|(member, status)| Some((member.label(), probe(status)?)));
        failing.collect()
    };
    let (liveness, startup) = (failing(ProbeKind::Liveness), failing(ProbeKind::Startup));
    let lines = stop_and_start(world);
    let mut said = Vec::new();
    if let Some((_, probe)) = liveness.first() {
        said.push(format!(
            "{}: where the liveness probe is the same as here ({}), the kubelet kills that etcd \
             again and again until NOSPACE is off. If one does not stay up: on that master {lines}",
            names(&liveness),
            probe.path
        ));
    } else if let Some((_, probe)) = startup.first() {
        said.push(format!(
            "{}: where the startup probe is the same as here ({}), the kubelet kills an etcd that \
             was started since NOSPACE is on. If one does not stay up: on that master {lines}",
            names(&startup),
            probe.path
        ));
    }
    let budget = stall_budget_ms(world);
    let rewritten = order.iter().filter(|(member, _)| !member.local);
    let long: Vec<String> = rewritten
        .filter(|(member, status)| stall(member, status).ms > budget)
        .map(|(member, _)| member.label())
        .collect();
    if !long.is_empty() {
        said.push(format!(
            "the defragmentation of {} may take longer than the liveness probes there allow \
             (about {} s), and being killed would waste it: on that master {lines}",
            long.join(", "),
            budget / 1000
        ));
    }
    said
}

fn names(members: &[(String, &Probe)]) -> String {
    members.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}
