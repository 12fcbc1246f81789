//! What there is to say when the way back is blocked, and when it was gone.

use crate::{
    act::copy_tree::CopyError,
    failure::{Exit, Failure},
    flow::session::Session,
    model::{Bytes, Phase, UNFINISHED_CHANGE},
};

use super::{
    back::Back,
    begun::{Begun, Place},
    tell::{begun_line, leftovers, undo_line},
};

/// What the state of this node's etcd is, in the middle of it.
fn state_now(begun: &Begun) -> String {
    let etcd = match begun.place() {
        Ok(Place::Empty) => "etcd is stopped on this node",
        Ok(Place::Before) => "the old manifest is in its place",
        Ok(Place::After) => "the new manifest is in its place",
        _ => "its manifest is not known",
    };
    let phase = match begun.change.phase {
        Phase::RollingBack => ", on the way back",
        _ => "",
    };
    format!("{etcd}{phase}; the data in {} are untouched.", begun.record.from.display())
}

/// etcd does not end.
pub(super) fn does_not_end(session: &Session, begun: &Begun, who: &str) -> Failure {
    let what = format!("etcd does not end although its manifest is gone: {who}");
    let next = format!(
        "see whether the kubelet works (`systemctl status kubelet`); then `{}`",
        undo_line(session)
    );
    Failure::new(Exit::Partial, what, state_now(begun), next)
}

/// The data of the new disk could not be brought back.
pub(super) fn not_brought_back(session: &Session, begun: &Begun, error: &CopyError) -> Failure {
    Failure::new(
        Exit::Partial,
        format!("the member wrote to the new disk, and that cannot be brought back: {error}"),
        format!(
            "{} It is not started on the old data, which lack what it promised to the others.",
            state_now(begun)
        ),
        format!(
            "when the new disk is sound again: `{}`, or `{}`; when it is lost: remove this member \
             (`etcdctl member remove {}`) and add it again empty",
            begun_line(session, begun),
            undo_line(session),
            begun.record.member_id
        ),
    )
}

/// The copy that etcd ran on is not there any more.
pub(super) fn copy_is_gone(session: &Session, begun: &Begun) -> Failure {
    let missing = CopyError::Changed { path: begun.record.to.join("member/wal") };
    Failure {
        what: format!("there are no data in {} any more", begun.record.to.display()),
        ..not_brought_back(session, begun, &missing)
    }
}

/// Both directories were written to since the copy.
pub(super) fn two_histories(session: &Session, begun: &Begun) -> Failure {
    let record = &begun.record;
    Failure::new(
        Exit::Partial,
        format!(
            "etcd wrote to {} and to {} since the copy: somebody started it on the old data \
             meanwhile, and each holds what the other does not",
            record.from.display(),
            record.to.display()
        ),
        "Neither of them was touched by this run.",
        format!(
            "with other members that are well, do not choose: take etcd's manifest out of its \
             directory (`mv {} /root/`), then on another master `etcdctl member remove {}`, and \
             add it again empty. A single member: keep copies of both directories, and find out \
             by their times which one the API server wrote to last. The record is {}; `{}` \
             shows what runs",
            begun.before.path.display(),
            record.member_id,
            UNFINISHED_CHANGE,
            session.settings.command_line("locate")
        ),
    )
}

/// Somebody works with the old data although the new manifest has its place.
pub(super) fn old_data_in_use(session: &Session, begun: &Begun, error: &CopyError) -> Failure {
    let from = begun.record.from.display();
    Failure::new(
        Exit::Partial,
        format!("the new manifest is in its place, and a process works with the old data: {error}"),
        state_now(begun),
        format!(
            "see who it is: `fuser -v {from}/member/snap/db`, and end it; then `{}`",
            begun_line(session, begun)
        ),
    )
}

/// The old disk has no room for what comes back.
pub(super) fn no_room_back(
    session: &Session,
    begun: &Begun,
    free: Bytes,
    needed: Bytes,
) -> Failure {
    Failure::new(
        Exit::Partial,
        format!(
            "the old disk has {free} free, and {needed} are needed to bring back what the member \
             wrote on the new one"
        ),
        format!(
            "{} It is not started on the old data, which lack what it promised to the others.",
            state_now(begun)
        ),
        format!(
            "make room on the filesystem of {}, then `{}`; or try the new disk again: `{}`",
            begun.record.from.display(),
            undo_line(session),
            begun_line(session, begun)
        ),
    )
}

/// The old data do not do either.
pub(super) fn not_well_on_old_data(session: &Session, begun: &Begun, why: &str) -> Failure {
    Failure::new(
        Exit::Partial,
        format!("the old manifest is back, and the member is not well yet: {why}"),
        state_now(begun),
        format!(
            "look at it: `{}`; then `{}` ends this",
            session.settings.command_line("logs --tail 30"),
            undo_line(session)
        ),
    )
}

/// It did not work out, and everything is as before.
pub(super) fn rolled_back(session: &Session, begun: &Begun, why: &str, back: &Back) -> Failure {
    let record = &begun.record;
    let mut state =
        format!("Rolled back: {} runs from {} as before.", record.member, record.from.display());
    for line in leftovers(back) {
        state.push_str(&format!("\n{line}"));
    }
    let what = format!("{} was not moved to {}: {why}", record.member, record.to.display());
    let next = format!("find out what it was; then `{}`", begun_line(session, begun));
    Failure::new(Exit::Unverified, what, state, next)
}
