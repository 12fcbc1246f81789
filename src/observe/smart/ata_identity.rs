//! IDENTIFY DEVICE: who an ATA drive is and what it can (ACS-3, 7.12).

use super::bytes::{le16, text};

/// What is taken from the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Words 27-46.
    pub model: String,
    /// Words 10-19.
    pub serial: String,
    /// Words 23-26.
    pub firmware: String,
    /// Word 217: 1 = solid state, 0401h to FFFEh = revolutions a minute, 0 =
    /// not told.
    pub rotation: u16,
    /// Word 85 bit 5.
    pub write_cache: Option<bool>,
    /// Words 77 and 76: the link now and at best, tenths of Gb/s.
    pub link_speed: Option<u16>,
    /// See `link_speed`.
    pub best_link_speed: Option<u16>,
    /// Word 82 bit 0.
    pub has_smart: bool,
    /// Word 85 bit 0.
    pub smart_enabled: bool,
    /// Words 84 and 87 bit 0.
    pub has_error_log: bool,
    /// Words 84 and 87 bit 1.
    pub has_self_test: bool,
    /// Words 84 and 87 bit 5: READ LOG EXT.
    pub has_general_logs: bool,
}

impl Identity {
    /// From a page; nothing when it is too short or names no model: a bridge
    /// that answers anything with zeros.
    #[must_use]
    pub fn parse(page: &[u8]) -> Option<Self> {
        let page = page.get(..512)?;
        let word = |number: usize| le16(page, number * 2).unwrap_or_default();
        let has = |number, bit: u16| word(number) & 1 << bit != 0;
        let model = swapped(page, 27, 46);
        if model.is_empty() {
            return None;
        }
        // Words 83, 84 and 87 carry 01b on top when they and their
        // neighbours mean anything.
        let valid = |number| word(number) >> 14 == 1;
        let either = |bit| (valid(84) && has(84, bit)) || (valid(87) && has(87, bit));
        Some(Self {
            model,
            serial: swapped(page, 10, 19),
            firmware: swapped(page, 23, 26),
            rotation: match word(217) {
                told @ (1 | 0x0401..=0xFFFE) => told,
                _ => 0,
            },
            write_cache: (valid(83) && has(82, 5)).then(|| has(85, 5)),
            link_speed: match word(77) >> 1 & 7 {
                _ if word(77) == 0xFFFF => None,
                generation => speed(generation),
            },
            best_link_speed: match word(76) {
                0 | 0xFFFF => None,
                speeds => (1..=3).rev().find(|bit| speeds & 1 << bit != 0).and_then(speed),
            },
            has_smart: has(82, 0) && word(82) != 0xFFFF,
            smart_enabled: has(85, 0) && word(85) != 0xFFFF,
            has_error_log: either(0),
            has_self_test: either(1),
            has_general_logs: either(5),
        })
    }
}

/// Tenths of Gb/s of a SATA generation.
fn speed(generation: u16) -> Option<u16> {
    match generation {
        1 => Some(15),
        2 => Some(30),
        3 => Some(60),
        _ => None,
    }
}

/// The text in these words, whose bytes are swapped.
fn swapped(page: &[u8], first: usize, last: usize) -> String {
    let bytes = page.get(first * 2..=last * 2 + 1).unwrap_or_default();
    text(bytes.chunks(2).flat_map(|pair| pair.iter().rev().copied()))
}
