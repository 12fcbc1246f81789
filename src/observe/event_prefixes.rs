//! Where a cluster keeps its events: the API server's prefix (`--etcd-prefix`)
//! can be any, and other programs may share etcd with it.

use crate::{
    model::{KeyRange, behind_prefix},
    wire::{Etcd, WireError},
};

/// The API server's own prefix, and OpenShift's.
pub const USUAL_ROOTS: [&str; 2] = ["/registry/", "/kubernetes.io/"];
/// First segments looked at; an etcd with more keeps other things.
const MOST_ROOTS: usize = 64;
/// Keys of every Kubernetes and of little else.
const SIGNS: [&str; 2] = ["namespaces/kube-system", "namespaces/default"];

/// The prefixes below which there are events now, each with its last slash.
/// A prefix that is not a usual one counts only where Kubernetes' own
/// namespaces are beside it.
///
/// # Errors
/// No answer, or a refusal.
pub async fn event_prefixes(etcd: &Etcd) -> Result<Vec<String>, WireError> {
    let mut roots: Vec<String> = USUAL_ROOTS.map(str::to_owned).to_vec();
    for root in other_roots(etcd).await? {
        for sign in SIGNS {
            let key = format!("{root}{sign}");
            if etcd.first_key(key.as_bytes()).await? == Some(key.into_bytes()) {
                roots.push(root);
                break;
            }
        }
    }
    let mut found = Vec::new();
    for prefix in roots.iter().map(|root| format!("{root}events/")) {
        if etcd.count_keys(&KeyRange::below(prefix.as_bytes())).await? > 0 {
            found.push(prefix);
        }
    }
    Ok(found)
}

/// First segments of the keys, but for the usual ones.
async fn other_roots(etcd: &Etcd) -> Result<Vec<String>, WireError> {
    let (mut roots, mut from) = (Vec::new(), vec![0]);
    for _ in 0..MOST_ROOTS {
        let Some(key) = etcd.first_key(&from).await? else { break };
        let Some(root) = root(&key) else {
            from = [key.as_slice(), &[0]].concat();
            continue;
        };
        from = behind_prefix(root.as_bytes());
        if !USUAL_ROOTS.contains(&root) {
            roots.push(root.to_owned());
        }
        if from == [0] {
            break;
        }
    }
    Ok(roots)
}

/// "/registry/" of "/registry/pods/a/b"; nothing of a key without segments.
fn root(key: &[u8]) -> Option<&str> {
    let skipped = usize::from(key.first() == Some(&b'/'));
    let end = key.iter().skip(skipped).position(|byte| *byte == b'/')? + skipped;
    std::str::from_utf8(key.get(..=end)?).ok()
}

#[cfg(test)]
mod tests {
    use super::root;

    #[test]
    fn the_first_segment_is_the_root() {
        assert_eq!(root(b"/registry/pods/a/b"), Some("/registry/"));
        assert_eq!(root(b"k3s/lease"), Some("k3s/"));
        assert_eq!(root(b"compact_rev_key"), None);
        assert_eq!(root(b"/flat"), None);
        assert_eq!(root(b"//x"), Some("//"));
        assert_eq!(root(b"/\xff/x"), None);
        assert_eq!(root(b""), None);
    }
}
