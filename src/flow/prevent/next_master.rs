//! What follows on the other masters.

use crate::{
    cli::Prevent,
    flow::session::Session,
    model::{Bytes, Member, World},
    settings::quoted,
};

/// The members that still need it as far as it can be seen, the next one
/// first: those with another quota when one is wanted, else those behind this
/// one by name.
pub(super) fn others<'a>(world: &'a World, member: &str, quota: Option<Bytes>) -> Vec<&'a Member> {
    let mut others: Vec<&Member> =
        world.voters().filter(|other| !other.is_called(member)).collect();
    others.sort_by_key(|other| other.label());
    match quota {
        Some(quota) => others.retain(|other| !has_quota(other, quota)),
        None => others.retain(|other| other.label().as_str() > member),
    }
    others
}

/// Whether this member runs with that quota, by its own word.
pub(super) fn has_quota(member: &Member, quota: Bytes) -> bool {
    member.status.as_ref().is_ok_and(|status| status.quota.limit == Some(quota))
}

/// The line to type for the next master, with the same flags.
pub(super) fn line_for(session: &Session, member: &Member, wanted: &Prevent) -> String {
    let words = wanted.words();
    let Some(host) = member.host() else {
        return format!("on the master of {}: `./etcd-rescue {words}`", member.label());
    };
    let file = std::env::current_exe().unwrap_or_else(|_| session.settings.program.clone().into());
    let file = quoted(&file.to_string_lossy());
    let target = quoted(&format!("root@{host}:etcd-rescue"));
    let login = format!("root@{}", host.trim_matches(['[', ']']));
    // The other side's shell reads the words once more.
    let there = format!("./etcd-rescue {words}");
    let there = if there.contains('\'') { quoted(&there) } else { there };
    format!("scp {file} {target} && ssh -t {login} {there}")
}
