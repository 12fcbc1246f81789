//! Where a key belongs: its resource and namespace, told by the key alone.
//! Keys are bytes from outside; anything is possible, nothing fails.

use super::kubernetes_keys::{core_resource, service_resource};

/// A segment longer than this is no name of Kubernetes; it is not looked at.
const LONGEST_SEGMENT: usize = 260;

/// What the names of Helm's releases begin with.
const HELM: &[u8] = b"sh.helm.release.v1.";

/// What a key tells of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPlace<'a> {
    /// What all keys of the resource begin with, the last slash included;
    /// empty for keys without any.
    pub prefix: &'a [u8],
    /// The namespace, where the object has one.
    pub namespace: Option<&'a [u8]>,
    /// What its name says of it: "Helm releases".
    pub kind: Option<&'static str>,
    name: Name<'a>,
}

/// How a resource is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name<'a> {
    Known(&'static str),
    Segment(&'a [u8]),
    Grouped { plural: &'a [u8], group: &'a [u8] },
    Prefix,
    Bare,
}

impl KeyPlace<'_> {
    /// The resource as one would ask kubectl for it, where that is known:
    /// "events", "policyreports.wgpolicyk8s.io"; else what its keys begin with.
    /// Bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn resource(&self) -> String {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        match self.name {
            Name::Known(name) => name.to_owned(),
            Name::Segment(segment) => text(segment),
            Name::Grouped { plural, group } => format!("{}.{}", text(plural), text(group)),
            Name::Prefix => text(self.prefix),
            Name::Bare => "(keys without a prefix)".to_owned(),
        }
    }
}

/// Where a key belongs.
#[must_use]
pub fn key_place(key: &[u8]) -> KeyPlace<'_> {
    let path = Path::new(key);
    match path.segment(0) {
        _ if key == b"compact_rev_key" => path.place(0, Name::Known("compact_rev_key"), None),
        Some(b"registry" | b"kubernetes.io" | b"openshift.io") => kubernetes(&path),
        Some(b"calico") => calico(&path),
        Some(b"cilium") => path.first(3),
        Some(b"bootstrap") => path.place(1, Name::Known("k3s bootstrap data"), None),
        Some(_) if looks_like_kubernetes(&path) => kubernetes(&path),
        _ => path.first(2),
    }
}

/// What alone decides where a key belongs, as far as that can be told: all keys
/// that differ only behind it belong to the same resource and namespace, and
/// are of no kind. The key up to its own name.
#[must_use]
pub fn neighbourhood(key: &[u8]) -> Option<&[u8]> {
    let (directory, name) = key.split_at(key.iter().rposition(|byte| *byte == b'/')? + 1);
    let usual = !name.is_empty() && name.len() <= LONGEST_SEGMENT && !name.starts_with(HELM);
    // With three segments before it the name is none that `key_place` compares.
    let begin = usize::from(directory.first() == Some(&b'/'));
    let deep = directory[begin..].iter().filter(|byte| **byte == b'/').count() >= 3;
    (usual && deep).then_some(directory)
}

/// Another `--etcd-prefix`: told by what stands behind it.
fn looks_like_kubernetes(path: &Path<'_>) -> bool {
    let Some(segment) = path.segment(1) else { return false };
    let enough = path.segment(2).is_some();
    let known = core_resource(segment).is_some() || segment == b"services";
    enough && (known || segment.ends_with(b".k8s.io"))
}

/// `/PREFIX/PLURAL/[NAMESPACE/]NAME` and `/PREFIX/GROUP/PLURAL/[NAMESPACE/]NAME`.
fn kubernetes<'a>(path: &Path<'a>) -> KeyPlace<'a> {
    let (Some(first), Some(second)) = (path.segment(1), path.segment(2)) else {
        return path.first(1);
    };
    if first == b"services"
        && let Some(name) = service_resource(second)
    {
        return path.place(3, Name::Known(name), path.namespace(3));
    }
    if let Some(row) = core_resource(first) {
        let namespace = if row.namespaced { path.namespace(2) } else { None };
        return path.place(2, Name::Known(row.name), namespace);
    }
    if first.contains(&b'.') && path.segment(3).is_some() {
        let name = Name::Grouped { plural: second, group: first };
        return path.place(3, name, path.namespace(3));
    }
    path.place(2, Name::Segment(first), path.namespace(2))
}

/// `/calico/resources/v3/projectcalico.org/PLURAL/…`, and the rest by its kind:
/// `/calico/ipam/v2/handle/…`.
fn calico<'a>(path: &Path<'a>) -> KeyPlace<'a> {
    match (path.segment(1), path.segment(3), path.segment(4)) {
        (Some(b"resources"), Some(group), Some(plural)) if path.segment(5).is_some() => {
            path.place(5, Name::Grouped { plural, group }, path.namespace(5))
        }
        _ => path.first(4),
    }
}

/// A key cut at its slashes, as far as anybody looks.
struct Path<'a> {
    key: &'a [u8],
    /// Where each of the first segments begins and ends.
    segments: [(usize, usize); MOST_SEGMENTS],
    count: usize,
}

/// `/calico/resources/v3/GROUP/PLURAL/NAMESPACE/NAME`
const MOST_SEGMENTS: usize = 7;

impl<'a> Path<'a> {
    fn new(key: &'a [u8]) -> Self {
        let mut path = Path { key, segments: [(0, 0); MOST_SEGMENTS], count: 0 };
        let mut begin = usize::from(key.first() == Some(&b'/'));
        while path.count < MOST_SEGMENTS && begin < key.len() {
            let length = key[begin..].iter().position(|byte| *byte == b'/');
            let end = length.map_or(key.len(), |length| begin + length);
            if end - begin > LONGEST_SEGMENT {
                break;
            }
            path.segments[path.count] = (begin, end);
            path.count += 1;
            begin = end + 1;
        }
        path
    }

    fn segment(&self, at: usize) -> Option<&'a [u8]> {
        let (begin, end) = *self.segments[..self.count].get(at)?;
        self.key.get(begin..end)
    }

    /// The segment at `at`, when another one follows: an object's name is last.
    fn namespace(&self, at: usize) -> Option<&'a [u8]> {
        self.segment(at + 1).and(self.segment(at))
    }

    /// The key as one of a resource that so many segments name.
    fn place(&self, segments: usize, name: Name<'a>, namespace: Option<&'a [u8]>) -> KeyPlace<'a> {
        let end = match segments.checked_sub(1) {
            Some(last) if last < self.count => (self.segments[last].1 + 1).min(self.key.len()),
            _ => self.key.len(),
        };
        let prefix = self.key.get(..end).unwrap_or_default();
        KeyPlace { prefix, namespace, kind: kind(&name, self.key), name }
    }

    /// The key by at most so many of its first segments, its own name not
    /// among them.
    fn first(&self, most: usize) -> KeyPlace<'a> {
        let cut = self.key.iter().skip(1).filter(|byte| **byte == b'/').count();
        let segments = most.min(self.count).min(cut);
        if segments > 0 {
            return self.place(segments, Name::Prefix, None);
        }
        let bare = KeyPlace { prefix: &[], namespace: None, kind: None, name: Name::Bare };
        let leading = self.key.first() == Some(&b'/');
        if leading { KeyPlace { prefix: &self.key[..1], ..bare } } else { bare }
    }
}

/// What an object's name says of who writes it.
fn kind(name: &Name<'_>, key: &[u8]) -> Option<&'static str> {
    let Name::Known("secrets" | "configmaps") = name else { return None };
    let object = key.rsplit(|byte| *byte == b'/').next()?;
    object.starts_with(HELM).then_some("Helm releases")
}

#[cfg(test)]
#[path = "key_place_tests.rs"]
mod tests;
