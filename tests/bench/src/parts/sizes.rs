//! How big the programs are, and what the size of ours is made of.

use std::process::Command;

use anyhow::Result;
use serde_json::json;

use super::{Bench, progress};
use crate::table::{mib, table};

impl Bench {
    pub(super) fn sizes(&mut self) -> Result<()> {
        let tools = &self.tools;
        let mut files = vec![
            ("etcd-rescue", Some(tools.rescue.clone())),
            ("etcdctl", Some(tools.etcd.etcdctl.clone())),
            ("etcdutl", tools.etcdutl.clone()),
            ("etcd-defrag", tools.etcd_defrag.clone()),
        ];
        let mut rows = Vec::new();
        let mut data = serde_json::Map::new();
        for (name, path) in files.drain(..) {
            let bytes = path.and_then(|path| path.metadata().ok()).map(|file| file.len());
            data.insert(name.to_owned(), json!(bytes));
            rows.push(match bytes {
                Some(bytes) => vec![name.to_owned(), bytes.to_string(), mib(bytes as f64)],
                None => vec![name.to_owned(), "not found".to_owned()],
            });
        }
        let mut text = table(&["program", "bytes", "MiB"], &rows);
        let bloat = lab::site::workspace().join("scripts/bloat");
        if bloat.is_file() && !self.cli.quick {
            progress("size by crate");
            let out = Command::new(&bloat).output()?;
            text += &match out.status.success() {
                true => format!("\n{}", String::from_utf8_lossy(&out.stdout)),
                // The parts that follow are worth more than this table.
                false => {
                    let complaint = String::from_utf8_lossy(&out.stderr);
                    let last = complaint.lines().last().unwrap_or_default();
                    format!("\n- scripts/bloat FAILED: {last}\n")
                }
            };
        }
        self.tell("sizes", "Size of the programs", &text, json!(data))
    }
}
