//! What a file that is no database looks like, by its first bytes.

/// Beginnings of well-known kinds of files.
const KINDS: &[(usize, &[u8], &str)] = &[
    (0, b"\x1f\x8b", "it is packed with gzip; unpack it first"),
    (0, b"\x28\xb5\x2f\xfd", "it is packed with zstd; unpack it first"),
    (0, b"\xfd7zXZ\0", "it is packed with xz; unpack it first"),
    (0, b"BZh", "it is packed with bzip2; unpack it first"),
    (0, b"\x04\x22\x4d\x18", "it is packed with lz4; unpack it first"),
    (0, b"PK\x03\x04", "it is a zip archive; unpack it first"),
    (257, b"ustar", "it is a tar archive; unpack it first"),
    (0, b"SQLite format 3\0", "it is an SQLite database, as k3s has without an etcd"),
    (0, b"\x7fELF", "it is a program"),
    (0, b"Salted__", "it is encrypted (openssl); decrypt it first"),
    (0, b"age-encryption.org/", "it is encrypted (age); decrypt it first"),
    (16, &[0xED, 0x0C, 0xDA, 0xED], "it was written on a big-endian machine (s390x)"),
];

/// A sentence about a file's beginning; `length` is that of the whole file.
pub(super) fn looks_like(head: &[u8], length: u64) -> &'static str {
    if length == 0 {
        return "it is empty";
    }
    for (at, beginning, what) in KINDS {
        if head.get(*at..).is_some_and(|rest| rest.starts_with(beginning)) {
            return what;
        }
    }
    let begins = &head[..head.len().min(512)];
    let is_text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..);
    if head.iter().all(|byte| *byte == 0) {
        "it is all zeros at its beginning, as a file that was never written"
    } else if begins.iter().all(is_text) && std::str::from_utf8(&begins[..begins.len() / 2]).is_ok()
    {
        "it looks like text"
    } else {
        "it begins with nothing that is known here"
    }
}
