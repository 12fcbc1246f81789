//! Sizes as people type them for etcd: bytes, or with a unit.

use super::usage;
use crate::failure::Failure;

/// A size in bytes: "8589934592", "8GiB", "8G" and "8gb" are the same; units
/// are powers of 1024, as etcd's own documentation counts its quota.
///
/// # Errors
/// A usage failure when it is none, or zero.
pub fn size(flag: &str, text: &str) -> Result<u64, Failure> {
    let bad = || {
        usage(
            &format!("{flag}: cannot read `{text}` as a size"),
            &format!(
                "write it like 4GiB, 4096MiB or 4294967296: `etcd-rescue prevent {flag} 4GiB`"
            ),
        )
    };
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let number: u64 = trimmed[..digits].parse().map_err(|_| bad())?;
    let shift = match trimmed[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return Err(bad()),
    };
    number.checked_mul(1 << shift).filter(|bytes| *bytes > 0).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("1", 1),
            ("64M", 64 << 20),
            ("8 GiB", 8 << 30),
            ("8gb", 8 << 30),
            ("4294967296", 4 << 30),
        ] {
            assert_eq!(size("--quota", text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "0G", "-1G", "1.5G", "G", "8T", "99999999999G", "1e9"] {
            assert!(size("--quota", text).is_err(), "{text}");
        }
    }
}
