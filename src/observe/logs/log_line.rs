//! One line of a container's log, and how the pieces of a long one are put
//! together. Pure; any bytes are a line.

/// Longest line kept together; what follows becomes a line of its own.
pub const LONGEST: usize = 1 << 20;

/// Which stream of the program a line was written to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error; etcd logs here.
    #[default]
    Stderr,
}

/// A whole line of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogLine {
    /// When its first piece was written (RFC 3339 with nanoseconds); empty
    /// for a line that is not in a known form.
    pub time: String,
    /// Where it was written to.
    pub stream: Stream,
    /// The text, without the line end; bytes that are no UTF-8 are replaced.
    pub text: String,
}

/// One line of the file: a whole line of the log or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    time: String,
    stream: Stream,
    /// Whether the line goes on in the next entry of this stream.
    pub partial: bool,
    text: Vec<u8>,
}

impl Entry {
    /// Reads `<RFC3339Nano> stdout|stderr P|F <text>` (kubernetes
    /// design-proposals, CRI logging) or a line of docker's json-file driver
    /// (behind cri-dockerd); anything else is text.
    pub fn parse(line: &[u8]) -> Self {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        cri(line).or_else(|| docker(line)).unwrap_or_else(|| Self {
            time: String::new(),
            stream: Stream::Stderr,
            partial: false,
            text: line.to_vec(),
        })
    }
}

fn cri(line: &[u8]) -> Option<Entry> {
    let mut fields = line.splitn(4, |byte| *byte == b' ');
    let time = std::str::from_utf8(fields.next()?).ok().filter(|time| time.contains('T'))?;
    let stream = stream(fields.next()?)?;
    // More tags may follow the first one, separated by colons.
    let partial = match fields.next()?.split(|byte| *byte == b':').next()? {
        b"P" => true,
        b"F" => false,
        _ => return None,
    };
    let text = fields.next().unwrap_or_default().to_vec();
    Some(Entry { time: time.to_owned(), stream, partial, text })
}

fn docker(line: &[u8]) -> Option<Entry> {
    #[derive(serde::Deserialize)]
    struct Line {
        log: String,
        stream: String,
        time: String,
    }
    let Line { log, stream: name, time } =
        serde_json::from_slice(line.starts_with(b"{\"").then_some(line)?).ok()?;
    let stream = stream(name.as_bytes())?;
    let (text, partial) = match log.strip_suffix('\n') {
        Some(text) => (text, false),
        None => (log.as_str(), true),
    };
    Some(Entry { time, stream, partial, text: text.as_bytes().to_vec() })
}

fn stream(name: &[u8]) -> Option<Stream> {
    match name {
        b"stdout" => Some(Stream::Stdout),
        b"stderr" => Some(Stream::Stderr),
        _ => None,
    }
}

/// Puts pieces together, each stream by itself.
#[derive(Clone, Debug, Default)]
pub struct Joiner {
    stdout: Option<Entry>,
    stderr: Option<Entry>,
}

impl Joiner {
    /// Takes one line of the file; gives the line that ends with it.
    pub fn push(&mut self, entry: Entry) -> Option<LogLine> {
        let pending = match entry.stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let joined = match pending.take() {
            None => entry,
            Some(mut begun) => {
                begun.text.extend_from_slice(&entry.text);
                begun.partial = entry.partial;
                begun
            }
        };
        if joined.partial && joined.text.len() < LONGEST {
            *pending = Some(joined);
            return None;
        }
        Some(finish(joined))
    }

    /// What is still waiting for its end, when no more will come.
    pub fn rest(self) -> impl Iterator<Item = LogLine> {
        [self.stdout, self.stderr].into_iter().flatten().map(finish)
    }
}

fn finish(entry: Entry) -> LogLine {
    let text = String::from_utf8_lossy(&entry.text).into_owned();
    LogLine { time: entry.time, stream: entry.stream, text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &str) -> Vec<(Stream, String)> {
        let mut joiner = Joiner::default();
        let mut lines: Vec<LogLine> =
            text.lines().filter_map(|line| joiner.push(Entry::parse(line.as_bytes()))).collect();
        lines.extend(joiner.rest());
        lines.into_iter().map(|line| (line.stream, line.text)).collect()
    }

    #[test]
    fn pieces_are_joined_stream_by_stream() {
        let text = "\
2026-11-23T03:45:44.727585123Z stderr P one 
2026-11-23T03:45:44.727585124Z stdout F other
2026-11-23T03:45:44.727585125Z stderr F two
2026-11-23T03:45:44.727585126Z stderr F
2026-11-23T03:45:44.727585127+01:00 stderr P end";
        let expected = [
            (Stream::Stdout, "other"),
            (Stream::Stderr, "one two"),
            (Stream::Stderr, ""),
            (Stream::Stderr, "end"),
        ];
        assert_eq!(lines(text), expected.map(|(stream, text)| (stream, text.to_owned())));
    }

    #[test]
    fn docker_and_unknown_forms_are_read_too() {
        let docker = r#"{"log":"hello\n","stream":"stdout","time":"2026-11-23T03:45:44Z"}"#;
        assert_eq!(lines(docker), [(Stream::Stdout, "hello".to_owned())]);
        for odd in ["", "plain text", "2026-11-23T03 stderr X y", r#"{"level":"info"}"#] {
            let mut joiner = Joiner::default();
            let line = joiner.push(Entry::parse(odd.as_bytes())).unwrap_or_default();
            assert_eq!((line.text.as_str(), line.time.as_str()), (odd, ""));
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut joiner = Joiner::default();
            for line in bytes.split(|byte| *byte == b'\n') {
                let _ = joiner.push(Entry::parse(line));
            }
            let _ = joiner.rest().count();
        }

        #[test]
        fn never_panics_on_almost_lines(text in "[0-9T:. ]{0,12}(stdout|stderr)? ?[PF:]{0,3} ?.{0,20}") {
            let _ = Entry::parse(text.as_bytes());
        }
    }
}
