//! Why a channel or a call failed, told apart as finely as a person needs to
//! know what to check. Carries no commands of ours: flow adds those.

use std::fmt;

/// What went wrong on the way to etcd or in its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WireErrorKind {
    /// The endpoint cannot be read as `http(s)://host:port`.
    BadEndpoint,
    /// The host name does not resolve.
    NotResolved,
    /// Nobody listens on that port.
    Refused,
    /// No route to that host or network.
    HostUnreachable,
    /// No answer to the TCP connect.
    TimedOut,
    /// TCP connected, then not a word.
    Silent,
    /// The server does not speak TLS.
    NotTls,
    /// The server speaks TLS, and the endpoint says http.
    WantsTls,
    /// TLS, but no handshake both sides accept.
    TlsRefused,
    /// The server certificate (or one it depends on) has expired.
    ServerCertExpired,
    /// The server certificate is not valid yet.
    ServerCertNotYetValid,
    /// The server certificate cannot be used for another reason.
    ServerCertUnusable,
    /// The server certificate was not signed by the CA in use.
    WrongCa,
    /// The server certificate is for other names.
    NameMismatch,
    /// The server does not accept our client certificate, or wants one.
    ClientCertRefused,
    /// An `https` endpoint and no CA to verify it with.
    NoCa,
    /// Something else than etcd answers there.
    NotEtcd,
    /// Another member than the one meant answers there.
    OtherMember,
    /// The connection broke in the middle of a call; its effect is unknown.
    Broken,
    /// The call's deadline passed; its effect is unknown.
    Deadline,
    /// The answer is larger than allowed.
    TooLarge,
    /// This program never sends such a request.
    NeverSent,
    /// The NOSPACE alarm: the database passed its quota.
    NoSpace,
    /// The filesystem of the member is full.
    DiskFull,
    /// The revision has already been compacted.
    Compacted,
    /// The revision does not exist yet.
    FutureRevision,
    /// The member knows no leader.
    NoLeader,
    /// The leader changed during the request.
    LeaderChanged,
    /// etcd itself gave up on the request; its effect is unknown.
    RequestTimedOut,
    /// The member is too far behind to take requests.
    TooManyRequests,
    /// A learner does not answer this request.
    NotSupportedForLearner,
    /// The CORRUPT alarm, or data loss.
    Corrupt,
    /// etcd has authentication on and wants a user.
    AuthRequired,
    /// The user name or password is wrong.
    LoginRefused,
    /// The user may not do this.
    PermissionDenied,
    /// The auth token is no longer valid.
    InvalidToken,
    /// Another gRPC status code.
    Other(i32),
}

impl WireErrorKind {
    /// Whether the request may have taken effect although it failed.
    #[must_use]
    pub fn effect_unknown(self) -> bool {
        matches!(self, Self::Broken | Self::Deadline | Self::RequestTimedOut | Self::LeaderChanged)
    }

    /// Whether the same request may succeed a moment later: the server was
    /// restarted, stalled or lost its leader.
    #[must_use]
    pub fn passes(self) -> bool {
        /// gRPC's UNAVAILABLE.
        const UNAVAILABLE: i32 = 14;
        self.effect_unknown()
            || matches!(
                self,
                Self::Refused
                    | Self::HostUnreachable
                    | Self::TimedOut
                    | Self::Silent
                    | Self::NoLeader
                    | Self::TooManyRequests
                    | Self::Other(UNAVAILABLE)
            )
    }

    /// What to check, one sentence without a command of ours; empty when the
    /// error says it all.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::BadEndpoint => "write the endpoint like https://10.0.0.11:2379",
            Self::NotResolved => "check the host name, or use the IP address",
            Self::Refused => "check that etcd runs on that host and listens on that port",
            Self::HostUnreachable => "check that the host is up and that a route leads there",
            Self::TimedOut => "check that the host is up and that no firewall drops the packets",
            Self::Silent => {
                "the process is stopped, overloaded, or its disk hangs: look at that host"
            }
            Self::NotTls => "the port may serve plain http, or be another service's",
            Self::TlsRefused => "check the TLS versions and ciphers etcd was started with",
            Self::ServerCertExpired => {
                "renew etcd's server certificate, and check this host's clock"
            }
            Self::ServerCertNotYetValid => "check the clocks of this host and of that one",
            Self::ServerCertUnusable => "look at the certificate etcd was started with",
            Self::WrongCa => "give the CA that signed etcd's server certificate",
            Self::NameMismatch => "dial one of the names the certificate is valid for",
            Self::ClientCertRefused => {
                "give a client certificate signed by the CA etcd trusts for clients"
            }
            Self::NoCa => "give the CA file that signed etcd's server certificate with --cacert",
            Self::NotEtcd => "check host and port: etcd's client port is usually 2379",
            Self::OtherMember => {
                "the address is shared, as a load balancer's is: give each member's own address"
            }
            Self::Broken => "etcd may have been restarted: look at its state and its log",
            Self::Deadline | Self::RequestTimedOut => {
                "etcd may still be working on it: look before sending it again"
            }
            Self::WantsTls
            | Self::TooLarge
            | Self::NeverSent
            | Self::Compacted
            | Self::LeaderChanged => "",
            Self::NoSpace => "the NOSPACE alarm is raised: writes are refused until it is cleared",
            Self::DiskFull => "free space on the filesystem that holds etcd's data directory",
            Self::FutureRevision => "use a revision not above the current one",
            Self::NoLeader => "check that more than half of the members run and reach each other",
            Self::TooManyRequests => "the member is catching up: wait until it has",
            Self::NotSupportedForLearner => "talk to a voting member",
            Self::Corrupt => "members disagree about the data: change nothing, get help",
            Self::AuthRequired => "etcd has authentication on: give a user with the root role",
            Self::LoginRefused => "check the user name and the password",
            Self::PermissionDenied => "use a user with the root role",
            Self::InvalidToken => "log in again",
            Self::Other(_) => "",
        }
    }
}

/// A failed dial or call. `Display` is one line, the endpoint first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError {
    /// What went wrong.
    pub kind: WireErrorKind,
    /// The endpoint or URL that was talked to.
    pub endpoint: String,
    /// What happened, in words.
    pub text: String,
}

impl WireError {
    pub(super) fn new(
        kind: WireErrorKind,
        endpoint: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        Self { kind, endpoint: endpoint.into(), text: text.into() }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.endpoint, self.text)
    }
}

impl std::error::Error for WireError {}
