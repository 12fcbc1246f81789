//! The manual, part of the binary: there is nothing to look things up with on a
//! dead master. It is packed by the build (`proto/build.rs`), as it would take an
//! eightieth of the binary, and unpacked here: only what that build writes, which
//! is blocks with codes of their own (RFC 1951).

/// RUNBOOK.md, packed.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/runbook.deflate"));

/// In which order the lengths of a block's codes for lengths come (RFC 1951, 3.2.7).
const LENGTHS_IN_ORDER: [usize; 19] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The longest code, in bits.
const LONGEST: usize = 15;

/// The runbook; what could be read of it when the binary is damaged.
#[must_use]
pub fn text() -> Vec<u8> {
    let mut text = Vec::new();
    let mut bits = Bits { bytes: PACKED, at: 0 };
    while let Some(false) = bits.block(&mut text) {}
    text
}

/// A prefix code: how many words of each length, and what they mean, in order.
struct Code {
    counts: [u16; LONGEST + 1],
    symbols: Vec<u16>,
}

impl Code {
    fn new(lengths: &[u8]) -> Self {
        let mut counts = [0; LONGEST + 1];
        let mut symbols = Vec::new();
        for (length, count) in counts.iter_mut().enumerate().skip(1) {
            let of_length = |(_, its): &(u16, &u8)| usize::from(**its) == length;
            let before = symbols.len();
            symbols.extend((0..).zip(lengths).filter(of_length).map(|(symbol, _)| symbol));
            *count = (symbols.len() - before) as u16;
        }
        Self { counts, symbols }
    }
}

/// Bits, the lowest of a byte first, and how many were read.
struct Bits {
    bytes: &'static [u8],
    at: usize,
}

impl Bits {
    fn number(&mut self, bits: usize) -> Option<usize> {
        let mut number = 0;
        for place in 0..bits {
            let byte = self.bytes.get(self.at / 8)?;
            number |= usize::from(byte >> (self.at % 8) & 1) << place;
            self.at += 1;
        }
        Some(number)
    }

    fn symbol(&mut self, code: &Code) -> Option<usize> {
        let (mut word, mut first, mut index) = (0, 0, 0);
        for count in code.counts.iter().skip(1) {
            let count = usize::from(*count);
            word = word << 1 | self.number(1)?;
            first <<= 1;
            if word < first + count {
                return code
                    .symbols
                    .get(index + word.checked_sub(first)?)
                    .copied()
                    .map(usize::from);
            }
            index += count;
            first += count;
        }
        None
    }

    /// Adds what a block stands for; whether it was the last one.
    fn block(&mut self, text: &mut Vec<u8>) -> Option<bool> {
        let last = self.number(1)? == 1;
        // Any other kind is not written for a text of this size.
        if self.number(2)? != 2 {
            return None;
        }
        let (literals, distances) = self.codes()?;
        loop {
            let symbol = self.symbol(&literals)?;
            let Some(length) = symbol.checked_sub(257) else {
                if symbol == 256 {
                    return Some(last);
                }
                text.push(symbol as u8);
                continue;
            };
            let length = match length {
                28 => 258,
                length => 3 + self.spread(length, 4)?,
            };
            let distance = self.symbol(&distances)?;
            let distance = 1 + self.spread(distance, 2)?;
            for _ in 0..length {
                text.push(*text.get(text.len().checked_sub(distance)?)?);
            }
        }
    }

    /// Lengths and distances come in groups of `group` symbols, whose numbers are
    /// as far apart as the further bits tell (RFC 1951, 3.2.5).
    fn spread(&mut self, symbol: usize, group: usize) -> Option<usize> {
        if symbol < group * 2 {
            return Some(symbol);
        }
        let further = symbol / group - 1;
        Some(((group + symbol % group) << further) + self.number(further)?)
    }

    /// The codes of a block, told by the lengths of their words, which are packed
    /// themselves.
    fn codes(&mut self) -> Option<(Code, Code)> {
        let literals = self.number(5)? + 257;
        let all = literals + self.number(5)? + 1;
        let mut lengths = [0; LENGTHS_IN_ORDER.len()];
        for place in LENGTHS_IN_ORDER.iter().take(self.number(4)? + 4) {
            *lengths.get_mut(*place)? = self.number(3)? as u8;
        }
        let code = Code::new(&lengths);
        let mut lengths: Vec<u8> = Vec::new();
        while lengths.len() < all {
            let (length, times) = match self.symbol(&code)? {
                16 => (*lengths.last()?, 3 + self.number(2)?),
                17 => (0, 3 + self.number(3)?),
                18 => (0, 11 + self.number(7)?),
                length => (length as u8, 1),
            };
            lengths.resize(lengths.len() + times, length);
        }
        let (literals, distances) = lengths.split_at_checked(literals)?;
        Some((Code::new(literals), Code::new(distances)))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_runbook_is_whole() {
        let text = String::from_utf8(super::text()).expect("text");
        assert!(text == include_str!("../../RUNBOOK.md"), "{text}");
    }
}
