//! Bad input of every kind, for people and for scripts: a clear message, what
//! state the cluster is in, what to type next, the exit code - and nothing
//! changed. Finding etcd and talking to it; the other kinds are in `bad_*`.

mod common;
mod fake;

#[path = "common/cluster.rs"]
mod cluster;
#[path = "fake/cri.rs"]
mod cri;
#[path = "common/stage.rs"]
mod stage;

use std::net::TcpListener;

use cluster::{Cluster, status};
use cri::{FakeContainer, FakeCri};
use fake::etcd::FakeEtcd;
use stage::{Refusal, Rescue, for_everybody, refuses, rescue, unreachable};

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
