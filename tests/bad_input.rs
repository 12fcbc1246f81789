//! Bad input of every kind, for people and for scripts: a clear message, what
//! state the cluster is in, what to type next, the exit code - and nothing
//! changed. Connections and certificates; places and names are in `bad_places`.

mod common;
mod fake;

#[path = "common/cluster.rs"]
mod cluster;
#[path = "fake/cri.rs"]
mod cri;
#[path = "common/stage.rs"]
mod stage;

use std::{
    fs::{self, Permissions},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use cluster::{Cluster, LOCAL};
use cri::{FakeContainer, FakeCri};
use fake::{
    etcd::FakeEtcd,
    pki::{Authority, Issued},
};
use rcgen::{CertificateParams, date_time_ymd};
use stage::{Refusal, Rescue, refuses, rescue};

/// A directory that everybody may look into, with the program in it.
fn for_everybody() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let program = dir.path().join("etcd-rescue");
    fs::copy(common::rescue::binary(), &program).unwrap();
    (dir, program)
}

/// `status` of one endpoint with these files.
fn status(endpoint: &str, cacert: &Path, cert: &Path, key: &Path) -> Rescue {
    let path = |path: &Path| path.display().to_string();
    rescue(&["status", "--endpoints", endpoint]).and(&[
        "--cacert",
        &path(cacert),
        "--cert",
        &path(cert),
        "--key",
        &path(key),
    ])
}

/// No way to etcd: exit code 7.
#[track_caller]
fn unreachable(rescue: &Rescue, what: &[&str], next: &[&str]) {
    refuses(rescue, &Refusal { code: 7, outcome: "unreachable", what, next });
}

fn of_2020(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
}

#[test]
fn not_root_is_told_to_become_root() {
    let (_dir, program) = for_everybody();
    for args in [&["recover"][..], &["status"], &["locate"], &["snapshot", "save", "/tmp/x.db"]] {
        refuses(
            &rescue(args).nobody(&program),
            &Refusal {
                code: 4,
                outcome: "refused",
                what: &["not root"],
                next: &[&format!("`sudo etcd-rescue {}`", args.join(" "))],
            },
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_read_as_another_user() {
    let cluster = Cluster::start(1).await;
    let (dir, program) = for_everybody();
    let place = |path: &Path, mode: u32| {
        let copy = dir.path().join(path.file_name().unwrap());
        fs::copy(path, &copy).unwrap();
        fs::set_permissions(&copy, Permissions::from_mode(mode)).unwrap();
        copy
    };
    let (ca, cert) = (place(&cluster.cacert, 0o644), place(&cluster.cert, 0o644));
    let key = place(&cluster.key, 0o600);
    let rescue = status(&cluster.etcd.endpoint(1), &ca, &cert, &key).nobody(&program);
    unreachable(
        &rescue,
        &["cannot read the client key", "client.key: Permission denied"],
        &["--key FILE", "`etcd-rescue locate"],
    );
}

#[test]
fn no_runtime_and_no_etcd() {
    let sockets = "/run/containerd/containerd.sock";
    unreachable(
        &rescue::<&str>(&[]),
        &["no container runtime answers and no etcd process runs here", sockets],
        &["`systemctl status containerd", "`etcd-rescue --runtime-endpoint", "--cacert FILE"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_endpoint_that_is_none() {
    for set in [
        |rescue: Rescue| rescue.and(&["-r", "/nowhere/cri.sock"]),
        |rescue: Rescue| rescue.env("CONTAINER_RUNTIME_ENDPOINT", "/nowhere/cri.sock"),
    ] {
        unreachable(
            &set(rescue(&["status"])),
            &["/nowhere/cri.sock cannot be used", "there is no such socket"],
            &["unset CONTAINER_RUNTIME_ENDPOINT", "`etcd-rescue status`"],
        );
    }
    refuses(
        &rescue(&["status", "--runtime-endpoint", "tcp://10.0.0.1:1"]),
        &Refusal {
            code: 2,
            outcome: "failed",
            what: &["tcp://10.0.0.1:1 is not a unix socket"],
            next: &["unix:///run/containerd/containerd.sock", "`etcd-rescue status`"],
        },
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn several_etcd_containers_ask_for_a_choice() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("run/cri.sock");
    let container =
        |id: &str, pod: &str| FakeContainer { pod: pod.to_owned(), ..FakeContainer::etcd(id, "") };
    let ours = "1111111111111aaaaaa";
    let containers = vec![container(ours, "etcd-master-1"), container("2222222222222b", "tenant")];
    FakeCri { containers, ..FakeCri::default() }.serve(&socket);
    let socket = socket.display().to_string();
    let flag = format!("--runtime-endpoint {socket}");
    refuses(
        &rescue(&["recover", "-r", &socket]),
        &Refusal {
            code: 3,
            outcome: "needs_decision",
            what: &["several pods", "1111111111111 kube-system/etcd-master-1", "tenant running"],
            next: &[
                &format!("`etcd-rescue recover {flag} --container 1111111111111`"),
                &format!("`etcd-rescue recover {flag} --container 2222222222222`"),
            ],
        },
    );
    unreachable(
        &rescue(&["status", "-r", &socket, "--container", "333"]),
        &["--container 333: no container has an id that begins like this"],
        &[&format!("`etcd-rescue status {flag}`")],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_use() {
    let cluster = Cluster::start(1).await;
    let other = cluster.files.write("other.key", &cluster.ca.issue("other", &[]).key);
    let nowhere = Path::new("/nowhere.key");
    let secret = format!("-----BEGIN ENCRYPTED {}-----\nc2VjcmV0\n", "PRIVATE KEY");
    let encrypted = cluster.files.write("encrypted.key", &secret);
    let Cluster { cacert, cert, key, .. } = &cluster;
    let next: &[&str] = &["--cacert FILE --cert FILE --key FILE", "`etcd-rescue locate"];
    for (cacert, key, what) in [
        (cacert.as_path(), other.as_path(), "does not belong to the certificate"),
        (cacert, nowhere, "cannot read the client key /nowhere.key: No such file"),
        (cacert, cert, "holds no PEM private key"),
        (cacert, &encrypted, "is encrypted"),
        (nowhere, key, "cannot read the CA certificate /nowhere.key"),
        (key, key, "holds no PEM certificate"),
    ] {
        unreachable(&status(&cluster.etcd.endpoint(1), cacert, cert, key), &[what], next);
    }
    let old = cluster.ca.issue_with("old", &[], of_2020);
    let (cert, key) = write(&cluster, "old", &old);
    unreachable(
        &status(&cluster.etcd.endpoint(1), cacert, &cert, &key),
        &["the client certificate", "expired on 2021-01-01 (subject CN=old"],
        &["`kubeadm certs check-expiration`", "`kubeadm certs renew all`", "--cert FILE"],
    );
    assert_eq!(cluster.etcd.calls(), [""; 0]);
}

fn write(cluster: &Cluster, name: &str, pair: &Issued) -> (PathBuf, PathBuf) {
    let cert = cluster.files.write(&format!("{name}.crt"), &pair.cert);
    (cert, cluster.files.write(&format!("{name}.key"), &pair.key))
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_the_other_side_does_not_like() {
    let cluster = Cluster::start(1).await;
    let url = cluster.etcd.endpoint(1);
    let Cluster { cacert, cert, key, .. } = &cluster;
    for (name, what) in [
        ("another-ca", "(issued by CN=etcd-ca) was not signed by the CA in"),
        ("etcd-ca", "only by one of its name"),
    ] {
        let ca = Authority::new(name);
        let path = cluster.files.write("wrong-ca.crt", &ca.pem);
        let next = ["--cacert FILE", "/etc/kubernetes/pki/etcd/ca.crt"];
        unreachable(&status(&url, &path, cert, key), &[what, "wrong-ca.crt"], &next);
        let (cert, key) = write(&cluster, "stranger", &ca.issue("stranger", &[]));
        unreachable(
            &status(&url, cacert, &cert, &key),
            &["the server refused our client certificate"],
            &["--cert FILE --key FILE`", "healthcheck-client.crt"],
        );
    }
    unreachable(
        &rescue(&["status", "--endpoints", &url, "--cacert", &cacert.display().to_string()]),
        &["the server wants a client certificate"],
        &["--cert FILE --key FILE`"],
    );
    unreachable(
        &rescue(&["status", "--endpoints", &url]),
        &["no CA certificate to verify the server with"],
        &["--cacert FILE`"],
    );
    let old = Cluster::with(1, |ca| ca.issue_with("old", LOCAL, of_2020)).await;
    unreachable(
        &old.rescue(&["status"]),
        &["the server certificate expired on 2021-01-01 (subject CN=old)"],
        &["`kubeadm certs renew all`"],
    );
    let named = Cluster::with(1, |ca| ca.issue("named", &["master-9"])).await;
    unreachable(
        &named.rescue(&["status"]),
        &["the server certificate is not valid for 127.0.0.1, only for master-9"],
        &["one of the names", "--endpoints https://HOST:2379"],
    );
    for cluster in [cluster, old, named] {
        assert_eq!(cluster.etcd.calls(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_behind_which_is_no_etcd() {
    let cluster = Cluster::start(1).await;
    let Cluster { cacert, cert, key, .. } = &cluster;
    // The kernel takes the connection; nobody ever reads.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap();
    let plain = FakeEtcd::single().await;
    let plain = plain.endpoint(1).replace("http://", "https://");
    let elsewhere: &[&str] = &["--endpoints https://HOST:2379", "`etcd-rescue locate`"];
    for (endpoint, what) in [
        ("https://127.0.0.1:1", "connection refused: nobody listens on that port"),
        ("https://no-such-host.invalid:2379", "does not resolve"),
        (&format!("https://{silent}"), "said nothing in the TLS handshake for 700ms"),
        (&format!("http://{silent}"), "did not answer within 700ms"),
        (&plain, "answered the TLS greeting with something else"),
    ] {
        let rescue = status(endpoint, cacert, cert, key).and(&["--timeout", "700ms"]);
        unreachable(&rescue, &[what, endpoint], elsewhere);
    }
    let black = status("https://10.9.9.2:2379", cacert, cert, key).and(&["--timeout", "700ms"]);
    unreachable(
        &black.beside_a_black_hole(),
        &["https://10.9.9.2:2379: no answer to the TCP connect within 700ms"],
        &["no firewall drops the packets", elsewhere[0], elsewhere[1]],
    );
    let url = cluster.etcd.endpoint(1);
    unreachable(
        &status(&url.replace("https://", "http://"), cacert, cert, key),
        &["write https://"],
        &[&format!("`etcd-rescue status --endpoints {url}")],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn something_else_than_etcd() {
    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", web.local_addr().unwrap());
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for stream in web.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    unreachable(
        &rescue(&["status", "--endpoints", &url]),
        &["an HTTP/1 server answers there, not etcd"],
        &["etcd's client port is usually 2379", "--endpoints https://HOST:2379"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_wrong_or_missing() {
    let cluster = Cluster::start(1).await;
    cluster.etcd.state().login = Some(("root".to_owned(), "right".to_owned()));
    unreachable(
        &cluster.rescue(&["status", "--user", "root:wrong"]),
        &["authentication failed"],
        &["`ETCDCTL_PASSWORD=... etcd-rescue status", "--user root`"],
    );
    refuses(
        &cluster.rescue(&["status", "--user", "root"]),
        &Refusal {
            code: 2,
            outcome: "failed",
            what: &["--user has no password"],
            next: &["ETCDCTL_PASSWORD=... etcd-rescue --user NAME"],
        },
    );
}
