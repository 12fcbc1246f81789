//! What `ssh -L PORT:127.0.0.1:PORT MASTER` does, without ssh: a port of one
//! master's loopback that leads to one of another's.

use std::{
    fs::File,
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result};
use nix::sched::{CloneFlags, setns};

use crate::Master;

/// The port leads there until this is dropped; what goes through it then ends
/// with either side.
#[derive(Debug)]
pub struct Tunnel {
    over: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

impl Master {
    /// Makes `port` of this master's loopback lead to `to_port` of the other's.
    pub fn tunnel(&self, port: u16, to: &Master, to_port: u16) -> Result<Tunnel> {
        let (here, there) = (network(self)?, Arc::new(network(to)?));
        let over = Arc::new(AtomicBool::new(false));
        let (ready, bound) = mpsc::channel();
        let ends = Arc::clone(&over);
        let listening = thread::spawn(move || {
            let listener = enter(&here).and_then(|()| {
                let listener = TcpListener::bind(loopback(port))?;
                listener.set_nonblocking(true)?;
                Ok(listener)
            });
            match listener {
                Ok(listener) => {
                    drop(ready.send(Ok(())));
                    accept(&listener, &ends, &there, to_port);
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        });
        bound.recv()?.with_context(|| format!("listening on port {port} of {}", self.name()))?;
        Ok(Tunnel { over, listening: Some(listening) })
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(listening) = self.listening.take() {
            drop(listening.join());
        }
    }
}

fn loopback(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn network(master: &Master) -> Result<File> {
    let pid = master.init_pid().with_context(|| format!("{} has no power", master.name()))?;
    Ok(File::open(format!("/proc/{pid}/ns/net"))?)
}

/// A socket belongs to the network its thread was in.
fn enter(network: &File) -> Result<()> {
    setns(network, CloneFlags::CLONE_NEWNET).context("entering a master's network")
}

fn accept(listener: &TcpListener, over: &AtomicBool, there: &Arc<File>, to_port: u16) {
    while !over.load(Ordering::Relaxed) {
        let Ok((near, _)) = listener.accept() else {
            thread::sleep(Duration::from_millis(5));
            continue;
        };
        let there = Arc::clone(there);
        thread::spawn(move || {
            // Like ssh: who cannot be connected is hung up on.
            let far = enter(&there).ok().and_then(|()| TcpStream::connect(loopback(to_port)).ok());
            if let Some(far) = far {
                drop(carry(&near, &far));
            }
        });
    }
}

/// Both ways, until both have said everything.
fn carry(near: &TcpStream, far: &TcpStream) -> io::Result<()> {
    near.set_nonblocking(false)?;
    let (mut from_near, mut to_far) = (near.try_clone()?, far.try_clone()?);
    let there = thread::spawn(move || {
        let copied = io::copy(&mut from_near, &mut to_far);
        drop(to_far.shutdown(Shutdown::Write));
        copied
    });
    let copied = io::copy(&mut far.try_clone()?, &mut near.try_clone()?);
    drop(near.shutdown(Shutdown::Write));
    drop(there.join());
    copied.map(drop)
}
