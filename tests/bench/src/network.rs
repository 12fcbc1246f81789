//! Work inside a master's network: a socket belongs to the network its thread was
//! in, so a thread of its own moves there.

use std::{fs::File, thread::JoinHandle};

use anyhow::{Context, Result, anyhow};
use lab::Master;
use nix::sched::{CloneFlags, setns};

/// Starts a thread in the network of `master` that runs what `work` makes.
pub fn start<T, F>(
    master: &Master,
    work: impl FnOnce() -> F + Send + 'static,
) -> Result<JoinHandle<Result<T>>>
where
    T: Send + 'static,
    F: Future<Output = Result<T>>,
{
    let pid = master.init_pid().with_context(|| format!("{} has no power", master.name()))?;
    let network = File::open(format!("/proc/{pid}/ns/net"))?;
    let thread = move || {
        setns(network, CloneFlags::CLONE_NEWNET).context("entering a master's network")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(work())
    };
    Ok(std::thread::Builder::new().spawn(thread)?)
}

/// The same, waited for.
pub fn within<T, F>(master: &Master, work: impl FnOnce() -> F + Send + 'static) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>>,
{
    join(start(master, work)?)
}

/// Waits for the end of such a thread.
pub fn join<T>(thread: JoinHandle<Result<T>>) -> Result<T> {
    thread.join().map_err(|_| anyhow!("a thread panicked"))?
}
