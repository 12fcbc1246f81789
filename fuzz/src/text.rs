//! Texts of others on their way to a terminal.

use etcd_rescue::say::text::{clean, hang, wrap};

/// A width and a text: nothing a terminal would act on is left, and laying out
/// adds and takes away white space only.
pub fn terminal_text(bytes: &[u8]) {
    let Some((width, bytes)) = bytes.split_first() else { return };
    let (width, text) = (usize::from(*width), String::from_utf8_lossy(bytes));
    for utf8 in [true, false] {
        let clean = clean(&text, utf8);
        assert!(clean.chars().all(|c| c == '\n' || !c.is_control()), "{clean:?}");
        assert!(utf8 || clean.is_ascii(), "{clean:?}");
        for laid_out in [wrap(&clean, width), hang("  ", &clean, width)] {
            assert!(ink(&laid_out).eq(ink(&clean)), "{clean:?} became {laid_out:?}");
        }
    }
}

/// What is to be seen of a text.
fn ink(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| !c.is_whitespace())
}
