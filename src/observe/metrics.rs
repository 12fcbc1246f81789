//! Reading single values out of etcd's /metrics text.

/// The value of a gauge or counter without labels, or the first sample of one
/// with labels. `None` when it is absent or not a number.
#[must_use]
pub fn value(text: &str, name: &str) -> Option<f64> {
    samples(text, name).next().map(|(_, value)| value)
}

/// Clients that read a snapshot of this member right now, and members that
/// are sent one by it or send it one. `None` when the page does not count
/// gRPC calls.
///
/// A stream that was begun and has not ended is open, however slowly it is
/// read: the handler counts at both ends (go-grpc-prometheus
/// `grpc_server_started_total`, `grpc_server_handled_total`; seen to be exact
/// on 3.4.23, 3.5.16 and 3.5.30 with stopped, killed and finished clients).
/// `etcd_mvcc_db_open_read_transactions` is not: it is renewed only when etcd
/// commits a write, which one that refuses them hardly does.
#[must_use]
pub fn open_snapshots(text: &str) -> Option<u64> {
    let sum = |name: &str, label: &str| -> f64 {
        samples(text, name).filter(|(labels, _)| labels.contains(label)).map(|(_, n)| n).sum()
    };
    value(text, "grpc_server_started_total")?;
    let method = "grpc_method=\"Snapshot\"";
    let begun = sum("grpc_server_started_total", method);
    let ended = sum("grpc_server_handled_total", method);
    let to_peers = sum("etcd_network_snapshot_send_inflights_total", "");
    let from_peers = sum("etcd_network_snapshot_receive_inflights_total", "");
    // The page is not written at one moment: ended may be ahead.
    Some(((begun - ended).max(0.0) + to_peers + from_peers) as u64)
}

/// Every sample of a metric: its labels as they stand there, and its value.
pub(super) fn samples<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
    text.lines().filter_map(move |line| {
        let rest = line.strip_prefix(name)?;
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(labels) => labels.split_once('}')?,
            None if rest.starts_with(' ') => ("", rest),
            None => return None,
        };
        Some((labels, rest.split_whitespace().next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::{open_snapshots, value};

    #[test]
    fn finds_whole_names_only() {
        let text = "# HELP etcd_disk_defrag_inflight x\n\
                    etcd_disk_defrag_inflight_total 9\n\
                    etcd_disk_defrag_inflight 1\n\
                    etcd_server_quota_backend_bytes 2.147483648e+09\n\
                    etcd_server_version{server_version=\"3.5.16\"} 1\nbad x\n";
        assert_eq!(value(text, "etcd_disk_defrag_inflight"), Some(1.0));
        assert_eq!(value(text, "etcd_server_quota_backend_bytes"), Some(2_147_483_648.0));
        assert_eq!(value(text, "etcd_server_version"), Some(1.0));
        assert_eq!(value(text, "bad"), None);
        assert_eq!(value(text, "absent"), None);
    }

    #[test]
    fn streams_are_open_between_begun_and_ended() {
        let page = |begun: u32, ok: u32, unknown: u32| {
            let labels = "grpc_method=\"Snapshot\",grpc_service=\"etcdserverpb.Maintenance\"";
            format!(
                "grpc_server_started_total{{grpc_method=\"Range\"}} 70\n\
                 grpc_server_started_total{{{labels}}} {begun}\n\
                 grpc_server_handled_total{{grpc_code=\"OK\",{labels}}} {ok}\n\
                 grpc_server_handled_total{{grpc_code=\"Unknown\",{labels}}} {unknown}\n"
            )
        };
        for (begun, ok, unknown, open) in [(0, 0, 0, 0), (3, 1, 1, 1), (3, 1, 2, 0), (1, 1, 1, 0)] {
            assert_eq!(open_snapshots(&page(begun, ok, unknown)), Some(open));
        }
        let peer = "etcd_network_snapshot_send_inflights_total{To=\"8e9e05c52164694d\"} 1\n";
        assert_eq!(open_snapshots(&(page(1, 0, 0) + peer)), Some(2));
        assert_eq!(open_snapshots("etcd_disk_defrag_inflight 1\n"), None);
    }
}
