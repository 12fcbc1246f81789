//! The static-pod manifests as kubeadm writes them. Text out of a spec; writes
//! no file.

use std::fmt::Write;

use crate::{
    releases::Release,
    site,
    spec::{MasterSpec, Probes, Spec},
};

/// The image name of a release, as kubeadm would call it.
pub fn etcd_image(release: &Release) -> String {
    format!("registry.k8s.io/etcd:{}-0", release.version)
}

/// The image name of the API server, the stand-in's too.
pub const APISERVER_IMAGE: &str = "registry.k8s.io/kube-apiserver:v1.33.0";

/// What else kubeadm 1.20 writes for the API server, as far as it has to be.
const REAL_APISERVER: &str = "    - --allow-privileged=true
    - --authorization-mode=Node,RBAC
    - --client-ca-file=/etc/kubernetes/pki/ca.crt
    - --enable-admission-plugins=NodeRestriction
    - --insecure-port=0
    - --service-account-issuer=https://kubernetes.default.svc.cluster.local
    - --service-account-key-file=/etc/kubernetes/pki/sa.pub
    - --service-account-signing-key-file=/etc/kubernetes/pki/sa.key
    - --service-cluster-ip-range=10.96.0.0/12
";

/// etcd.yaml of the master with this index.
pub fn etcd(spec: &Spec, index: usize) -> String {
    let master = &spec.masters[index];
    let ip = site::master_ip(index);
    let command: String =
        etcd_command(spec, index).iter().map(|word| format!("    - {word}\n")).collect();
    let image = etcd_image(&master.etcd);
    let (env, data_dir) = (environment(master), &master.data_dir);
    let probes = etcd_probes(master.probes.for_release(&master.etcd));
    format!(
        "apiVersion: v1
kind: Pod
metadata:
  annotations:
    kubeadm.kubernetes.io/etcd.advertise-client-urls: https://{ip}:2379
  creationTimestamp: null
  labels:
    component: etcd
    tier: control-plane
  name: etcd
  namespace: kube-system
spec:
  containers:
  - command:
{command}{env}    image: {image}
    imagePullPolicy: IfNotPresent
{probes}    name: etcd
    resources:
      requests:
        cpu: 100m
        memory: 100Mi
    volumeMounts:
    - mountPath: /var/lib/etcd
      name: etcd-data
    - mountPath: /etc/kubernetes/pki/etcd
      name: etcd-certs
  hostNetwork: true
  priority: 2000001000
  priorityClassName: system-node-critical
  securityContext:
    seccompProfile:
      type: RuntimeDefault
  volumes:
  - hostPath:
      path: /etc/kubernetes/pki/etcd
      type: DirectoryOrCreate
    name: etcd-certs
  - hostPath:
      path: {data_dir}
      type: DirectoryOrCreate
    name: etcd-data
status: {{}}
"
    )
}

fn etcd_command(spec: &Spec, index: usize) -> Vec<String> {
    let master = &spec.masters[index];
    let (name, ip) = (site::master_name(index), site::master_ip(index));
    let peers: Vec<_> = (0..spec.masters.len())
        .map(|i| format!("{}=https://{}:2380", site::master_name(i), site::master_ip(i)))
        .collect();
    let pki = "/etc/kubernetes/pki/etcd";
    let mut flags = vec![
        format!("--advertise-client-urls=https://{ip}:2379"),
        format!("--cert-file={pki}/server.crt"),
        "--client-cert-auth=true".to_owned(),
        "--data-dir=/var/lib/etcd".to_owned(),
        format!("--initial-advertise-peer-urls=https://{ip}:2380"),
        format!("--initial-cluster={}", peers.join(",")),
        format!("--key-file={pki}/server.key"),
        format!("--listen-client-urls=https://127.0.0.1:2379,https://{ip}:2379"),
        "--listen-metrics-urls=http://127.0.0.1:2381".to_owned(),
        format!("--listen-peer-urls=https://{ip}:2380"),
        format!("--name={name}"),
        format!("--peer-cert-file={pki}/peer.crt"),
        "--peer-client-cert-auth=true".to_owned(),
        format!("--peer-key-file={pki}/peer.key"),
        format!("--peer-trusted-ca-file={pki}/ca.crt"),
        "--snapshot-count=10000".to_owned(),
        format!("--trusted-ca-file={pki}/ca.crt"),
    ];
    // The spelling kubeadm uses for the line of this version.
    match master.etcd.numbers() {
        version if version >= (3, 6, 0) => {
            flags.push("--feature-gates=InitialCorruptCheck=true".to_owned());
            flags.push("--watch-progress-notify-interval=5s".to_owned());
        }
        version if version >= (3, 5, 0) => {
            flags.push("--experimental-initial-corrupt-check=true".to_owned());
            flags.push("--experimental-watch-progress-notify-interval=5s".to_owned());
        }
        _ => {}
    }
    flags.extend(master.quota.map(|bytes| format!("--quota-backend-bytes={bytes}")));
    flags.extend(master.flags.iter().cloned());
    flags.sort();
    flags.insert(0, "etcd".to_owned());
    flags
}

fn environment(master: &MasterSpec) -> String {
    let mut text = String::new();
    for (i, (name, value)) in master.env.iter().enumerate() {
        if i == 0 {
            text.push_str("    env:\n");
        }
        let _ = writeln!(text, "    - name: {name}\n      value: {value:?}");
    }
    text
}

fn etcd_probes(probes: Probes) -> String {
    let (liveness, startup, readiness) = match probes {
        Probes::Livez | Probes::Auto => ("/livez", "/readyz", Some("/readyz")),
        Probes::Exclude => {
            ("/health?exclude=NOSPACE&serializable=true", "/health?serializable=false", None)
        }
        Probes::Health => ("/health", "/health", None),
        Probes::None => return String::new(),
    };
    let at = |path| http_get("127.0.0.1", path, 2381, "HTTP");
    let mut text = probe("liveness", &at(liveness), "initialDelaySeconds: 10", 8, 10);
    if let Some(path) = readiness {
        text.push_str(&probe("readiness", &at(path), "", 3, 1));
    }
    text + &probe("startup", &at(startup), "initialDelaySeconds: 10", 24, 10)
}

fn http_get(host: &str, path: &str, port: u16, scheme: &str) -> String {
    format!(
        "      httpGet:\n        host: {host}\n        path: {path}\n        port: {port}\n        scheme: {scheme}\n"
    )
}

fn probe(kind: &str, get: &str, delay: &str, failures: u32, period: u32) -> String {
    let delay = if delay.is_empty() { String::new() } else { format!("      {delay}\n") };
    format!(
        "    {kind}Probe:\n      failureThreshold: {failures}\n{get}{delay}      periodSeconds: {period}\n      timeoutSeconds: 15\n"
    )
}

/// kube-apiserver.yaml of the master with this index; the stand-in does without
/// most flags.
pub fn apiserver(spec: &Spec, index: usize) -> String {
    let more = if spec.real_kubelet { REAL_APISERVER } else { "" };
    let ip = site::master_ip(index);
    let at = |path| http_get(&ip, path, 6443, "HTTPS");
    let liveness = probe("liveness", &at("/livez"), "initialDelaySeconds: 10", 8, 10);
    let readiness = probe("readiness", &at("/readyz"), "", 3, 1);
    let startup = probe("startup", &at("/livez"), "initialDelaySeconds: 10", 24, 10);
    let probes = liveness + &readiness + &startup;
    format!(
        "apiVersion: v1
kind: Pod
metadata:
  annotations:
    kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint: {ip}:6443
  creationTimestamp: null
  labels:
    component: kube-apiserver
    tier: control-plane
  name: kube-apiserver
  namespace: kube-system
spec:
  containers:
  - command:
    - kube-apiserver
    - --advertise-address={ip}
    - --etcd-cafile=/etc/kubernetes/pki/etcd/ca.crt
    - --etcd-certfile=/etc/kubernetes/pki/apiserver-etcd-client.crt
    - --etcd-keyfile=/etc/kubernetes/pki/apiserver-etcd-client.key
    - --etcd-servers=https://127.0.0.1:2379
    - --secure-port=6443
    - --tls-cert-file=/etc/kubernetes/pki/apiserver.crt
    - --tls-private-key-file=/etc/kubernetes/pki/apiserver.key
{more}    image: {APISERVER_IMAGE}
    imagePullPolicy: IfNotPresent
{probes}    name: kube-apiserver
    resources:
      requests:
        cpu: 250m
    volumeMounts:
    - mountPath: /etc/kubernetes/pki
      name: k8s-certs
      readOnly: true
  hostNetwork: true
  priority: 2000001000
  priorityClassName: system-node-critical
  securityContext:
    seccompProfile:
      type: RuntimeDefault
  volumes:
  - hostPath:
      path: /etc/kubernetes/pki
      type: DirectoryOrCreate
    name: k8s-certs
status: {{}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(version: &str) -> String {
        let release = Release {
            version: version.to_owned(),
            etcd: "/etcd".into(),
            etcdctl: "/etcdctl".into(),
            etcdutl: None,
        };
        etcd(&Spec::new(1, &[release]).quota(1 << 20), 0)
    }

    /// etcd 3.6 warns of flags that begin with `experimental-`, and 3.7 does not
    /// start with one (CHANGELOG-3.7, pull request 19959).
    #[test]
    fn no_release_gets_a_flag_or_a_probe_it_does_not_know() {
        for (version, experimental, gates, livez) in [
            ("3.4.23", false, false, false),
            ("3.4.45", false, false, true),
            ("3.5.1", true, false, false),
            ("3.5.30", true, false, true),
            ("3.6.14", false, true, true),
            ("3.7.1", false, true, true),
        ] {
            let text = written(version);
            assert_eq!(text.contains("--experimental-"), experimental, "{version}");
            assert_eq!(text.contains("--feature-gates=InitialCorruptCheck"), gates, "{version}");
            assert_eq!(text.contains("path: /livez"), livez, "{version}");
            assert!(text.contains("--snapshot-count=10000"), "{version}");
            assert!(
                text.contains(&format!("image: registry.k8s.io/etcd:{version}-0")),
                "{version}"
            );
        }
    }
}
