//! Bad input against a real etcd and a real container runtime: what Go's TLS
//! and a stopped process look like from here. Nothing is filled or changed.

mod common;

use std::{fs, path::Path, process::Command};

use common::{alone, judge, release, rescue::rescue};
use lab::{Lab, Master, Spec};

/// Where the certificates of the test lie inside the master.
const OURS: &str = "/etc/kubernetes/test";

/// `status`, for people and for scripts: exit code 7 and these words.
#[track_caller]
fn unreachable(master: &Master, flags: &[&str], what: &str, next: &str) {
    let args = [&["status", "--timeout", "1s"], flags].concat();
    let human = rescue(master, &args).ends(7);
    let told = human.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains(what), "`{what}` is not in: {}", human.stderr);
    assert!(told.contains("Nothing was changed in etcd."), "{}", human.stderr);
    let document = rescue(master, &[&args[..], &["-w", "json"]].concat()).ends(7).json();
    assert_eq!(document["outcome"], "unreachable");
    assert_eq!(document["exit_code"], 7);
    let error = |part: &str| document["error"][part].as_str().unwrap().to_owned();
    assert!(error("what").contains(what), "{document:#}");
    assert!(error("next").contains(next), "{document:#}");
}

/// Runs openssl where the certificates of the test are made.
fn openssl(dir: &Path, line: &str) {
    let words = line.split_whitespace();
    let output = Command::new("openssl").args(words).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A CA with the real one's name, a client of it, and a client of the real CA
/// without any extension, as people make them by hand.
fn make_certificates(master: &Master) {
    let dir = master.path(OURS);
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("client.ext"), "extendedKeyUsage=clientAuth\n").unwrap();
    openssl(&dir, "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -subj /CN=etcd-ca");
    openssl(&dir, "req -newkey rsa:2048 -nodes -keyout x.key -out x.csr -subj /CN=x");
    let sign = "x509 -req -in x.csr -CAcreateserial -days 2";
    openssl(&dir, &format!("{sign} -CA ca.crt -CAkey ca.key -extfile client.ext -out x.crt"));
    let pki = master.path("/etc/kubernetes/pki/etcd");
    let real = format!("-CA {0}/ca.crt -CAkey {0}/ca.key", pki.display());
    openssl(&dir, &format!("{sign} {real} -out plain.crt"));
}

#[test]
fn a_real_etcd_that_cannot_be_talked_to() {
    let _turn = alone();
    let lab = Lab::up(Spec::new(1, &[release("3.5")])).unwrap();
    let master = lab.master("master-1");
    make_certificates(master);
    let ours = |name: &str| format!("{OURS}/{name}");
    let (ca, key) = ("/etc/kubernetes/pki/etcd/ca.crt", ours("x.key"));
    let stranger = ["--cacert", ca, "--cert", &ours("x.crt"), "--key", &key];
    let refused = "the server refused our client certificate";
    unreachable(master, &stranger, refused, "--cert FILE --key FILE --timeout 1s`");
    let by_hand = ["status", "--cacert", ca, "--cert", &ours("plain.crt"), "--key", &key];
    rescue(master, &by_hand).ends(0);
    let wrong = "was not signed by the CA in /etc/kubernetes/test/ca.crt, only by one of its name";
    unreachable(master, &["--cacert", &ours("ca.crt")], wrong, "--cacert FILE --timeout 1s`");

    let url = |scheme: &str, port: u16| format!("{scheme}://{}:{port}", master.ip());
    let plain = url("http", 2379);
    let tls = format!("status --endpoints {} --timeout 1s`", url("https", 2379));
    unreachable(master, &["--endpoints", &plain], "write https://", &tls);
    let peer = url("https", 2380);
    unreachable(master, &["--endpoints", &peer], "its port for other members", "locate");
    unreachable(master, &["--endpoints", &url("https", 2399)], "nobody listens", "logs --tail");
    let black = ["--endpoints", "https://192.0.2.1:2379"];
    unreachable(master, &black, "no answer to the TCP connect", "firewall");

    master.signal("etcd", "STOP").unwrap();
    unreachable(master, &[], "took the connection, but", "logs --tail 30");
    let human = rescue(master, &["recover", "--yes", "--timeout", "1s"]).ends(7);
    assert!(human.stderr.contains("The etcd container is running."), "{}", human.stderr);
    master.signal("etcd", "CONT").unwrap();
    assert!(judge::put(master, "/after"));
}
