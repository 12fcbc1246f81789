//! Reads what an etcd error answer means. Texts count before codes, because
//! codes changed between releases and texts did not.

use tonic::{Code, Status};

use super::error::WireErrorKind as Kind;

/// Error texts of etcd 3.4 to 3.7 (api/v3rpc/rpctypes/error.go), and Go's
/// ENOSPC text that a failed defragmentation carries. Order matters: the
/// first that is contained wins.
const TEXTS: &[(&str, Kind)] = &[
    ("no space left on device", Kind::DiskFull),
    ("database space exceeded", Kind::NoSpace),
    ("etcdserver: no space", Kind::NoSpace),
    ("required revision has been compacted", Kind::Compacted),
    ("required revision is a future revision", Kind::FutureRevision),
    ("etcdserver: no leader", Kind::NoLeader),
    ("etcdserver: leader changed", Kind::LeaderChanged),
    ("etcdserver: request timed out", Kind::RequestTimedOut),
    ("etcdserver: too many requests", Kind::TooManyRequests),
    // For a moment after its start, until the cluster's version is known:
    // Unavailable up to 3.5, FailedPrecondition from 3.6 on.
    ("etcdserver: not capable", Kind::Other(Code::Unavailable as i32)),
    ("not supported for learner", Kind::NotSupportedForLearner),
    ("etcdserver: corrupt cluster", Kind::Corrupt),
    ("user name is empty", Kind::AuthRequired),
    ("user name not found", Kind::LoginRefused),
    ("authentication failed", Kind::LoginRefused),
    ("etcdserver: permission denied", Kind::PermissionDenied),
    ("invalid auth token", Kind::InvalidToken),
    ("revision of auth store is old", Kind::InvalidToken),
    ("context deadline exceeded", Kind::Deadline),
    // tonic's own word (tonic codec/decode.rs), as a client cannot know before.
    ("decoded message length too large", Kind::TooLarge),
];

/// The kind of an error that the server sent.
#[must_use]
pub fn kind(status: &Status) -> Kind {
    let known = TEXTS.iter().find(|(text, _)| status.message().contains(text));
    if let Some((_, kind)) = known {
        return *kind;
    }
    match status.code() {
        Code::DeadlineExceeded => Kind::Deadline,
        Code::DataLoss => Kind::Corrupt,
        Code::PermissionDenied => Kind::PermissionDenied,
        Code::Unauthenticated => Kind::InvalidToken,
        code => Kind::Other(code as i32),
    }
}

/// Whether a login was refused only because etcd has authentication off;
/// etcdctl goes on without a token then, and so do we.
#[must_use]
pub fn is_auth_off(status: &Status) -> bool {
    status.message().contains("authentication is not enabled")
}

/// Whether the answer shows that the service itself is missing there.
#[must_use]
pub fn is_unknown_service(status: &Status) -> bool {
    status.code() == Code::Unimplemented
}

/// What etcd said, in one line; its code when it said nothing.
#[must_use]
pub fn text(status: &Status) -> String {
    let message = status.message().trim();
    if message.is_empty() {
        format!("etcd answered with gRPC status {:?} and no text", status.code())
    } else {
        message.replace(['\n', '\r'], " ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_release_are_known() {
        use Code::*;
        let cases = [
            (ResourceExhausted, "etcdserver: mvcc: database space exceeded", Kind::NoSpace),
            (Unknown, "write /d/db.tmp.1: no space left on device", Kind::DiskFull),
            (OutOfRange, "etcdserver: mvcc: required revision has been compacted", Kind::Compacted),
            (
                OutOfRange,
                "etcdserver: mvcc: required revision is a future revision",
                Kind::FutureRevision,
            ),
            (Unavailable, "etcdserver: no leader", Kind::NoLeader),
            (Unavailable, "etcdserver: request timed out", Kind::RequestTimedOut),
            (
                Unavailable,
                "etcdserver: request timed out, possibly due to previous leader failure",
                Kind::RequestTimedOut,
            ),
            (
                Unavailable,
                "etcdserver: request timed out, waiting for the applied index took too long",
                Kind::RequestTimedOut,
            ),
            (ResourceExhausted, "etcdserver: too many requests", Kind::TooManyRequests),
            (
                Unavailable,
                "etcdserver: rpc not supported for learner",
                Kind::NotSupportedForLearner,
            ),
            (
                FailedPrecondition,
                "etcdserver: rpc not supported for learner",
                Kind::NotSupportedForLearner,
            ),
            (DataLoss, "etcdserver: corrupt cluster", Kind::Corrupt),
            (InvalidArgument, "etcdserver: user name is empty", Kind::AuthRequired),
            (
                InvalidArgument,
                "etcdserver: authentication failed, invalid user ID or password",
                Kind::LoginRefused,
            ),
            (PermissionDenied, "etcdserver: permission denied", Kind::PermissionDenied),
            (Unauthenticated, "etcdserver: invalid auth token", Kind::InvalidToken),
            (Unavailable, "etcdserver: leader changed", Kind::LeaderChanged),
            (DeadlineExceeded, "", Kind::Deadline),
            (NotFound, "etcdserver: requested lease not found", Kind::Other(5)),
            (Unavailable, "etcdserver: not capable", Kind::Other(14)),
            (FailedPrecondition, "etcdserver: not capable", Kind::Other(14)),
            (FailedPrecondition, "etcdserver: not leader", Kind::Other(9)),
        ];
        for (code, text, expected) in cases {
            assert_eq!(kind(&Status::new(code, text)), expected, "{text}");
        }
    }

    #[test]
    fn an_answer_without_text_still_says_something() {
        let said = text(&Status::new(Code::Internal, " "));
        assert_eq!(said, "etcd answered with gRPC status Internal and no text");
    }
}
