//! Every parser of bytes from outside, as a function of any bytes that must not
//! panic and states what must hold of the answer. libFuzzer drives them by the
//! programs in `fuzz_targets/`; `tests/outside_bytes.rs` replays the corpus.
//!
//! To add one: a function here, its row in [`TARGETS`], `fuzz_targets/NAME.rs`
//! with its `[[bin]]` in Cargo.toml, and an input or two that are worth starting
//! from in `corpus/NAME/`.

mod bolt;
mod drives;
mod edits;
mod etcd;
mod files;
mod host;
mod text;
mod wal;

pub use bolt::bolt;
pub use drives::{ata_pages, nvme_pages, scsi_pages};
pub use edits::manifest_edit;
pub use etcd::{
    certificate, container_status, etcd_arguments, etcd_config, grpc_reply, last_lines, metrics,
    snapshot, snapshot_stream, version,
};
pub use files::{kubelet, manifest, processes, settings_files};
pub use host::{
    diskstats, io_stat, kernel_events, kernel_log, log_lines, log_story, log_tail, meminfo, mounts,
    own_files,
};
pub use text::terminal_text;
pub use wal::wal;

/// A name, which is that of its directory in the corpus, and the function.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("ata_pages", ata_pages),
    ("bolt", bolt),
    ("certificate", certificate),
    ("container_status", container_status),
    ("diskstats", diskstats),
    ("etcd_arguments", etcd_arguments),
    ("etcd_config", etcd_config),
    ("grpc_reply", grpc_reply),
    ("io_stat", io_stat),
    ("kernel_events", kernel_events),
    ("kernel_log", kernel_log),
    ("kubelet", kubelet),
    ("last_lines", last_lines),
    ("log_lines", log_lines),
    ("log_story", log_story),
    ("log_tail", log_tail),
    ("manifest", manifest),
    ("manifest_edit", manifest_edit),
    ("meminfo", meminfo),
    ("metrics", metrics),
    ("mounts", mounts),
    ("nvme_pages", nvme_pages),
    ("own_files", own_files),
    ("processes", processes),
    ("scsi_pages", scsi_pages),
    ("settings_files", settings_files),
    ("snapshot", snapshot),
    ("snapshot_stream", snapshot_stream),
    ("terminal_text", terminal_text),
    ("version", version),
    ("wal", wal),
];

/// The text up to the first empty line and the text behind it: inputs of two
/// parts.
fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    end.map_or((bytes, &[]), |at| (&bytes[..at], &bytes[at + 2..]))
}

/// The words of one part, a line each.
fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect()
}
