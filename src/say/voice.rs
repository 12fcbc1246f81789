//! The one mouth of the program: what goes to stdout, what to stderr, and in
//! which dress. A closed pipe is the reader's choice and never a panic.

use std::{
    io::{self, Write},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::Serialize;

use super::{
    Terminal,
    bar::Bar,
    indented::indented,
    text::{clean, hang, is_command, wrap},
};
use crate::{
    failure::{Exit, Failure},
    settings::Settings,
};

/// Columns of a label such as "FAIL" with the space behind it.
const LABEL: usize = 7;

/// Speaks on stderr and answers on stdout. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Voice {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    terminal: Terminal,
    json: bool,
    verbose: u8,
    /// The bar on the screen; lines are printed above it.
    bar: Mutex<Option<Arc<Bar>>>,
    /// A question stands on the last line; whatever comes next starts anew.
    asking: AtomicBool,
    /// Bytes that are no JSON went to stdout.
    streamed: AtomicBool,
    /// stdout could not be written to: its reader has gone.
    unheard: AtomicBool,
    #[cfg(test)]
    captured: Option<Mutex<[Vec<u8>; 2]>>,
}

/// A standard stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Out,
    Err,
}

/// What a line is, beyond its words: the label says it, colour only adds.
#[derive(Clone, Copy, Debug)]
enum Mark {
    Ok,
    Warn,
    Fail,
    State,
    Next,
    Critical,
    Warning,
}

impl Mark {
    fn label(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
            Self::State => "State",
            Self::Next => "Next",
            Self::Critical => "CRITICAL",
            Self::Warning => "WARNING",
        }
    }

    /// SGR parameters (ECMA-48).
    fn colour(self) -> &'static str {
        match self {
            Self::Ok => "32",
            Self::Warn | Self::Warning => "33",
            Self::Fail | Self::Critical => "1;31",
            Self::State | Self::Next => "1",
        }
    }
}

impl Voice {
    /// A voice for these settings, on the streams of this process.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            inner: Arc::new(Inner {
                terminal: Terminal::detect(settings.color),
                json: settings.json,
                verbose: settings.verbose,
                bar: Mutex::default(),
                asking: AtomicBool::new(false),
                streamed: AtomicBool::new(false),
                unheard: AtomicBool::new(false),
                #[cfg(test)]
                captured: None,
            }),
        }
    }

    /// What the streams can do.
    #[must_use]
    pub fn terminal(&self) -> &Terminal {
        &self.inner.terminal
    }

    /// Columns to render for.
    #[must_use]
    pub fn width(&self) -> usize {
        self.inner.terminal.width
    }

    /// Whether stdout carries one JSON document.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.inner.json
    }

    /// How often `-v` was given.
    #[must_use]
    pub fn verbose(&self) -> u8 {
        self.inner.verbose
    }

    /// Lines of conversation; long prose is wrapped, commands and tables are
    /// left as they are.
    pub fn say(&self, text: &str) {
        let text = self.dressed(text);
        self.line(Stream::Err, &wrap(&text, self.width()));
    }

    /// An empty line.
    pub fn blank(&self) {
        self.line(Stream::Err, "");
    }

    /// The title of the next part, after an empty line.
    pub fn heading(&self, text: &str) {
        let text = self.dressed(text);
        self.line(Stream::Err, &format!("\n{}", self.coloured("1", &text)));
    }

    /// Something went well.
    pub fn ok(&self, text: &str) {
        self.labelled(Mark::Ok, text);
    }

    /// Something to know; it goes on.
    pub fn warn(&self, text: &str) {
        self.labelled(Mark::Warn, text);
    }

    /// Something went wrong; `failure` follows when it ends here.
    pub fn fail(&self, text: &str) {
        self.labelled(Mark::Fail, text);
    }

    /// A line for those who asked for more: printed with `level` times `-v`.
    pub fn detail(&self, level: u8, text: &str) {
        if self.inner.verbose >= level {
            self.say(text);
        }
    }

    /// Why the command did not succeed: what happened, what state the cluster
    /// is in now, what to type next.
    pub fn failure(&self, failure: &Failure) {
        let mark = if failure.exit == Exit::NeedsDecision { Mark::Warn } else { Mark::Fail };
        self.blank();
        self.labelled(mark, &failure.what);
        for (mark, text) in [(Mark::State, &failure.state), (Mark::Next, &failure.next)] {
            if !text.is_empty() {
                self.labelled(mark, text);
            }
        }
    }

    /// The answer, on stdout; nothing in JSON mode, where `json` is the
    /// answer.
    pub fn answer(&self, text: &str) {
        if !self.inner.json {
            let text = self.dressed(text);
            self.line(Stream::Out, &text);
        }
    }

    /// The one JSON document, on stdout; nothing for people, whose answer is
    /// `answer`.
    pub fn json(&self, document: &impl Serialize) {
        if !self.inner.json {
            return;
        }
        match serde_json::to_string(document) {
            Ok(text) => self.line(Stream::Out, &indented(&text)),
            Err(error) => self.fail(&format!("the JSON answer could not be written: {error}")),
        }
    }

    /// Bytes to stdout as they are: logs, a program's output, a snapshot.
    ///
    /// # Errors
    /// Whatever the write says; a closed pipe is `BrokenPipe`.
    pub fn raw(&self, bytes: &[u8]) -> io::Result<()> {
        if !bytes.is_empty() {
            self.inner.streamed.store(true, Ordering::Relaxed);
        }
        self.write(Stream::Out, bytes)
    }

    /// Whether `raw` has put anything on stdout: no document may follow it.
    #[must_use]
    pub fn has_streamed(&self) -> bool {
        self.inner.streamed.load(Ordering::Relaxed)
    }

    /// Bytes to stderr as they are: a program's stderr.
    ///
    /// # Errors
    /// Whatever the write says.
    pub fn raw_err(&self, bytes: &[u8]) -> io::Result<()> {
        self.write(Stream::Err, bytes)
    }

    /// A question without a line end, on stderr.
    pub(super) fn question(&self, text: &str) {
        let text = wrap(&self.dressed(text), self.width());
        // The trailing space separates what is typed; wrapping trims it.
        let _closed_is_fine = self.write(Stream::Err, format!("{text} ").as_bytes());
        self.inner.asking.store(true, Ordering::Relaxed);
    }

    /// The question was answered, and Enter ended its line.
    pub(super) fn answered(&self) {
        self.inner.asking.store(false, Ordering::Relaxed);
    }

    /// Puts a bar on the screen (or takes it away): lines go above it.
    pub(super) fn set_bar(&self, bar: Option<Arc<Bar>>) {
        *self.bar_slot() = bar;
    }

    /// Whether there is one.
    pub(super) fn has_bar(&self) -> bool {
        self.bar_slot().is_some()
    }

    fn labelled(&self, mark: Mark, text: &str) {
        let text = self.dressed(text);
        let indent = " ".repeat(LABEL);
        let mut lines = Vec::new();
        for line in text.split('\n') {
            lines.push(if is_command(line) {
                format!("{indent}{}", line.trim_start())
            } else {
                hang(&indent, line, self.width())
            });
        }
        let body = lines.join("\n");
        let label = format!("{:<LABEL$}", mark.label());
        let rest = body.get(LABEL..).unwrap_or_default();
        self.line(
            Stream::Err,
            format!("{}{rest}", self.coloured(mark.colour(), &label)).trim_end(),
        );
    }

    fn dressed(&self, text: &str) -> String {
        clean(text, self.inner.terminal.utf8)
    }

    fn coloured(&self, sgr: &str, text: &str) -> String {
        if self.inner.terminal.color {
            let bare = text.trim_end();
            format!("\x1b[{sgr}m{bare}\x1b[0m{}", &text[bare.len()..])
        } else {
            text.to_owned()
        }
    }

    fn line(&self, stream: Stream, text: &str) {
        let start = if self.inner.asking.swap(false, Ordering::Relaxed) { "\n" } else { "" };
        let write = || {
            // Nobody reads any more: that is no reason to stop a recovery.
            let written = self.write(stream, format!("{start}{text}\n").as_bytes());
            if written.is_err() && stream == Stream::Out {
                self.inner.unheard.store(true, Ordering::Relaxed);
            }
        };
        let bar = self.bar_slot().clone();
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn write(&self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        if let Some(captured) = &self.inner.captured {
            let mut streams = captured.lock().unwrap_or_else(PoisonError::into_inner);
            streams[usize::from(stream == Stream::Err)].extend_from_slice(bytes);
            return Ok(());
        }
        match stream {
            Stream::Out => {
                let mut out = io::stdout().lock();
                out.write_all(bytes)?;
                out.flush()
            }
            Stream::Err => io::stderr().lock().write_all(bytes),
        }
    }

    fn bar_slot(&self) -> MutexGuard<'_, Option<Arc<Bar>>> {
        self.inner.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl Voice {
    /// A voice that keeps what it says.
    pub(crate) fn captured(terminal: Terminal, json: bool, verbose: u8) -> Self {
        Self {
            inner: Arc::new(Inner {
                terminal,
                json,
                verbose,
                bar: Mutex::default(),
                asking: AtomicBool::new(false),
                streamed: AtomicBool::new(false),
                unheard: AtomicBool::new(false),
                captured: Some(Mutex::default()),
            }),
        }
    }

    /// What went to stdout and to stderr so far.
    pub(crate) fn heard(&self) -> (String, String) {
        let captured = self.inner.captured.as_ref().expect("a captured voice");
        let streams = captured.lock().expect("no panic while writing");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&streams[0]), text(&streams[1]))
    }
}

mod page;
#[cfg(test)]
mod tests;
