//! etcd-rescue gets etcd writable again on a dead Kubernetes control plane, says
//! why etcd is slow and what fills it, and sees to it that it does not happen again.
//!
//! One static binary, copied onto a master, talks to the container runtime's
//! CRI socket and to every member's gRPC API. This page is the architecture.
//!
//! # The shape
//!
//! ```text
//! observe -> decide -> consent -> act -> verify -> say
//! ```
//!
//! * [`observe`] reads: this node (container, process, manifest, certificates,
//!   disk) and every member. It never changes anything.
//! * [`decide`] is pure: a [`model::World`] and [`model::Wishes`] become a
//!   [`model::Plan`] or refusals; before and after become a verdict.
//! * [`consent`] mints a token for one step: by a person's answer, or by `--yes`.
//! * [`act`] has the effects, each against a token.
//! * [`flow`] tells the stories: one file each, readable top to bottom.
//! * [`say`] is the only room that writes to stdout (the answer) and stderr
//!   (the conversation).
//! * What is known of each kind of installation (paths, certificates, who may change
//!   what) is one table, [`model::layout`]: a row is a file, and no other file knows more.
//! * [`wire`] holds channels and generated protocol types; [`sys`] what the
//!   kernel tells.
//!
//! # Invariants
//!
//! * A plan leaves no choice to whoever executes it; every step re-reads the
//!   state it depends on, and the gates are checked again before each.
//! * No defragmentation touches the last full, untouched copy of the data before
//!   a snapshot was written, synced, read back and compared with etcd's own
//!   checksum (unless `--no-snapshot`). What is copied from this node's own file in
//!   the stream's place is only believed when etcd held that very file's pages still,
//!   behind the transaction of an open stream, from before to after. Where several members are proven equal
//!   before anything is changed, one of them is made small first, proven equal
//!   again, and saved, all while the others stay untouched; everywhere else
//!   everything is saved before the history goes.
//! * Members that must shrink come before the disarm, those that can wait after
//!   it; in both parts followers first,
//!   the leader last, by who leads at that moment.
//! * Compaction is settled on a member before that member is defragmented, and
//!   its size is judged afterwards.
//! * Only NOSPACE is ever disarmed, per member, and only while every member's
//!   database is under its quota.
//! * A step that met a server that went away is repeated only after a fresh
//!   look, and every step may be repeated: nothing depends on what a run
//!   remembers, so another run does as well. The journal is never read.
//! * Only what comes back by itself is waited for.
//! * The old database file of this node's member keeps a second name, where that
//!   is free, until the run has proven all well; it is never needed, and never a
//!   reason to refuse.
//! * Nothing is removed but `db.tmp.*` of a dead defragmentation, unfinished and
//!   second-name files of our own, and what a typed word named: keys (`purge`), the old data
//!   of a member that runs elsewhere (`relocate --remove-old`).
//! * Keys are only deleted in ranges that were counted, behind a verified
//!   snapshot; some prefixes never. No value of a key is kept or shown.
//! * A manifest is replaced by one rename from outside its directory, and the old
//!   one put back when etcd does not run well with the new one. Of a data
//!   directory only the copy that was written last is ever started.
//! * What may hang with a disk (paths of its filesystem, its firmware) is looked
//!   at by a child with a deadline, and said to be unseen when that ends; a drive
//!   is asked once, never polled.
//! * The data of an etcd that does not run are looked at, never mended: a copy is
//!   made first, and a person does the rest. A torn end is not called damage.
//! * `diagnose` changes nothing: its small load and a drive's self-test are asked
//!   for, and what stays unknown is never called healthy.
//! * A disk is only called one to replace by two independent kinds of evidence,
//!   or by its own firmware.
//! * A kubelet is only ever stopped by a guardian process, which lets it go
//!   when the rescue ends in any way.
//! * `--yes` answers questions; it opens no gate.
//! * TLS is verified, always. Key material and passwords reach no output.
//!
//! # Directions
//!
//! flow -> {observe, decide, consent, act, say}; observe, act -> {wire, sys};
//! everything -> model; decide -> model only; act never imports observe; only
//! flow and this file know say. `tests/house.rs` holds this.

pub mod act;
pub mod cli;
pub mod consent;
pub mod decide;
pub mod failure;
pub mod flow;
pub mod model;
pub mod observe;
pub mod say;
pub mod settings;
pub mod sys;
pub mod wire;

/// musl's own allocator maps and unmaps every larger block: the buffers of a
/// stream then cost more than what is done with them. Children are only forked
/// to run a program, so no lock is left behind in one.
#[cfg(target_env = "musl")]
#[global_allocator]
static MEMORY: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// Runs one command to its exit code. Failures of the command are printed, not
/// returned.
///
/// # Errors
/// When the asynchronous runtime cannot be started.
pub fn run(cli: cli::Cli) -> std::io::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(flow::run(cli));
    // A prompt may still be blocked on the terminal; nobody waits for it.
    runtime.shutdown_background();
    Ok(code)
}

/// Whether this process was started as the guardian of a held kubelet; when it
/// was, its work is done.
#[must_use]
pub fn guarded_a_kubelet() -> bool {
    let args: Vec<_> = std::env::args_os().take(4).collect();
    let asked = act::kubelet_guardian::asked_to_guard(&args);
    asked.inspect(|kubelet| act::kubelet_guardian::guard(*kubelet)).is_some()
}

/// Whether this process was started by another of ours to look at something
/// that may hang; when it was, its work is done.
#[must_use]
pub fn looked_aside() -> bool {
    let Some(words) = sys::aside::asked() else { return false };
    let mut words = words.into_iter();
    let word = words.next().unwrap_or_default();
    let rest: Vec<std::ffi::OsString> = words.collect();
    match word.to_str().unwrap_or_default() {
        "path" => sys::aside::answer(&observe::aside::look_at_paths(&rest)),
        "data-dir" => sys::aside::answer(&observe::data_disk::look_at_data_dir(&rest)),
        "stopped" => sys::aside::answer(&observe::stopped::look_at_stopped(&rest)),
        "new-files" => sys::aside::answer(&observe::data_disk::look_for_new_files(&rest)),
        "places" => sys::aside::answer(&observe::data_disk::look_for_places(&rest)),
        "place" => sys::aside::answer(&observe::data_disk::judge_place(&rest)),
        "target" => sys::aside::answer(&observe::data_disk::judge_target(&rest)),
        "relocation" => sys::aside::answer(&observe::relocation_target::look(&rest)),
        "disks" => sys::aside::answer(&observe::aside::look_below(&rest)),
        "drive" => sys::aside::answer(&observe::aside::look_at_drive(&rest)),
        "log" => sys::aside::answer(&observe::aside::read_log(&rest)),
        "symptoms" => sys::aside::answer(&observe::aside::find_symptoms(&rest)),
        "probe" => sys::aside::answer(&act::fsync_probe::run(&rest)),
        "self-test" => sys::aside::answer(&act::self_test::run(&rest)),
        _ => {}
    }
    true
}

/// Tells why the command line was not understood, or prints the help that was
/// asked for; the exit code.
#[must_use]
pub fn not_understood(error: &clap::Error) -> u8 {
    flow::not_understood(error, std::env::args_os())
}
