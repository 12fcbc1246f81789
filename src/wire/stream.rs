//! The byte stream below HTTP, with a record of how it ended. HTTP libraries
//! reduce the cause of a broken stream to a sentence; here it stays typed.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::rustls::AlertDescription;

use super::handshake::rustls_error;

/// How many bytes of the server's answer are kept to tell protocols apart.
const OPENING: usize = 16;

/// A TCP or TLS stream.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

/// Why a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The server closed it.
    Closed,
    /// The server sent a TLS alert.
    Alert(AlertDescription),
    /// The operating system or the TLS layer broke it.
    Failed(String),
}

/// What is known of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// The first bytes the server sent.
    pub(super) opening: Vec<u8>,
    /// How it ended; the first cause counts, but an alert beats all.
    pub(super) ending: Option<Ending>,
}

impl Record {
    fn hear(&mut self, bytes: &[u8]) {
        let room = OPENING.saturating_sub(self.opening.len());
        self.opening.extend(bytes.iter().take(room));
    }

    fn end(&mut self, ending: Ending) {
        if self.ending.is_none() || matches!(ending, Ending::Alert(_)) {
            self.ending = Some(ending);
        }
    }
}

/// Shared view of a stream's record.
#[derive(Clone, Debug, Default)]
pub(super) struct Log(Arc<Mutex<Record>>);

impl Log {
    pub(super) fn read(&self) -> Record {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, change: impl FnOnce(&mut Record)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A stream that keeps a record.
pub(super) struct Tap {
    inner: Pin<Box<dyn Duplex>>,
    log: Log,
    write_dead: bool,
}

impl Tap {
    pub(super) fn new(inner: impl Duplex + 'static) -> Self {
        Self { inner: Box::pin(inner), log: Log::default(), write_dead: false }
    }

    pub(super) fn log(&self) -> Log {
        self.log.clone()
    }

    /// Notes a failed read or write.
    fn failed(&self, error: &io::Error) {
        let ending = match rustls_error(error) {
            Some(tokio_rustls::rustls::Error::AlertReceived(alert)) => Ending::Alert(*alert),
            _ if error.kind() == io::ErrorKind::UnexpectedEof => Ending::Closed,
            _ => Ending::Failed(error.to_string()),
        };
        self.log.note(|record| record.end(ending));
    }

    /// Swallows a failed write and everything written after it. The reason
    /// may still wait to be read: a server that refuses a TLS 1.3 client
    /// certificate sends its alert and closes while we are still sending. A
    /// socket that fails to write also ends its reads, so nobody waits in vain.
    fn swallow<T>(&mut self, polled: Poll<io::Result<T>>, instead: T) -> Poll<io::Result<T>> {
        match polled {
            Poll::Ready(Err(error)) => {
                self.failed(&error);
                self.write_dead = true;
                Poll::Ready(Ok(instead))
            }
            other => other,
        }
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (buffer.filled().len(), buffer.remaining());
        let polled = self.inner.as_mut().poll_read(cx, buffer);
        match &polled {
            Poll::Ready(Err(error)) => self.failed(error),
            Poll::Ready(Ok(())) if room > 0 => {
                let new = buffer.filled().get(before..).unwrap_or_default();
                self.log.note(|record| match new {
                    [] => record.end(Ending::Closed),
                    new => record.hear(new),
                });
            }
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        polled
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.write_dead {
            return Poll::Ready(Ok(bytes.len()));
        }
        let polled = self.inner.as_mut().poll_write(cx, bytes);
        self.swallow(polled, bytes.len())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.write_dead {
            return Poll::Ready(Ok(()));
        }
        let polled = self.inner.as_mut().poll_flush(cx);
        self.swallow(polled, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.as_mut().poll_shutdown(cx)
    }
}
