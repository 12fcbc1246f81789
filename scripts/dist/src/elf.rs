//! Adds a section to a linked ELF file without touching anything that is loaded:
//! 64 bits, little-endian, as both of our CPUs are (elf(5)).

use anyhow::{Context, Result, ensure};

/// Of the file header: where the section headers are, their number, and which of
/// them is that of the names.
const SECTIONS_AT: usize = 0x28;
const NUMBER_AT: usize = 0x3c;
const NAMES_AT: usize = 0x3e;
/// Of a section header: its size, and where its section's place and size are.
const HEADER: usize = 64;
const OFFSET_AT: usize = 0x18;
const SIZE_AT: usize = 0x20;
const ALIGNMENT_AT: usize = 0x30;
/// SHT_PROGBITS: contents that the file format gives no meaning.
const PROGBITS: u32 = 1;

/// The file with that section behind everything else.
pub fn with_section(file: &[u8], name: &str, contents: &[u8]) -> Result<Vec<u8>> {
    ensure!(file.get(..6) == Some(b"\x7fELF\x02\x01"), "no 64-bit little-endian ELF file");
    let at = usize::try_from(number(file, SECTIONS_AT, 8)?)?;
    let count = usize::try_from(number(file, NUMBER_AT, 2)?)?;
    let names = usize::try_from(number(file, NAMES_AT, 2)?)?;
    ensure!(names < count, "it has no section names");
    let mut headers = file.get(at..at + count * HEADER).context("cut off")?.to_vec();
    let text_at = usize::try_from(number(&headers, names * HEADER + OFFSET_AT, 8)?)?;
    let text_size = usize::try_from(number(&headers, names * HEADER + SIZE_AT, 8)?)?;
    let mut text = file.get(text_at..text_at + text_size).context("cut off")?.to_vec();
    text.extend_from_slice(name.as_bytes());
    text.push(0);

    // Behind the headers nothing is left that anything points to.
    let mut out =
        if at + headers.len() == file.len() { file[..at].to_vec() } else { file.to_vec() };
    let contents_at = out.len();
    out.extend_from_slice(contents);
    put(&mut headers, names * HEADER + OFFSET_AT, out.len() as u64, 8);
    put(&mut headers, names * HEADER + SIZE_AT, text.len() as u64, 8);
    out.extend_from_slice(&text);
    out.resize(out.len().next_multiple_of(8), 0);
    let headers_at = out.len();
    let mut header = [0; HEADER];
    put(&mut header, 0, text_size as u64, 4);
    put(&mut header, 4, u64::from(PROGBITS), 4);
    put(&mut header, OFFSET_AT, contents_at as u64, 8);
    put(&mut header, SIZE_AT, contents.len() as u64, 8);
    put(&mut header, ALIGNMENT_AT, 1, 8);
    out.extend_from_slice(&headers);
    out.extend_from_slice(&header);
    put(&mut out, SECTIONS_AT, headers_at as u64, 8);
    put(&mut out, NUMBER_AT, count as u64 + 1, 2);
    Ok(out)
}

fn number(bytes: &[u8], at: usize, size: usize) -> Result<u64> {
    let field = bytes.get(at..at + size).context("cut off")?;
    Ok(field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn put(bytes: &mut [u8], at: usize, number: u64, size: usize) {
    bytes[at..at + size].copy_from_slice(&number.to_le_bytes()[..size]);
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::*;

    /// Judged by binutils, on this very test program.
    #[test]
    fn the_section_is_there_and_the_program_still_starts() {
        let own = std::env::current_exe().expect("known");
        let copy = std::env::temp_dir().join(format!("dist-elf-{}", std::process::id()));
        let bytes = with_section(&fs::read(&own).expect("read"), ".dep-v0", b"what it is made of")
            .expect("added");
        fs::copy(&own, &copy).expect("copied");
        fs::write(&copy, bytes).expect("written");
        let dump = Command::new("readelf").arg("--string-dump=.dep-v0").arg(&copy).output();
        let started = Command::new(&copy).arg("--list").output();
        fs::remove_file(&copy).expect("removed");
        let dump = String::from_utf8_lossy(&dump.expect("binutils").stdout).into_owned();
        assert!(dump.contains("what it is made of"), "{dump}");
        assert!(started.expect("it starts").status.success());
        for broken in [&b"\x7fELF\x02\x01"[..], b"", b"#!/bin/sh\nexit 0\n"] {
            assert!(with_section(broken, ".dep-v0", b"x").is_err());
        }
    }
}
