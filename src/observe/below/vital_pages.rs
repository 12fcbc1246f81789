//! The vital product data that the kernel keeps of a SCSI disk: page 80h with
//! the serial number, page 89h with an ATA disk's IDENTIFY data (SPC-4, SAT-3).
//! Pure; takes any bytes.

/// Who a disk is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Model.
    pub model: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Firmware revision.
    pub firmware: Option<String>,
}

/// Where page 89h has the IDENTIFY data.
const IDENTIFY: usize = 60;

/// The IDENTIFY data of page 89h: words 10-19 serial, 23-26 firmware, 27-46
/// model (ACS-3).
#[must_use]
pub fn identify(page: &[u8]) -> Identity {
    let text = |first: usize, last: usize| {
        let bytes = page.get(IDENTIFY + 2 * first..IDENTIFY + 2 * (last + 1))?;
        // Two letters a word, the first one in the upper byte.
        let swapped = bytes.chunks_exact(2).flat_map(|pair| pair.iter().rev()).copied();
        readable(swapped)
    };
    if page.get(1) != Some(&0x89) {
        return Identity::default();
    }
    Identity { model: text(27, 46), serial: text(10, 19), firmware: text(23, 26) }
}

/// The serial number of page 80h.
#[must_use]
pub fn serial(page: &[u8]) -> Option<String> {
    let length = usize::from(u16::from_be_bytes([*page.get(2)?, *page.get(3)?]));
    let bytes = page.get(4..)?;
    let bytes = bytes.get(..length).unwrap_or(bytes);
    (page.get(1) == Some(&0x80)).then(|| readable(bytes.iter().copied()))?
}

/// Printable ASCII without blanks around.
fn readable(bytes: impl Iterator<Item = u8>) -> Option<String> {
    let text: String = bytes.filter(|byte| (b' '..=b'~').contains(byte)).map(char::from).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_89(model: &str, serial: &str, firmware: &str) -> Vec<u8> {
        let mut page = vec![0; 572];
        page[1] = 0x89;
        let mut put = |word: usize, length: usize, text: &str| {
            for (at, byte) in format!("{text:<length$}").bytes().enumerate() {
                page[IDENTIFY + 2 * word + (at ^ 1)] = byte;
            }
        };
        put(10, 20, serial);
        put(23, 8, firmware);
        put(27, 40, model);
        page
    }

    #[test]
    fn identify_words_are_read_with_their_bytes_swapped() {
        let read = identify(&page_89("Micron_5300_MTFDDAK480TDS", "18231D7F4E2A", "D3MU001"));
        assert_eq!(read.model.as_deref(), Some("Micron_5300_MTFDDAK480TDS"));
        assert_eq!(read.serial.as_deref(), Some("18231D7F4E2A"));
        assert_eq!(read.firmware.as_deref(), Some("D3MU001"));
        assert_eq!(identify(&[0, 0x80, 0, 0]), Identity::default());
    }

    #[test]
    fn the_serial_page_is_read_by_its_length() {
        assert_eq!(serial(b"\0\x80\0\x06 QM123tail").as_deref(), Some("QM123"));
        assert_eq!(serial(b"\0\x80\xff\xffQM1").as_deref(), Some("QM1"));
        assert_eq!(serial(b"\0\x83\0\x03abc"), None);
        assert_eq!(serial(b"\0\x80\0"), None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..700)) {
            let _ = identify(&bytes);
            let _ = serial(&bytes);
        }
    }
}
