//! The process in between, on real commands: what it tells of one that works, one
//! that fails, one that is killed and one that cannot be started.

use std::{fs, path::PathBuf, process::Command};

use serde_json::Value;

/// A directory of one test, which goes with it.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("bench-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    /// The record, stdout and stderr of a command.
    fn measured(&self, line: &[&str]) -> (Value, String, String) {
        let files = ["record", "out", "err"].map(|name| self.0.join(name));
        let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
        command.arg("measured").args(&files).args(line);
        assert!(command.status().unwrap().success());
        let [record, out, err] = files.map(|file| fs::read_to_string(file).unwrap());
        (serde_json::from_str(&record).unwrap(), out, err)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_command_is_measured_with_its_children() {
    let place = Place::new("good");
    // The child of the shell does the work.
    let script = "echo said; head -c 20000000 /dev/urandom | sha256sum >&2; true";
    let (record, out, err) = place.measured(&["/bin/sh", "-c", script]);
    assert_eq!((&record["code"], &record["signal"]), (&Value::from(0), &Value::Null));
    assert_eq!(out, "said\n");
    assert!(err.ends_with("-\n"), "{err}");
    let number = |key: &str| record[key].as_f64().unwrap();
    assert!(number("ended_ns") > number("started_ns"), "{record}");
    assert!(number("cpu_ms") > 0.0 && number("peak_kib") > 0.0, "{record}");
}

#[test]
fn a_failing_command_is_told_as_failing() {
    let place = Place::new("bad");
    let (record, _, err) = place.measured(&["/bin/sh", "-c", "echo why >&2; exit 5"]);
    assert_eq!((&record["code"], err.as_str()), (&Value::from(5), "why\n"));
    let (record, ..) = place.measured(&["/bin/sh", "-c", "kill -9 $$"]);
    assert_eq!((&record["code"], &record["signal"]), (&Value::Null, &Value::from(9)));
    let (record, _, err) = place.measured(&["/nonexistent/tool"]);
    assert_eq!((&record["code"], &record["signal"]), (&Value::Null, &Value::Null));
    assert!(err.contains("/nonexistent/tool: No such file"), "{err}");
}

#[test]
fn memory_below_that_of_this_program_can_be_seen() {
    let place = Place::new("small");
    let (record, ..) = place.measured(&["/bin/true"]);
    assert!(record["peak_kib"].as_u64().unwrap() < 4096, "{record}");
}
