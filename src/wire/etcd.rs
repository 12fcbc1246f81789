//! The client of one etcd endpoint: dialling, the greeting that proves it is
//! etcd, the login, and the deadline around every call. The calls themselves
//! are in `maintenance`, `keyspace` and `snapshot`.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use hyper::http::uri::PathAndQuery;
use prost::{Message, bytes::Bytes};
use tokio::time::{timeout, timeout_at};
use tonic::{Status, metadata::AsciiMetadataValue};

use super::{
    call::{self, AUTHENTICATE, Call, MEMBER_LIST, Method},
    dial::{Deadline, Target, open},
    error::{WireError, WireErrorKind as Kind},
    line::Line,
    proto::etcdserverpb::{AuthenticateRequest, MemberListRequest},
    reply,
    tls::Tls,
};
use crate::settings::Login;

/// etcd's usual client port.
const PORT: u16 = 2379;

/// How long a token is used for new calls: etcd's last 5 minutes, those that
/// are signed also while they are used (--auth-token jwt,ttl; --auth-token-ttl).
const TOKEN: Duration = Duration::from_secs(60);

/// A connection to one member. Cheap to clone; clones share the connection.
/// It never reconnects: after `Broken`, dial again.
#[derive(Clone)]
pub struct Etcd {
    line: Line,
    timeout: Duration,
    token: Option<AsciiMetadataValue>,
    /// Since when there is a token.
    since: Instant,
    /// When something was answered last.
    answered: Arc<Mutex<Instant>>,
}

impl std::fmt::Debug for Etcd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Etcd").field("endpoint", &self.endpoint()).finish_non_exhaustive()
    }
}

impl Etcd {
    /// Connects, verifies, and waits until etcd has answered once. `timeout`
    /// bounds all of that, and later every call without a deadline of its
    /// own. The first question is MemberList from local memory, because it is
    /// answered without quorum and while the member defragments (facts read
    /// in etcd 3.4-3.6: `server.go`, `cluster.go`; Status waits for the lock).
    ///
    /// # Errors
    /// Every way a channel can fail, told apart by `WireErrorKind`.
    pub async fn dial(
        endpoint: &str,
        tls: &Tls,
        login: Option<&Login>,
        timeout: Duration,
    ) -> Result<Etcd, WireError> {
        let target = Target::parse(endpoint, PORT)?;
        let deadline = Deadline::after(timeout);
        let stream = open(&target, Some(tls), b"h2", deadline).await?;
        let line = Line::start(&target, stream, tls.has_client(), deadline).await?;
        let since = Instant::now();
        let answered = Arc::new(Mutex::new(since));
        let mut etcd = Etcd { line, timeout, token: None, since, answered };
        etcd.greet(deadline).await?;
        if let Some(login) = login {
            etcd.token = etcd.log_in(login, deadline).await?;
        }
        Ok(etcd)
    }

    /// The endpoint as it was given to `dial`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.line.target().text
    }

    /// Whether the connection lives, was answered on no longer ago than that, and
    /// its token, if there is one, is not about to expire.
    pub(super) fn is_fresh(&self, age: Duration) -> bool {
        if self.token.is_some() && self.since.elapsed() >= TOKEN {
            return false;
        }
        let answered = *self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        !self.line.has_ended() && answered.elapsed() < age
    }

    /// The same connection with another deadline for its calls.
    pub(super) fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Any answer of etcd will do, also a refusal.
    async fn greet(&self, deadline: Deadline) -> Result<(), WireError> {
        let call = self.call(&MEMBER_LIST, &MemberListRequest { linearizable: false });
        let target = self.line.target();
        match timeout_at(deadline.at, call.unary()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(status)) => match self.line.failure(&status, true).await {
                Some(error) => Err(error),
                None if reply::is_unknown_service(&status) => Err(target.error(
                    Kind::NotEtcd,
                    format!("a gRPC server answers there, but not etcd: {}", reply::text(&status)),
                )),
                None => Ok(()),
            },
            Err(_) => Err(target.error(
                Kind::Silent,
                format!("took the connection, but did not answer within {:?}", deadline.span),
            )),
        }
    }

    /// The token for later calls; none when etcd has authentication off.
    async fn log_in(
        &self,
        login: &Login,
        deadline: Deadline,
    ) -> Result<Option<AsciiMetadataValue>, WireError> {
        let request =
            AuthenticateRequest { name: login.name.clone(), password: login.password.clone() };
        let call = self.call(&AUTHENTICATE, &request);
        let target = self.line.target();
        let token = match timeout_at(deadline.at, call.unary()).await {
            Ok(Ok(answer)) => self.read(&AUTHENTICATE, answer).await?.token,
            Ok(Err(status)) if reply::is_auth_off(&status) => return Ok(None),
            Ok(Err(status)) => return Err(self.failed(&status).await),
            Err(_) => {
                let text = format!("no answer to the login within {:?}", deadline.span);
                return Err(target.error(Kind::Deadline, text));
            }
        };
        let unusable = |_| target.error(Kind::InvalidToken, "etcd sent an unusable auth token");
        Ok(Some(AsciiMetadataValue::try_from(token).map_err(unusable)?))
    }

    /// Asks, and waits for the answer; `deadline` `None` waits as long as the
    /// connection lives.
    pub(super) async fn ask<A: Message, B: Message + Default>(
        &self,
        method: &Method<A, B>,
        ask: A,
        what: &str,
        deadline: Option<Duration>,
    ) -> Result<B, WireError> {
        let answer = self.answer(what, deadline, self.call(method, &ask).unary()).await?;
        self.read(method, answer).await
    }

    /// Waits for what a call brings.
    pub(super) async fn answer<T>(
        &self,
        what: &str,
        deadline: Option<Duration>,
        call: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, WireError> {
        let answered = match deadline {
            None => call.await,
            Some(span) => timeout(span, call).await.map_err(|_| self.too_late(what, span))?,
        };
        match answered {
            Ok(answer) => {
                *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
                Ok(answer)
            }
            Err(status) => Err(self.failed(&status).await),
        }
    }

    async fn read<A, B: Message + Default>(
        &self,
        _answers: &Method<A, B>,
        answer: Bytes,
    ) -> Result<B, WireError> {
        match call::read(answer) {
            Ok(message) => Ok(message),
            Err(status) => Err(self.failed(&status).await),
        }
    }

    pub(super) fn too_late(&self, what: &str, span: Duration) -> WireError {
        self.error(Kind::Deadline, format!("no answer to {what} within {span:?}"))
    }

    pub(super) async fn failed(&self, status: &Status) -> WireError {
        match self.line.failure(status, false).await {
            Some(error) => error,
            None => self.error(reply::kind(status), reply::text(status)),
        }
    }

    pub(super) fn error(&self, kind: Kind, text: impl Into<String>) -> WireError {
        self.line.target().error(kind, text)
    }

    /// The deadline given at `dial`.
    pub(super) fn usual(&self) -> Option<Duration> {
        Some(self.timeout)
    }

    pub(super) fn call<A: Message, B>(&self, method: &Method<A, B>, ask: &A) -> Call {
        Call {
            carrier: self.line.carrier(),
            origin: self.line.target().uri.clone(),
            path: PathAndQuery::from_static(method.path),
            ask: ask.encode_to_vec(),
            token: self.token.clone(),
        }
    }
}
