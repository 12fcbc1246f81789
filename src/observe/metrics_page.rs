//! Where a member's /metrics page is, and fetching it. What stands on the page
//! is `metrics`' and `scrape`'s.

use crate::{
    model::{Located, Member},
    wire::{Access, http_get},
};

/// The largest page worth reading; a busy etcd's is about 200 KiB.
const LIMIT: usize = 4 << 20;

/// The page of a member: on this node where etcd was told to serve it, else at
/// the client URL, where every etcd serves it too.
pub(super) fn url(member: &Member, node: &Located) -> String {
    let local_url = node.metrics_url.as_ref().filter(|_| member.local);
    format!("{}/metrics", local_url.map_or(&member.endpoint, |found| &found.value))
}

/// The page's text.
///
/// # Errors
/// Why it cannot be had, in a sentence.
pub(super) async fn fetch(url: &str, access: &Access) -> Result<String, String> {
    match http_get(url, Some(access.tls()), access.timeout, LIMIT).await {
        Ok(answer) if answer.status == 200 => Ok(answer.body),
        Ok(answer) => Err(format!("{url} answers with HTTP status {}", answer.status)),
        Err(error) => Err(error.to_string()),
    }
}
