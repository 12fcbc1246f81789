//! Bad input of every kind, continued: keys and certificates, ours and the
//! server's.

mod common;
mod fake;

#[path = "common/cluster.rs"]
mod cluster;
#[path = "common/stage.rs"]
mod stage;

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use cluster::{Cluster, LOCAL, status};
use fake::pki::{Authority, Issued};
use rcgen::{CertificateParams, date_time_ymd};
use stage::{for_everybody, rescue, unreachable};

fn of_2020(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
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
