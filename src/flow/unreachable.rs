//! Why there is no way to etcd, and what to type about it.

use std::path::PathBuf;

use crate::{
    decide,
    failure::{Exit, Failure},
    model::{Located, RestartCause, layout::May},
    observe::LocateError,
    settings::Settings,
    wire::{TlsError, WireError, WireErrorKind as Kind},
};

use super::{
    ended,
    failures::{UNTOUCHED, with_source},
    relocate,
    restart::Restart,
    session::Session,
};

/// etcd was not found on this node.
pub fn locate(session: &Session, error: &LocateError) -> Failure {
    let exit = match error {
        LocateError::NotRoot => Exit::Refused,
        LocateError::SeveralContainers(_) | LocateError::SeveralProcesses { .. } => {
            Exit::NeedsDecision
        }
        LocateError::RuntimeEndpointUnreadable { .. } => Exit::Usage,
        LocateError::NotEtcd(_) if changes(session) => Exit::Refused,
        LocateError::Down(it) if it.layout.may == May::Look && changes(session) => Exit::Refused,
        _ => Exit::Unreachable,
    };
    let next = match error {
        LocateError::NotRoot => format!("`sudo {}`", session.again()),
        LocateError::SeveralContainers(several) => several
            .iter()
            .map(|one| format!("`{} --container {}`", session.again(), one.short_id()))
            .collect::<Vec<_>>()
            .join("\n"),
        LocateError::RuntimeEndpointUnreadable { .. } | LocateError::RuntimeEndpointBad { .. } => {
            let without = again_with(session, |settings| settings.runtime_endpoint = None);
            format!("{}: `{without}`", error.next())
        }
        LocateError::ContainerNotFound { .. } => {
            let without = again_with(session, |settings| settings.container = None);
            format!("without it the etcd of this node is found: `{without}`")
        }
        _ => error.next(),
    };
    let layout = match error {
        LocateError::NotEtcd(detected) | LocateError::Down(detected) => Some(detected.clone()),
        _ => None,
    };
    Failure { layout, ..Failure::new(exit, error.what(), UNTOUCHED, next) }
}

/// Commands that change something, where there is something.
const CHANGING: [&str; 7] =
    ["recover", "compact", "defrag", "disarm", "purge", "prevent", "relocate"];

fn changes(session: &Session) -> bool {
    session.command.split(' ').next().is_some_and(|word| CHANGING.contains(&word))
}

/// The certificates cannot be used.
pub fn tls(session: &Session, node: &Located, error: &TlsError) -> Failure {
    let next = match error {
        TlsError::Expired { .. } | TlsError::NotYetValid { .. } => {
            let other = again_with(session, other_pair);
            format!(
                "renew it: {}; or check this machine's clock with `date`, or show another \
                 certificate: `{other}`",
                node.layout().renewal
            )
        }
        _ => format!(
            "give other files: `{}`; what was found here: `{}`",
            again_with(session, |settings| {
                settings.cacert = Some(FILE.into());
                other_pair(settings);
            }),
            session.settings.command_line("locate")
        ),
    };
    Failure::new(Exit::Unreachable, with_source(error), UNTOUCHED, next)
}

/// No endpoint can be used.
pub fn nobody_answers(session: &Session, node: &Located, errors: &[WireError]) -> Failure {
    let what = match errors {
        [] => "etcd was found, but no endpoint of it".to_owned(),
        [error] => format!("cannot talk to etcd: {error}"),
        several => {
            let lines: Vec<String> = several.iter().map(|error| format!("  {error}")).collect();
            format!("cannot talk to etcd at any endpoint:\n{}", lines.join("\n"))
        }
    };
    let kind = errors.first().map(|error| error.kind);
    let hint = kind.map(Kind::hint).unwrap_or_default();
    let mut next = String::new();
    if !hint.is_empty() {
        next.push_str(&format!("{}{}. ", hint[..1].to_uppercase(), &hint[1..]));
    }
    let restart = Restart::news(node);
    // Between two attempts, or in one that will end as the last one did.
    let dead = |restart: &&Restart| {
        ended::is_down(node) || (kind == Some(Kind::Refused) && !restart.story().passes)
    };
    match restart.as_ref().filter(dead) {
        Some(restart) => next = ended::what_to_do(session, node, restart.story()),
        None => next.push_str(&what_to_type(session, node, kind)),
    }
    let told = restart.as_ref().is_some_and(|it| it.story().cause == RestartCause::DiskFull);
    if let Some(room) = decide::could_be_freed(node).filter(|_| !(told && ended::is_down(node))) {
        next.push_str(&format!("\n{room}"));
    }
    if let Some(broken_off) = relocate::broken_off(session) {
        next = broken_off;
    }
    // It may fall silent in the middle of a plan, too.
    let record = session.record();
    let mut state = record.state();
    if let Some(container) = &node.container {
        state.push_str(&format!(" The etcd container is {}.", container.state));
    }
    if let Some(restart) = restart {
        state.push_str(&format!("\n{}.", restart.sentence()));
    }
    let exit = if record.changed_anything { Exit::Partial } else { Exit::Unreachable };
    let passing = errors.iter().all(|error| error.kind.passes());
    Failure { passing, ..Failure::new(exit, what, state, next) }
}

fn what_to_type(session: &Session, node: &Located, kind: Option<Kind>) -> String {
    match kind {
        Some(Kind::ServerCertExpired | Kind::ServerCertNotYetValid | Kind::ServerCertUnusable) => {
            format!("Renew it on that master: {}", node.layout().renewal)
        }
        Some(Kind::WrongCa | Kind::NoCa) => format!(
            "`{}` (kubeadm's is /etc/kubernetes/pki/etcd/ca.crt)",
            again_with(session, |settings| settings.cacert = Some(FILE.into()))
        ),
        Some(Kind::ClientCertRefused) => format!(
            "`{}` (kubeadm's are /etc/kubernetes/pki/etcd/healthcheck-client.crt and .key)",
            again_with(session, other_pair)
        ),
        Some(Kind::WantsTls) => format!("`{}`", again_with(session, with_tls)),
        Some(Kind::AuthRequired | Kind::LoginRefused | Kind::PermissionDenied) => {
            let without = again_with(session, |settings| settings.login = None);
            format!("`ETCDCTL_PASSWORD=... {without} --user root`")
        }
        _ if node.container.is_some() => format!(
            "See what etcd says with `{}` (and --previous), and what was found with `{}`",
            session.settings.command_line("logs --tail 30"),
            session.settings.command_line("locate")
        ),
        _ => format!(
            "`{}`, or on a master without any flag: `{} locate`",
            again_with(session, |settings| {
                settings.endpoints = vec!["https://HOST:2379".to_owned()];
            }),
            session.settings.program
        ),
    }
}

/// Stands for a path in a command line to fill in.
const FILE: &str = "FILE";

fn other_pair(settings: &mut Settings) {
    settings.cert = Some(PathBuf::from(FILE));
    settings.key = Some(PathBuf::from(FILE));
}

fn with_tls(settings: &mut Settings) {
    for url in &mut settings.endpoints {
        *url = url.replacen("http://", "https://", 1);
    }
}

/// This very command line again, with another flag.
fn again_with(session: &Session, change: impl FnOnce(&mut Settings)) -> String {
    let mut settings = session.settings.clone();
    change(&mut settings);
    settings.command_line(&session.command_now())
}
