//! The client of one etcd endpoint: dialling, the greeting that proves it is
//! etcd, the login, and the deadline around every call. The calls themselves
//! are in `maintenance`, `keyspace` and `snapshot`.

use std::{future::Future, time::Duration};

use tokio::time::{timeout, timeout_at};
use tonic::{Request, Response, Status, metadata::AsciiMetadataValue};

use super::{
    dial::{Deadline, Target, open},
    error::{WireError, WireErrorKind as Kind},
    line::Line,
    proto::etcdserverpb::{
        AuthenticateRequest, MemberListRequest, auth_client::AuthClient,
        cluster_client::ClusterClient, kv_client::KvClient, lease_client::LeaseClient,
        maintenance_client::MaintenanceClient,
    },
    reply,
    tls::Tls,
};
use crate::settings::Login;

/// etcd's usual client port.
const PORT: u16 = 2379;
/// Largest answer of a single message; tonic's own limit of 4 MiB is below
/// what a Range may return.
const LARGEST_ANSWER: usize = 16 << 20;

/// A connection to one member. Cheap to clone; clones share the connection.
/// It never reconnects: after `Broken`, dial again.
#[derive(Clone)]
pub struct Etcd {
    line: Line,
    timeout: Duration,
    token: Option<AsciiMetadataValue>,
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
        let mut etcd = Etcd { line, timeout, token: None };
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

    /// Any answer of etcd will do, also a refusal.
    async fn greet(&self, deadline: Deadline) -> Result<(), WireError> {
        let request = self.request(MemberListRequest { linearizable: false });
        let mut client = self.cluster();
        let target = self.line.target();
        match timeout_at(deadline.at, client.member_list(request)).await {
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
        let request = self.request(AuthenticateRequest {
            name: login.name.clone(),
            password: login.password.clone(),
        });
        let mut client = AuthClient::with_origin(self.line.clone(), self.origin());
        let target = self.line.target();
        let token = match timeout_at(deadline.at, client.authenticate(request)).await {
            Ok(Ok(answer)) => answer.into_inner().token,
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

    /// Waits for an answer; `deadline` `None` waits as long as the connection
    /// lives.
    pub(super) async fn answer<T>(
        &self,
        what: &str,
        deadline: Option<Duration>,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, WireError> {
        let answered = match deadline {
            None => call.await,
            Some(span) => timeout(span, call).await.map_err(|_| self.too_late(what, span))?,
        };
        match answered {
            Ok(response) => Ok(response.into_inner()),
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

    pub(super) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            request.metadata_mut().insert("token", token.clone());
        }
        request
    }

    pub(super) fn maintenance(&self) -> MaintenanceClient<Line> {
        MaintenanceClient::with_origin(self.line.clone(), self.origin())
            .max_decoding_message_size(LARGEST_ANSWER)
    }

    pub(super) fn kv(&self) -> KvClient<Line> {
        KvClient::with_origin(self.line.clone(), self.origin())
            .max_decoding_message_size(LARGEST_ANSWER)
    }

    pub(super) fn lease(&self) -> LeaseClient<Line> {
        LeaseClient::with_origin(self.line.clone(), self.origin())
    }

    pub(super) fn cluster(&self) -> ClusterClient<Line> {
        ClusterClient::with_origin(self.line.clone(), self.origin())
            .max_decoding_message_size(LARGEST_ANSWER)
    }

    fn origin(&self) -> hyper::Uri {
        self.line.target().uri.clone()
    }
}
