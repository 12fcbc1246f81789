//! Reading single values out of etcd's /metrics text.

/// The value of a gauge or counter without labels, or the first sample of one
/// with labels. `None` when it is absent or not a number.
#[must_use]
pub fn value(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?;
        let rest = match rest.strip_prefix('{') {
            Some(labels) => labels.split_once('}')?.1,
            None if rest.starts_with(' ') => rest,
            None => return None,
        };
        rest.split_whitespace().next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::value;

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
}
