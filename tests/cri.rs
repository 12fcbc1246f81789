//! The CRI client against a scripted runtime on a unix socket.

#[path = "fake/cri.rs"]
mod fake;

use std::{os::unix::fs::PermissionsExt, path::Path, time::Duration};

use etcd_rescue::{
    model::{Bytes, FreeableKind},
    observe::{
        container::{FindError, find_container, find_etcd},
        disk,
        freeable::unused_images,
        host::HostRoot,
    },
    wire::{
        cri::{Cri, CriError},
        proto::cri::Image,
    },
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

#[tokio::test]
async fn images_that_nothing_uses_are_told_when_they_share_the_disk() {
    let store = tempfile::tempdir().expect("a directory");
    let device = disk::filesystem(store.path()).expect("there").device;
    let image = |id: &str, tag: &str, size| Image {
        id: format!("sha256:{id:0<64}"),
        repo_tags: vec![format!("registry.example/{tag}")],
        size,
        ..Image::default()
    };
    for api in [Api::V1, Api::V1Alpha2] {
        let used = image("a1", "etcd:3.5.16-0", 90);
        let pinned = Image { pinned: true, ..image("a2", "sandbox:1", 5) };
        let etcd = FakeContainer { image_ref: used.id.clone(), ..FakeContainer::etcd("abc", "{}") };
        let images = vec![used, pinned, image("b1", "old:1", 30), image("b2", "old:2", 40)];
        let image_store = store.path().display().to_string();
        let script =
            FakeCri { api, containers: vec![etcd], images, image_store, ..FakeCri::default() };
        let (dir, cri) = connected(script).await;
        let cri = cri.expect("connected");
        let host = HostRoot::default();
        assert_eq!(unused_images(&cri, &host, device + 1).await, None, "another filesystem");
        let found = unused_images(&cri, &host, device).await.expect("some");
        assert_eq!((found.kind, found.bytes), (FreeableKind::UnusedImages, Bytes(70)));
        let socket = dir.path().join("cri.sock");
        let names = "registry.example/old:2 registry.example/old:1";
        assert_eq!(
            found.command,
            format!(
                "crictl --runtime-endpoint unix://{} rmi b200000000000 b100000000000",
                socket.display()
            )
        );
        assert_eq!(
            found.otherwise,
            Some(format!("ctr -a {} -n k8s.io images rm {names}", socket.display()))
        );
    }
}

#[tokio::test]
async fn a_runtime_that_hangs_is_not_asked_for_images_for_ever() {
    let store = tempfile::tempdir().expect("a directory");
    let device = disk::filesystem(store.path()).expect("there").device;
    let image_store = store.path().display().to_string();
    let dir = tempfile::tempdir().expect("a directory");
    let socket = dir.path().join("cri.sock");
    FakeCri { delay: Duration::from_secs(60), image_store, ..FakeCri::default() }.serve(&socket);
    let cri = Cri::connect(&socket, Duration::from_millis(200)).await.expect("connected");
    assert_eq!(unused_images(&cri, &HostRoot::default(), device).await, None);
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
