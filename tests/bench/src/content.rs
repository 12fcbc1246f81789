//! What is in a cluster, in a form that can be compared: etcd itself reads it out.
//! The prober's keys are left out.

use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::{Context, Result};
use lab::{
    Lab, Master,
    wire::{
        self,
        etcdserverpb::{RangeRequest, kv_client::KvClient},
    },
};
use tonic::transport::Channel;

use crate::{network, prober};

/// Keys of the first page: with values of 100 kB it is 20 MB.
const PAGE: i64 = 200;
/// Bytes a page aims at. For each page etcd counts all keys that follow, so that small
/// pages of a million keys would take an hour.
const PAGE_BYTES: i64 = 16 << 20;
const MOST_KEYS: i64 = 10_000;
const LONGEST_PAGE: usize = 256 << 20;

/// Every key with its value and revisions, summed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub keys: u64,
    hash: u64,
}

/// Of a master's member.
pub fn of(lab: &Lab, master: &Master) -> Result<Content> {
    let (endpoint, [ca, cert, key]) = (master.endpoint(), lab.credentials());
    network::within(master, move || async move {
        read_out(wire::etcd(&endpoint, &ca, &cert, &key).await?).await
    })
}

/// Of an etcd without TLS in a master's network.
pub fn of_plain(master: &Master, endpoint: &'static str) -> Result<Content> {
    network::within(master, move || async move {
        read_out(Channel::from_static(endpoint).connect().await?).await
    })
}

async fn read_out(channel: Channel) -> Result<Content> {
    let mut client = KvClient::new(channel).max_decoding_message_size(LONGEST_PAGE);
    let mut hasher = DefaultHasher::new();
    let mut keys = 0;
    // Zero bytes at both ends mean: all keys.
    let mut from = vec![0];
    let mut limit = PAGE;
    loop {
        let request = RangeRequest {
            key: from,
            range_end: vec![0],
            limit,
            serializable: true,
            ..Default::default()
        };
        let page = client.range(request).await.context("reading all keys")?.into_inner();
        let read: usize = page.kvs.iter().map(|kv| kv.key.len() + kv.value.len()).sum();
        let of_one = i64::try_from(read / page.kvs.len().max(1))?.max(1);
        limit = (PAGE_BYTES / of_one).clamp(PAGE, MOST_KEYS);
        for kv in &page.kvs {
            if !kv.key.starts_with(prober::PREFIX.as_bytes()) {
                keys += 1;
                (&kv.key, &kv.value, kv.create_revision, kv.mod_revision, kv.version)
                    .hash(&mut hasher);
            }
        }
        match page.kvs.into_iter().next_back() {
            // The next key in order is this one with a zero byte behind it.
            Some(last) if page.more => from = [last.key, vec![0]].concat(),
            _ => return Ok(Content { keys, hash: hasher.finish() }),
        }
    }
}
