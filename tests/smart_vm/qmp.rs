//! qemu's machine protocol (QMP): one JSON document a line, commands with their
//! answers and events between them. Only asks; means nothing by it.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
};

use serde_json::{Value, json};

/// A connection past its greeting.
pub struct Qmp(BufReader<UnixStream>);

impl Qmp {
    pub fn new(stream: UnixStream) -> Self {
        let mut qmp = Self(BufReader::new(stream));
        let greeting = qmp.read();
        assert!(greeting["QMP"].is_object(), "{greeting}");
        qmp.execute("qmp_capabilities", json!({}));
        qmp
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("qemu answers");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
    }

    /// Does it, and fails unless qemu did.
    #[track_caller]
    pub fn execute(&mut self, command: &str, arguments: Value) -> Value {
        let text = json!({ "execute": command, "arguments": arguments }).to_string();
        writeln!(self.0.get_mut(), "{text}").unwrap();
        loop {
            let mut answer = self.read();
            if !answer["event"].is_null() {
                continue;
            }
            assert!(answer["error"].is_null(), "{text}: {answer}");
            return answer["return"].take();
        }
    }

    /// Sets a property of a device on the running machine.
    #[track_caller]
    pub fn set(&mut self, device: &str, property: &str, value: impl Into<Value>) {
        let path = format!("/machine/peripheral/{device}");
        self.execute(
            "qom-set",
            json!({ "path": path, "property": property, "value": value.into() }),
        );
    }

    /// Lets so many bytes a second through to a disk; 0 = all.
    #[track_caller]
    pub fn throttle(&mut self, device: &str, bytes_written: u64) {
        let limits = json!({
            "id": device, "bps": 0, "bps_rd": 0, "bps_wr": bytes_written,
            "iops": 0, "iops_rd": 0, "iops_wr": 0,
        });
        self.execute("block_set_io_throttle", limits);
    }
}
