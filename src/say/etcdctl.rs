//! The etcdctl (or other) line that would do what a step does, for people who want to
//! check us or to go on by hand. Pure.

use crate::{
    model::{Located, Step, StepKind, World},
    settings::quoted,
};

/// etcdctl gives up on a call after 5 s by default
/// (`etcdctl/ctlv3/command/global.go`, `--command-timeout`), which is too
/// early for these; the server goes on regardless.
const PATIENCE: [&str; 2] = ["--command-timeout", "10m"];

/// What etcdctl is asked to do for `step`: for each call its words without
/// the program and without connection flags.
fn calls(step: &Step) -> Vec<Vec<String>> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    match &step.kind {
        // Not etcd's business.
        StepKind::HoldKubelet { .. } | StepKind::RemoveLeftOvers { .. } => Vec::new(),
        StepKind::Snapshot { path, .. } => {
            let mut call = words(&["snapshot", "save"]);
            call.push(path.display().to_string());
            vec![call]
        }
        StepKind::Compact { revision } => {
            let mut call = words(&PATIENCE);
            call.extend(words(&["compact", "--physical"]));
            call.push(revision.to_string());
            vec![call]
        }
        StepKind::Defragment { .. } => {
            let mut call = words(&PATIENCE);
            call.push("defrag".to_owned());
            vec![call]
        }
        // One call for each, which would run one after the other.
        StepKind::DefragmentTogether { .. } => Vec::new(),
        StepKind::Compare => vec![words(&["endpoint", "hashkv", "--cluster"])],
        StepKind::Disarm { .. } => vec![words(&["alarm", "disarm"])],
        StepKind::Verify => {
            vec![words(&["lease", "grant", "60"]), words(&["endpoint", "hashkv", "--cluster"])]
        }
    }
}

/// The lines of a step that is not etcd's business.
fn without_etcd(step: &Step) -> Vec<Vec<String>> {
    match &step.kind {
        StepKind::HoldKubelet { pid, .. } => ["-STOP", "-CONT"]
            .map(|signal| vec!["kill".to_owned(), signal.to_owned(), pid.to_string()])
            .to_vec(),
        _ => Vec::new(),
    }
}

/// What the line does beyond the step, or how it differs from it.
#[must_use]
pub fn difference(step: &Step) -> Option<&'static str> {
    match step.kind {
        StepKind::Disarm { .. } => Some("etcdctl clears every alarm, CORRUPT too; ours only these"),
        StepKind::HoldKubelet { .. } => {
            Some("by hand, the second line comes when everything is over, however it ends")
        }
        StepKind::RemoveLeftOvers { .. }
        | StepKind::Snapshot { .. }
        | StepKind::Compact { .. }
        | StepKind::Compare
        | StepKind::Defragment { .. }
        | StepKind::DefragmentTogether { .. }
        | StepKind::Verify => None,
    }
}

/// `--cacert --cert --key` with the paths of this node; empty without TLS.
#[must_use]
pub fn tls_flags(node: &Located) -> Vec<String> {
    let mut words = Vec::new();
    for (flag, path) in [("--cacert", &node.ca), ("--cert", &node.cert), ("--key", &node.key)] {
        if let Some(path) = path {
            words.push(flag.to_owned());
            words.push(path.value.display().to_string());
        }
    }
    words
}

/// The whole `etcdutl snapshot restore` line for this node, ready for a shell; what is not
/// known of it stands there as a word in capitals, to be filled in. `options` and `snapshot`
/// come as they are to be typed: the file quoted, `--skip-hash-check` for a database that
/// etcd never put a sum to.
#[must_use]
pub fn restore(node: &Located, options: &str, snapshot: &str) -> String {
    let name = node.name.as_ref().map_or("NAME", |found| found.value.as_str());
    // The first one will do: with more than one each would need its entry.
    let peer = node.flag("initial-advertise-peer-urls").and_then(|urls| urls.split(',').next());
    let peer = peer.unwrap_or("https://ADDRESS_OF_THIS_MASTER:2380");
    let space = if options.is_empty() { "" } else { " " };
    let wal = if node.wal_dir.is_some() { " --wal-dir NEW_WAL_DIR" } else { "" };
    format!(
        "etcdutl snapshot restore{space}{options} {snapshot} --data-dir NEW_DIR{wal} --name {} \
         --initial-cluster {} --initial-advertise-peer-urls {} --bump-revision 1000000000 \
         --mark-compacted",
        quoted(name),
        quoted(&format!("{name}={peer}")),
        quoted(peer)
    )
}

/// The commands in full, one list of words each, ready for a shell once they
/// are quoted.
#[must_use]
pub fn lines(step: &Step, world: &World) -> Vec<Vec<String>> {
    calls(step)
        .into_iter()
        .map(|call| {
            let mut words = vec!["etcdctl".to_owned()];
            words.extend(endpoint_flag(step, world));
            words.extend(tls_flags(&world.node));
            words.extend(call);
            words
        })
        .chain(without_etcd(step))
        .collect()
}

/// The commands without the TLS flags.
#[must_use]
pub fn short(step: &Step, world: &World) -> Vec<Vec<String>> {
    calls(step)
        .into_iter()
        .map(|call| {
            let mut words = vec!["etcdctl".to_owned()];
            words.extend(endpoint_flag(step, world));
            words.extend(call);
            words
        })
        .chain(without_etcd(step))
        .collect()
}

/// The commands in full, folded at `width` with backslashes so that they can
/// be pasted.
#[must_use]
pub fn folded(step: &Step, world: &World, width: usize) -> String {
    let folded: Vec<String> = lines(step, world).iter().map(|words| fold(words, width)).collect();
    folded.join("\n")
}

/// A step for the whole cluster goes to any member that answers.
fn endpoint_flag(step: &Step, world: &World) -> Vec<String> {
    let any = || world.members.iter().find(|member| member.status.is_ok());
    let endpoint = match step.endpoint.as_str() {
        "" => any().map_or("", |member| member.endpoint.as_str()),
        own => own,
    };
    match endpoint {
        "" => Vec::new(),
        url => vec!["--endpoints".to_owned(), url.to_owned()],
    }
}

/// `words` joined to lines of at most `width` columns; a flag stays with its
/// value. A single longer word stays whole.
pub(crate) fn fold(words: &[String], width: usize) -> String {
    let mut units: Vec<String> = Vec::new();
    let mut after_flag = false;
    for word in words {
        match units.last_mut() {
            Some(unit) if after_flag && !word.starts_with('-') => {
                unit.push(' ');
                unit.push_str(&quoted(word));
                after_flag = false;
            }
            _ => {
                units.push(quoted(word));
                after_flag = word.starts_with("--") && !word.contains('=');
            }
        }
    }
    let mut text = String::new();
    let mut column = 0;
    for unit in units {
        let length = unit.chars().count();
        // Two columns are kept for " \".
        if column > 0 && column + 1 + length + 2 > width {
            text.push_str(" \\\n  ");
            column = 2;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(&unit);
        column += length;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Found, Manifest};
    use crate::say::human::testing::{plan, world};

    #[test]
    fn each_step_has_its_line() {
        let (world, plan) = (world(), plan());
        let short: Vec<String> = plan
            .steps
            .iter()
            .flat_map(|step| super::short(step, &world))
            .map(|words| words.join(" "))
            .collect();
        assert_eq!(
            short,
            [
                "etcdctl --endpoints https://10.0.0.12:2379 snapshot save \
                 /var/backups/etcd-rescue/before.db",
                "etcdctl --endpoints https://10.0.0.11:2379 --command-timeout 10m compact \
                 --physical 18231",
                "etcdctl --endpoints https://10.0.0.12:2379 --command-timeout 10m defrag",
                "etcdctl --endpoints https://10.0.0.13:2379 --command-timeout 10m defrag",
                "etcdctl --endpoints https://10.0.0.11:2379 --command-timeout 10m defrag",
                "etcdctl --endpoints https://10.0.0.11:2379 alarm disarm",
                "etcdctl --endpoints https://10.0.0.11:2379 lease grant 60",
                "etcdctl --endpoints https://10.0.0.11:2379 endpoint hashkv --cluster",
            ]
        );
    }

    #[test]
    fn the_full_line_has_the_certificates_and_can_be_pasted() {
        let (world, plan) = (world(), plan());
        let text = folded(&plan.steps[2], &world, 78);
        assert_eq!(
            text,
            "etcdctl --endpoints https://10.0.0.12:2379 \\
  --cacert /etc/kubernetes/pki/etcd/ca.crt \\
  --cert /etc/kubernetes/pki/etcd/healthcheck-client.crt \\
  --key /etc/kubernetes/pki/etcd/healthcheck-client.key \\
  --command-timeout 10m defrag"
        );
        assert!(text.lines().all(|line| line.len() <= 78));
    }

    #[test]
    fn a_restore_says_whose_it_is_and_moves_the_revision_on() {
        const REST: &str = " --bump-revision 1000000000 --mark-compacted";
        let unknown = restore(&Located::default(), "", "FILE");
        let url = "https://ADDRESS_OF_THIS_MASTER:2380";
        assert_eq!(
            unknown,
            format!(
                "etcdutl snapshot restore FILE --data-dir NEW_DIR --name NAME --initial-cluster \
                 NAME={url} --initial-advertise-peer-urls {url}{REST}"
            )
        );
        let args = ["etcd", "--name=m1", "--initial-advertise-peer-urls=https://10.0.0.11:2380"];
        let manifest = Manifest {
            path: "/m/etcd.yaml".into(),
            args: args.map(str::to_owned).to_vec(),
            probes: Vec::new(),
        };
        let node = Located {
            name: Some(Found::new("m1".to_owned(), "here")),
            wal_dir: Some(Found::new("/wal".into(), "here")),
            manifest: Some(manifest),
            ..Located::default()
        };
        let url = "https://10.0.0.11:2380";
        assert_eq!(
            restore(&node, "--skip-hash-check", "'a b/db'"),
            format!(
                "etcdutl snapshot restore --skip-hash-check 'a b/db' --data-dir NEW_DIR --wal-dir \
                 NEW_WAL_DIR --name m1 --initial-cluster m1={url} --initial-advertise-peer-urls \
                 {url}{REST}"
            )
        );
    }
}
