//! The CRI client against a scripted runtime on a unix socket.

#[path = "fake/cri.rs"]
mod fake;

use std::{os::unix::fs::PermissionsExt, path::Path, time::Duration};

use etcd_rescue::{
    observe::container::{FindError, find_container, find_etcd},
    wire::cri::{Cri, CriError},
};
use fake::{Api, FakeContainer, FakeCri};

const TIMEOUT: Duration = Duration::from_secs(2);

async fn connected(script: FakeCri) -> (tempfile::TempDir, Result<Cri, CriError>) {
    let dir = tempfile::tempdir().expect("a directory");
    let socket = dir.path().join("cri.sock");
    script.serve(&socket);
    let cri = Cri::connect(&socket, TIMEOUT).await;
    (dir, cri)
}

fn command(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[tokio::test]
async fn both_api_versions_are_spoken() {
    for (api, name) in [(Api::V1, "v1"), (Api::V1Alpha2, "v1alpha2")] {
        let containers = vec![FakeContainer::etcd("abc", "{}")];
        let (_dir, cri) = connected(FakeCri { api, containers, ..FakeCri::default() }).await;
        let cri = cri.expect("connected");
        assert_eq!((cri.version().api, cri.version().name.as_str()), (name, "containerd"));
        let listed = cri.list_containers(&[]).await.expect("listed");
        assert_eq!(listed.len(), 1);
        let none = cri.list_containers(&[("io.kubernetes.container.name", "x")]).await;
        assert_eq!(none.map(|listed| listed.len()), Ok(0));
    }
}

#[tokio::test]
async fn a_socket_that_cannot_be_used_says_why() {
    let dir = tempfile::tempdir().expect("a directory");
    let missing = dir.path().join("none.sock");
    let error = Cri::connect(&missing, TIMEOUT).await.err();
    assert_eq!(error, Some(CriError::Missing { socket: missing }));

    let file = dir.path().join("file");
    std::fs::write(&file, "").expect("written");
    let error = Cri::connect(&file, TIMEOUT).await.err();
    assert_eq!(error, Some(CriError::Refused { socket: file }));

    let (_dir, cri) = connected(FakeCri { api: Api::Neither, ..FakeCri::default() }).await;
    assert_eq!(cri.err(), Some(CriError::Unimplemented { method: "Version" }));

    let silent = dir.path().join("silent.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&silent).expect("bound");
    let short = Duration::from_millis(100);
    let error = Cri::connect(&silent, short).await.err();
    assert_eq!(error, Some(CriError::TimedOut { method: "Version", after: short }));
}

#[tokio::test]
async fn a_slow_runtime_meets_the_deadline() {
    let dir = tempfile::tempdir().expect("a directory");
    let socket = dir.path().join("cri.sock");
    FakeCri { delay: Duration::from_secs(9), ..FakeCri::default() }.serve(&socket);
    let cri = Cri::connect(&socket, Duration::from_millis(200)).await.expect("connected");
    let error = cri.list_containers(&[]).await.err();
    assert!(
        matches!(error, Some(CriError::TimedOut { method: "ListContainers", .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn programs_run_and_missing_ones_are_told() {
    let (_dir, cri) =
        connected(FakeCri { exec: Some(Ok((3, "ran "))), ..FakeCri::default() }).await;
    let output = cri
        .expect("connected")
        .exec_sync("abc", &command(&["etcdctl", "version"]), Duration::from_secs(1))
        .await
        .expect("answered");
    assert_eq!((output.exit_code, &output.stdout[..]), (3, &b"ran etcdctl version"[..]));

    let text = "OCI runtime exec failed: exec: \"sh\": executable file not found";
    let (_dir, cri) = connected(FakeCri { exec: Some(Err(text)), ..FakeCri::default() }).await;
    let error =
        cri.expect("connected").exec_sync("abc", &command(&["sh"]), Duration::ZERO).await.err();
    assert_eq!(error, Some(CriError::Rpc { method: "ExecSync", text: text.into() }));
}

#[tokio::test]
async fn the_container_that_is_meant_is_found() {
    let etcd = |id: &str, at| FakeContainer { created_at: at, ..FakeContainer::etcd(id, "{}") };
    let containers = vec![
        FakeContainer { state: 2, ..etcd("aaa1", 1) },
        FakeContainer { state: 2, ..etcd("aaa2", 2) },
        FakeContainer { state: 2, gone: true, ..etcd("bbb", 3) },
        FakeContainer { name: "kube-apiserver".into(), ..etcd("api", 1) },
    ];
    let (_dir, cri) = connected(FakeCri { containers, ..FakeCri::default() }).await;
    let cri = cri.expect("connected");
    let found = find_etcd(&cri, None).await.expect("asked").expect("found");
    assert_eq!((found.id.as_str(), found.restarts), ("aaa2", 7), "one that is gone is passed over");
    let asked = find_etcd(&cri, Some("api")).await.expect("asked").expect("found");
    assert_eq!(asked.name, "kube-apiserver");
    for (id, error) in [
        ("aaa", FindError::Ambiguous { id: "aaa".into() }),
        ("x", FindError::NotFound { id: "x".into() }),
    ] {
        assert_eq!(find_etcd(&cri, Some(id)).await.err(), Some(error));
    }
    let api = find_container(&cri, "kube-apiserver").await.expect("asked");
    assert!(api.is_some());
    assert_eq!(find_container(&cri, "none").await, Ok(None));
}

/// Root may open everything, so this is only shown to others.
#[tokio::test]
async fn a_forbidden_socket_is_told_apart() {
    if nix::unistd::geteuid().is_root() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let socket: &Path = &dir.path().join("cri.sock");
    let _listener = std::os::unix::net::UnixListener::bind(socket).expect("bound");
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o000)).expect("set");
    let error = Cri::connect(socket, TIMEOUT).await.err();
    assert_eq!(error, Some(CriError::PermissionDenied { socket: socket.to_owned() }));
}
