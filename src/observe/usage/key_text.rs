//! Keys as text: bytes from outside are made harmless and short.

/// Longer keys are cut when they are kept.
pub(super) const LONGEST: usize = 512;

/// A key, or a part of one, as text that may go to a terminal: what is no UTF-8
/// and no visible character becomes `?`, what is too long ends in dots.
pub(super) fn key_text(bytes: &[u8]) -> String {
    let cut = bytes.len() > LONGEST;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]);
    let harmless = |c: char| if c.is_ascii_graphic() || c.is_alphanumeric() { c } else { '?' };
    let mut text: String = text.chars().map(harmless).collect();
    if cut {
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::key_text;

    #[test]
    fn nothing_reaches_a_terminal_that_it_would_obey() {
        assert_eq!(key_text(b"/registry/pods/a-b.c"), "/registry/pods/a-b.c");
        assert_eq!(key_text(b"a\x1b[2Jb\nc d\xff"), "a?[2Jb?c?d?");
        assert_eq!(key_text("a\u{202e}b\u{e9}".as_bytes()), "a?b\u{e9}");
        assert_eq!(key_text(&[b'x'; 900]).len(), 515);
    }
}
