//! CRC-32C (Castagnoli), chained as Go's hash/crc32 does it.

/// The reversed polynomial.
const POLYNOMIAL: u32 = 0x82F6_3B78;

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// The checksum of everything so far and `bytes`; 0 at first.
pub(super) fn update(crc: u32, bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!crc, |crc, byte| {
        let place = (crc ^ u32::from(*byte)) & 0xff;
        crc >> 8 ^ TABLE.get(place as usize).copied().unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::update;

    #[test]
    fn it_is_the_castagnoli_one_and_goes_on() {
        // RFC 3720 B.4 and the usual check value.
        assert_eq!(update(0, b"123456789"), 0xE306_9283);
        assert_eq!(update(update(0, b"1234"), b"56789"), 0xE306_9283);
        assert_eq!(update(0, &[0; 32]), 0x8A91_36AA);
    }
}
