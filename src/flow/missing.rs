//! Members that do not answer: a person's word to go on without one, and what
//! is left to do for it afterwards.

use crate::{
    failure::Failure,
    model::{Member, Refusal, RefusalKind, SilenceKind, World},
    say::json::LeftMember,
    settings::quoted,
};

use super::{failures, no_start, relocate, session::Session};

/// The names a person types to go on without members that are missing, when
/// nothing else forbids it. `None`: there is nobody to ask, they stopped, or
/// it is not only about missing members.
pub async fn ask_to_go_on_without(session: &Session, refusals: &[Refusal]) -> Option<Vec<String>> {
    if session.settings.yes || session.settings.dry_run || !session.voice.can_ask() {
        return None;
    }
    let mut names = Vec::new();
    for refusal in refusals {
        let name = refusal.flag.as_deref()?.strip_prefix("--allow-missing ")?;
        if refusal.kind != RefusalKind::MissingVoter {
            return None;
        }
        names.push((name.to_owned(), refusal));
    }
    for (name, refusal) in &names {
        session.voice.warn(&refusal.what);
        let question = format!(
            "A quorum answers, so the others can be healed without it; it stays as it is until \
             you run this again.\nType {name} to go on without it (Enter = stop):"
        );
        if session.voice.ask_line(&question).await?.trim() != name {
            return None;
        }
    }
    Some(names.into_iter().map(|(name, _)| name).collect())
}

/// Voters that do not answer, each with what it takes to heal it later.
pub fn left(session: &Session, world: &World) -> Vec<LeftMember> {
    world
        .voters()
        .filter_map(|member| Some((member, member.status.as_ref().err()?)))
        .map(|(member, silence)| LeftMember {
            name: member.label(),
            error: silence.to_string(),
            next: match no_start::here(session, world).filter(|_| member.local) {
                Some(next) => next,
                None => how_to_heal(session, member),
            },
        })
        .collect()
}

/// Closed gates, and for those about missing members also where to look at
/// each.
pub fn refused(session: &Session, world: &World, refusals: &[Refusal]) -> Failure {
    let mut failure = failures::refused(session, refusals);
    if refusals.iter().any(|refusal| refusal.kind == RefusalKind::Layout) {
        failure.layout.clone_from(&world.node.layout);
    }
    let about_members = |refusal: &Refusal| {
        matches!(refusal.kind, RefusalKind::MissingVoter | RefusalKind::NoQuorum)
    };
    if refusals.iter().any(about_members) {
        for member in left(session, world) {
            failure.next.push_str(&format!("\n{}: {}", member.name, member.next));
        }
        if let Some(broken_off) = relocate::broken_off(session) {
            failure.next = format!("{broken_off}\n{}", failure.next);
        }
    }
    failure
}

/// The lines for a member that could not be reached: from here once it is
/// back, or on its own master.
fn how_to_heal(session: &Session, member: &Member) -> String {
    let mut settings = session.settings.clone();
    settings.allow_missing.retain(|name| !member.is_called(name));
    let again = settings.command_line(&session.command_now());
    let silence = member.status.as_ref().err();
    let apart = silence.filter(|silence| silence.kind == SilenceKind::OwnNodeOnly);
    let host = apart.map_or_else(|| member.host(), |silence| silence.peer_host.as_deref());
    match host {
        Some(host) => {
            let file = std::env::current_exe().unwrap_or_else(|_| "etcd-rescue".into());
            let file = quoted(&file.to_string_lossy());
            let target = quoted(&format!("root@{host}:etcd-rescue"));
            let login = format!("root@{}", host.trim_matches(['[', ']']));
            if apart.is_some() {
                let words = session.command_now();
                return format!(
                    "on its own node: `scp {file} {target} && ssh -t {login} ./etcd-rescue {words}`"
                );
            }
            format!(
                "look at it there: `scp {file} {target} && ssh -t {login} ./etcd-rescue \
                 locate`; when it is back: `{again}` here"
            )
        }
        None => format!("when it is back: `{again}`"),
    }
}
