//! The static-pod manifests of the layouts that have one. Text out of a spec;
//! writes no file.

use serde_json::{Value, json};

use super::{Etcd, Layout, expand, settings, table::OPENSHIFT_METRICS};
use crate::{
    manifest, site,
    spec::{MasterSpec, Probes, Spec},
};

/// What RKE2 has had until its releases of late 2026: an alarm fails both.
const RKE2_PROBE: &str = "/health?serializable=true";

/// The manifest of the master with this index, which has an etcd.
pub fn etcd(spec: &Spec, index: usize) -> String {
    match spec.masters[index].layout {
        Layout::Rke2 => rke2(spec, index),
        Layout::Openshift => openshift(spec, index).to_string(),
        _ => manifest::etcd(spec, index),
    }
}

/// The image of a static pod's etcd.
pub fn image(master: &MasterSpec) -> String {
    let etcd = master.layout.row().etcd.as_ref();
    etcd.map_or("", |etcd| etcd.image).replace("{version}", &master.etcd.version)
}

fn rke2(spec: &Spec, index: usize) -> String {
    let master = &spec.masters[index];
    let Some(etcd) = &master.layout.row().etcd else { return String::new() };
    let (image, data_dir) = (image(master), etcd.data_dir);
    let probes = match master.probes {
        Probes::Auto => manifest::liveness_and_startup("localhost", RKE2_PROBE),
        chosen => manifest::etcd_probes(chosen.for_release(&master.etcd)),
    };
    let env = manifest::environment(master);
    let files =
        [etcd.server.cert, etcd.server.key, etcd.peer.cert, etcd.peer.key, etcd.ca, etcd.peer_ca];
    let mut mounts = format!("    - mountPath: {data_dir}\n      name: dir0\n");
    let mut volumes = format!(
        "  - hostPath:\n      path: {data_dir}\n      type: DirectoryOrCreate\n    name: dir0\n"
    );
    for (i, file) in files.iter().enumerate() {
        mounts += &format!("    - mountPath: {file}\n      name: file{i}\n      readOnly: true\n");
        volumes +=
            &format!("  - hostPath:\n      path: {file}\n      type: File\n    name: file{i}\n");
    }
    format!(
        "apiVersion: v1
kind: Pod
metadata:
  creationTimestamp: null
  labels:
    component: etcd
    tier: control-plane
  name: etcd
  namespace: kube-system
spec:
  containers:
  - args:
    - --config-file={data_dir}/config
    command:
    - etcd
{env}    image: {image}
    imagePullPolicy: IfNotPresent
{probes}    name: etcd
    resources:
      requests:
        cpu: 200m
        memory: 512Mi
    volumeMounts:
{mounts}  hostNetwork: true
  priorityClassName: system-cluster-critical
  volumes:
{volumes}status: {{}}
"
    )
}

/// Where the pod sees the certificates.
const INSIDE: &str = "/etc/kubernetes/static-pod-certs";
const OUTSIDE: &str = "/etc/kubernetes/static-pod-resources/etcd-certs";

/// The operator writes JSON. The sidecars that are the operator's own program
/// are left out, and with them the probes that ask one of them.
fn openshift(spec: &Spec, index: usize) -> Value {
    let master = &spec.masters[index];
    let Some(etcd) = &master.layout.row().etcd else { return Value::Null };
    let (name, ip) = (site::master_name(index), site::master_ip(index));
    let inside = |path: &str| expand(path, &name, index + 1).replace(OUTSIDE, INSIDE);
    let mut told = settings::with(settings::of(spec, index), &master.flags);
    // By the variables, which etcd does not accept beside flags.
    told.remove("data-dir");
    told.remove("quota-backend-bytes");
    let flags: Vec<String> = settings::flags(&told).iter().map(|flag| inside(flag)).collect();
    let (cert, key) = (inside(OPENSHIFT_METRICS.cert), inside(OPENSHIFT_METRICS.key));
    let ca = inside(etcd.ca);
    let metrics = format!(
        "#!/bin/sh\nset -eu\nexec nice -n -18 etcd grpc-proxy start --endpoints https://{ip}:9978 \
         --metrics-addr https://0.0.0.0:9979 --listen-addr 127.0.0.1:9977 \
         --advertise-client-url \"\" --key {key} --key-file {key} --cert {cert} --cert-file {cert} \
         --cacert {ca} --trusted-ca-file {ca}"
    );
    let script = format!(
        "#!/bin/sh\nset -eu\n\nexec nice -n -19 ionice -c2 -n0 etcd \\\n  {}",
        flags.join(" \\\n  ")
    );
    let containers = [
        ("etcdctl", "trap : TERM INT; sleep infinity & wait".to_owned()),
        ("etcd", script),
        ("etcd-metrics", metrics),
    ]
    .map(|(container, script)| {
        json!({
            "name": container,
            "image": image(master),
            "imagePullPolicy": "IfNotPresent",
            "command": ["/bin/sh", "-c", script],
            "env": openshift_environment(spec, index, etcd),
            "volumeMounts": [
                { "name": "resource-dir", "mountPath": "/etc/kubernetes/static-pod-resources" },
                { "name": "cert-dir", "mountPath": INSIDE },
                { "name": "data-dir", "mountPath": "/var/lib/etcd/" },
            ],
        })
    });
    let volume = |name: &str, path: &str| json!({ "name": name, "hostPath": { "path": path } });
    json!({
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "name": "etcd",
            "namespace": "openshift-etcd",
            "labels": { "app": "etcd", "etcd": "true", "k8s-app": "etcd", "revision": "7" },
        },
        "spec": {
            "containers": containers,
            "volumes": [
                volume("resource-dir", "/etc/kubernetes/static-pod-resources/etcd-pod-7"),
                volume("cert-dir", OUTSIDE),
                volume("data-dir", "/var/lib/etcd"),
            ],
            "hostNetwork": true,
            "priorityClassName": "system-node-critical",
        },
    })
}

fn openshift_environment(spec: &Spec, index: usize, etcd: &Etcd) -> Vec<Value> {
    let master = &spec.masters[index];
    let (name, ip) = (site::master_name(index), site::master_ip(index));
    let inside = |path: &str| expand(path, &name, index + 1).replace(OUTSIDE, INSIDE);
    let endpoints = (0..spec.masters.len()).map(|i| format!("https://{}:2379", site::master_ip(i)));
    let endpoints = endpoints.collect::<Vec<_>>().join(",");
    // etcd's own default is 2 GiB, the operator's 8.
    let quota = master.quota.unwrap_or(8 << 30).to_string();
    let mut variables = vec![
        ("ALL_ETCD_ENDPOINTS", endpoints.clone()),
        ("ETCDCTL_API", "3".to_owned()),
        ("ETCDCTL_CACERT", inside(etcd.ca)),
        ("ETCDCTL_CERT", inside(etcd.peer.cert)),
        ("ETCDCTL_ENDPOINTS", endpoints),
        ("ETCDCTL_KEY", inside(etcd.peer.key)),
        ("ETCD_DATA_DIR", "/var/lib/etcd".to_owned()),
        ("ETCD_ELECTION_TIMEOUT", "1000".to_owned()),
        ("ETCD_HEARTBEAT_INTERVAL", "100".to_owned()),
        ("ETCD_QUOTA_BACKEND_BYTES", quota),
        ("NODE_IP", ip),
        ("ETCD_STATIC_POD_VERSION", "7".to_owned()),
    ];
    variables.extend(master.env.iter().map(|(name, value)| (name.as_str(), value.clone())));
    variables.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}
