//! How a change of a manifest outlives the next upgrade, in the words of who
//! writes the manifest.

use super::keeper::{foreign, keeps};
use crate::model::{Located, ManifestEdit, layout::Keeps};

/// The lines for these changes; none when there are none, or when nobody is known to write
/// the file anew.
pub(super) fn lasting(node: &Located, edits: &[ManifestEdit]) -> Vec<String> {
    let flags: Vec<(&str, &str)> = edits
        .iter()
        .filter_map(|edit| match edit {
            ManifestEdit::Flag { name, value } => Some((name.as_str(), value.as_str())),
            _ => None,
        })
        .collect();
    let probes = edits.iter().any(|edit| matches!(edit, ManifestEdit::ProbePath { .. }));
    let mut lines = Vec::new();
    if keeps(node) != Keeps::Manifest {
        return lines;
    }
    if let Some(manifest) = foreign(node) {
        lines.extend((!edits.is_empty()).then(|| {
            let path = manifest.path.display();
            format!("whoever wrote {path} may write it anew: set the same there, too")
        }));
        return lines;
    }
    if !flags.is_empty() {
        lines.extend(kubeadm(&flags));
        lines.extend(kubespray(&flags));
    }
    if probes {
        lines.push(
            "an upgrade writes the probes anew: kubeadm before 1.31 brings the old ones back, so \
             run this once more then"
                .to_owned(),
        );
    }
    lines
}

/// Both shapes of `extraArgs` (kubeadm.k8s.io/v1beta3 and v1beta4).
fn kubeadm(flags: &[(&str, &str)]) -> Vec<String> {
    let head = ["    etcd:", "      local:", "        extraArgs:"].map(str::to_owned);
    let mut lines = vec![
        "An upgrade by kubeadm writes it anew. Once the API server is back: `kubectl -n \
         kube-system edit cm kubeadm-config`, in ClusterConfiguration"
            .to_owned(),
        "with apiVersion kubeadm.k8s.io/v1beta3 (to Kubernetes 1.30):".to_owned(),
    ];
    lines.extend(head.clone());
    lines.extend(flags.iter().map(|(name, value)| format!("          {name}: \"{value}\"")));
    lines.push("with v1beta4 (from 1.31 on):".to_owned());
    lines.extend(head);
    for (name, value) in flags {
        lines.push(format!("        - name: {name}"));
        lines.push(format!("          value: \"{value}\""));
    }
    lines
}

/// Group variables of kubespray that stand for flags (its roles/etcd).
const KUBESPRAY: [(&str, &str); 3] = [
    ("auto-compaction-retention", "etcd_compaction_retention"),
    ("quota-backend-bytes", "etcd_quota_backend_bytes"),
    ("snapshot-count", "etcd_snapshot_count"),
];

fn kubespray(flags: &[(&str, &str)]) -> Option<String> {
    let variables: Vec<String> = flags
        .iter()
        .filter_map(|(name, value)| {
            let (_, variable) = KUBESPRAY.iter().find(|(flag, _)| flag == name)?;
            Some(format!("{variable}: \"{value}\""))
        })
        .collect();
    (!variables.is_empty())
        .then(|| format!("with kubespray also in its group variables: {}", variables.join(", ")))
}
