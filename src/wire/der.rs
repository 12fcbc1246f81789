//! Reads DER (ITU-T X.690): one element after the other. Owns no meaning.

/// Of the universal class, as X.680 numbers them.
pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const PRINTABLE_STRING: u8 = 0x13;
pub(super) const TELETEX_STRING: u8 = 0x14;
pub(super) const IA5_STRING: u8 = 0x16;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// Class, form and number.
    pub tag: u8,
    /// What is inside.
    pub content: &'a [u8],
    /// With its tag and its length.
    pub whole: &'a [u8],
}

/// What is left to read of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Der<'a>(pub &'a [u8]);

impl<'a> Der<'a> {
    /// The next element; `None` at the end, and when it is cut off or no DER.
    pub fn any(&mut self) -> Option<Element<'a>> {
        let (tag, rest) = self.0.split_first()?;
        let (first, mut rest) = rest.split_first()?;
        let mut length = usize::from(*first);
        if length >= 0x80 {
            // Without bytes of its own it would be BER's indefinite form.
            let bytes = Some(length - 0x80).filter(|bytes| (1..=4).contains(bytes))?;
            let (big_endian, behind) = rest.split_at_checked(bytes)?;
            length = big_endian.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            rest = behind;
        }
        let (content, behind) = rest.split_at_checked(length)?;
        let whole = self.0.get(..self.0.len() - behind.len())?;
        // Numbers from 31 on have a longer tag; nothing here has one.
        let element = (tag & 0x1f != 0x1f).then_some(Element { tag: *tag, content, whole })?;
        self.0 = behind;
        Some(element)
    }

    /// The next element when it has this tag; otherwise it stays.
    pub fn take(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = *self;
        let element = ahead.any().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(element)
    }

    /// Inside of the next element, which has this tag.
    pub fn inside(&mut self, tag: u8) -> Option<Der<'a>> {
        self.take(tag).map(|element| Der(element.content))
    }

    /// Every element to the end; `None` when one is no DER.
    pub fn all(mut self) -> Option<Vec<Element<'a>>> {
        let mut elements = Vec::new();
        while !self.0.is_empty() {
            elements.push(self.any()?);
        }
        Some(elements)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn elements_follow_each_other() {
        let mut der = Der(b"\x02\x01\x05\x30\x81\x03\x06\x01\x2a\x04\x00");
        assert_eq!(der.take(OID), None);
        assert_eq!(der.any().map(|element| element.content), Some(&b"\x05"[..]));
        assert_eq!(der.inside(SEQUENCE), Some(Der(b"\x06\x01\x2a")));
        let last = Element { tag: OCTET_STRING, content: b"", whole: b"\x04\x00" };
        assert_eq!(der.all(), Some(vec![last]));
        assert_eq!(Der(b"").all(), Some(vec![]));
    }

    #[test]
    fn what_is_cut_off_or_no_der_is_nothing() {
        for bytes in [
            &b"\x30"[..],
            b"\x30\x01",
            b"\x30\x80\x00\x00",
            b"\x30\x82\x01",
            b"\x30\x84\xff\xff\xff\xff\x00",
            b"\x30\x85\x00\x00\x00\x00\x00",
            b"\x3f\x01\x00",
        ] {
            assert_eq!(Der(bytes).any(), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = Der(&bytes).all();
        }
    }
}
