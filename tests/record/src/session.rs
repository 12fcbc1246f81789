//! A program in a real terminal: reads what it prints, with the time it came at,
//! and types. Knows nothing of what is shown.

use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Command},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::pty::{Winsize, openpty};

use crate::film::Film;

/// What is awaited comes within this time even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);
/// Who prints nothing for so long waits for an answer.
const QUIET: Duration = Duration::from_millis(200);

/// A terminal with a program in it.
pub struct Session {
    program: Child,
    keyboard: File,
    printed: Receiver<Vec<u8>>,
    /// The beginning of a letter whose end is still to come.
    cut: Vec<u8>,
    began: Instant,
    typed: Duration,
    film: Film,
}

impl Session {
    /// Starts `command` as the leader of a session that has this terminal.
    pub fn open(command: Command, columns: u16, rows: u16) -> Result<Self> {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(Some(&size), None).context("opening a terminal")?;
        let mut leader = Command::new("setsid");
        leader.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
        leader.stdin(pair.slave.try_clone()?).stdout(pair.slave.try_clone()?).stderr(pair.slave);
        let program = leader.spawn().context("starting setsid")?;
        // It keeps copies of our end of the terminal, and an end that is open never ends.
        drop(leader);
        let keyboard = File::from(pair.master);
        let mut screen = keyboard.try_clone()?;
        let (tell, printed) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 16_384];
            // The terminal of a program that has ended is an error (EIO).
            while let Ok(n @ 1..) = screen.read(&mut bytes) {
                if tell.send(bytes[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        let film = Film::new(columns.into())?;
        let (cut, began, typed) = (Vec::new(), Instant::now(), Duration::ZERO);
        Ok(Self { program, keyboard, printed, cut, began, typed, film })
    }

    /// Waits until the line with the cursor ends with one of these and nothing more
    /// comes; which one.
    pub fn read_to<'a>(&mut self, ends: &[&'a str]) -> Result<&'a str> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.read(QUIET)? {
                continue;
            }
            let line = self.film.line_of_the_cursor();
            if let Some(end) = ends.iter().find(|end| line.ends_with(**end)) {
                return Ok(end);
            }
            if Instant::now() > deadline {
                bail!("it waits at `{line}`, not at {ends:?}");
            }
        }
    }

    /// Does nothing for a while, but see.
    pub fn think(&mut self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        while let Some(rest) = until.checked_duration_since(Instant::now()) {
            self.read(rest)?;
        }
        Ok(())
    }

    /// Reads what came since the last line was typed.
    pub fn ponder(&mut self, time: Duration) -> Result<()> {
        let from = self.began.elapsed();
        self.think(time)?;
        self.film.read(self.typed, from, self.began.elapsed());
        Ok(())
    }

    /// Types a line as fingers do.
    pub fn enter(&mut self, line: &str) -> Result<()> {
        for key in line.chars() {
            write!(self.keyboard, "{key}")?;
            self.think(Duration::from_millis(70))?;
        }
        self.think(Duration::from_millis(250))?;
        self.typed = self.began.elapsed();
        self.keyboard.write_all(b"\r").context("typing")
    }

    /// Ends the program, and hands out what was seen until then.
    pub fn end(mut self) -> Result<Film> {
        self.film.close(self.began.elapsed());
        let film = self.film;
        self.keyboard.write_all(b"exit\r")?;
        let deadline = Instant::now() + PATIENCE;
        while self.program.try_wait()?.is_none() {
            if Instant::now() > deadline {
                self.program.kill()?;
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(film)
    }

    /// Whether something came within this time.
    fn read(&mut self, patience: Duration) -> Result<bool> {
        let bytes = match self.printed.recv_timeout(patience) {
            Ok(bytes) => bytes,
            Err(RecvTimeoutError::Timeout) => return Ok(false),
            Err(RecvTimeoutError::Disconnected) => bail!("the program in the terminal ended"),
        };
        self.cut.extend(bytes);
        let whole = match std::str::from_utf8(&self.cut) {
            Ok(all) => all.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(error) => return Err(error).context("what it printed"),
        };
        let rest = self.cut.split_off(whole);
        let text = String::from_utf8(std::mem::replace(&mut self.cut, rest))?;
        self.film.show(self.began.elapsed(), &text);
        Ok(true)
    }
}
