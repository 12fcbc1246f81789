//! Which prefixes a person may ask to be deleted, and how to write them.

use crate::model::PurgeTarget;

use super::protected::{Reason, SERVERS, touched};

/// Why a prefix is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// What is wrong with it.
    pub what: String,
    /// What to type instead.
    pub next: String,
}

/// The word for events.
const EVENTS: &str = "events";

/// A prefix as a person typed it.
///
/// # Errors
/// It is not complete, it is ambiguous, or something below it must never be
/// deleted.
pub fn prefix_of(typed: &str) -> Result<PurgeTarget, Unfit> {
    let segments: Vec<&str> = typed.split('/').filter(|segment| !segment.is_empty()).collect();
    let Some((root, rest)) = segments.split_first() else {
        return Err(Unfit {
            what: format!("the prefix `{typed}` means every key there is"),
            next: spelling("events"),
        });
    };
    if rest.is_empty() && SERVERS.contains(root) {
        return Err(Unfit {
            what: format!("the prefix `{typed}` means everything that Kubernetes has"),
            next: spelling("events"),
        });
    }
    if let Some(reason) = touched(&segments) {
        return Err(protected(typed, reason));
    }
    let leading = if typed.starts_with('/') { "/" } else { "" };
    let whole = format!("{leading}{}/", segments.join("/"));
    if typed != whole {
        let why = if typed.ends_with('/') {
            "has an empty segment, which no key has"
        } else {
            "has no slash at its end: it would also take whatever else begins that way"
        };
        return Err(Unfit {
            what: format!("the prefix `{typed}` {why}"),
            next: format!("write it out: `etcd-rescue purge prefix {}`", quoted(&whole)),
        });
    }
    let events = SERVERS.contains(root) && rest.first() == Some(&EVENTS);
    Ok(PurgeTarget { prefixes: vec![whole.clone()], events, word: whole })
}

/// The events below these prefixes, or only those of some namespaces.
#[must_use]
pub fn events_of(prefixes: &[String], namespaces: &[String]) -> PurgeTarget {
    let mut wanted: Vec<String> = prefixes
        .iter()
        .flat_map(|prefix| namespaces.iter().map(move |name| format!("{prefix}{name}/")))
        .collect();
    if namespaces.is_empty() {
        wanted = prefixes.to_vec();
    }
    wanted.sort();
    wanted.dedup();
    PurgeTarget { prefixes: wanted, events: true, word: EVENTS.to_owned() }
}

/// Whether the names can be namespaces.
///
/// # Errors
/// The first that cannot: RFC 1123 labels, as Kubernetes takes them.
pub fn events_below(namespaces: &[String]) -> Result<(), Unfit> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = |name: &String| (1..64).contains(&name.len()) && name.chars().all(plain);
    match namespaces.iter().find(|name| !is_name(name)) {
        None => Ok(()),
        Some(name) => Err(Unfit {
            what: format!("--namespace {name}: no namespace is called so"),
            next:
                "`etcd-rescue usage` shows the namespaces; all events: `etcd-rescue purge events`"
                    .to_owned(),
        }),
    }
}

/// A key was found that must never be deleted.
#[must_use]
pub fn is_protected(prefix: &str, key: &str) -> Unfit {
    Unfit {
        what: format!(
            "below {prefix} there is {key}: keys of that kind are never deleted here, so that \
             nothing below this prefix is"
        ),
        next: spelling("events"),
    }
}

fn protected(typed: &str, (name, why): Reason) -> Unfit {
    Unfit {
        what: format!(
            "`{typed}` holds what is never deleted here, or is part of it ({name}): {why}"
        ),
        next: "see what else fills it: `etcd-rescue usage`; events are always safe to lose: \
               `etcd-rescue purge events`"
            .to_owned(),
    }
}

fn spelling(what: &str) -> String {
    format!(
        "name one resource, with its last slash: `etcd-rescue purge prefix \
         /registry/wgpolicyk8s.io/policyreports/`, or `etcd-rescue purge {what}`; what there is: \
         `etcd-rescue usage`"
    )
}

/// `word` as a POSIX shell reads it back.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_one_resource_written_out() {
        let taken = prefix_of("/registry/wgpolicyk8s.io/policyreports/").unwrap();
        assert_eq!(taken.prefixes, ["/registry/wgpolicyk8s.io/policyreports/"]);
        assert_eq!((taken.word.as_str(), taken.events), (taken.prefixes[0].as_str(), false));
        assert!(prefix_of("/registry/events/default/").unwrap().events);
        assert!(prefix_of("/churn/").is_ok(), "somebody's own");
    }

    #[test]
    fn anything_else_is_refused_with_the_right_spelling() {
        for (typed, what, next) in [
            ("", "every key there is", "/policyreports/"),
            ("/", "every key there is", "/policyreports/"),
            ("//", "every key there is", "/policyreports/"),
            ("/registry", "everything that Kubernetes has", "purge events"),
            ("/registry/", "everything that Kubernetes has", "purge events"),
            ("/kubernetes.io/", "everything that Kubernetes has", "purge events"),
            ("/registry/e", "no slash at its end", "`etcd-rescue purge prefix /registry/e/`"),
            ("/registry/events", "no slash", "`etcd-rescue purge prefix /registry/events/`"),
            ("/registry//events/", "empty segment", "purge prefix /registry/events/`"),
            ("/a b/x", "no slash", "purge prefix '/a b/x/'`"),
            ("/registry/pods/", "running containers", "usage"),
            ("/registry/pods", "running containers", "usage"),
            ("/registry/leases/", "never deleted here", "usage"),
            ("compact_rev_key", "agree on compactions", "usage"),
        ] {
            let unfit = prefix_of(typed).unwrap_err();
            assert!(unfit.what.contains(what), "{typed}: {}", unfit.what);
            assert!(unfit.next.contains(next), "{typed}: {}", unfit.next);
        }
    }

    #[test]
    fn namespaces_are_names() {
        let names =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(events_below(&names(&["default", "kube-system"])).is_ok());
        for bad in ["", "a/b", "..", "A", "a b"] {
            assert!(events_below(&names(&["default", bad])).is_err(), "{bad}");
        }
        let of = events_of(&names(&["/registry/events/"]), &names(&["b", "a", "b"]));
        assert_eq!(of.prefixes, ["/registry/events/a/", "/registry/events/b/"]);
        assert_eq!(events_of(&names(&["/x/events/"]), &[]).prefixes, ["/x/events/"]);
    }
}
