//! One record of etcd's raft log, and the protobuf fields in it.
//!
//! Source: etcd server/storage/wal/walpb/record.proto (`Record`: type 1, crc 2,
//! data 3; `Snapshot`: index 1, term 2), api/etcdserverpb/etcdserver.proto
//! (`Metadata`: NodeID 1, ClusterID 2), raft/raftpb (`HardState`: commit 3).

/// What a record is (server/storage/wal/wal.go: metadataType and so on).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Metadata,
    Entry,
    State,
    Crc,
    Snapshot,
}

/// A record as it was framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// `None` for a type that etcd does not know either.
    pub(super) kind: Option<Kind>,
    pub(super) crc: u32,
    pub(super) data: &'a [u8],
}

impl<'a> Record<'a> {
    /// `None` when it is no protobuf message.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (mut kind, mut crc, mut data) = (0, 0, &[][..]);
        let mut rest = bytes;
        while !rest.is_empty() {
            match field(&mut rest)? {
                (1, number, _) => kind = number,
                (2, number, _) => crc = number as u32,
                (3, _, bytes) => data = bytes,
                _ => {}
            }
        }
        let kinds = [Kind::Metadata, Kind::Entry, Kind::State, Kind::Crc, Kind::Snapshot];
        let kind = kind.checked_sub(1).and_then(|at| kinds.get(at as usize)).copied();
        Some(Self { kind, crc, data })
    }
}

/// Numbers of the first three fields of a message; 0 for what is not there.
pub(super) fn numbers(bytes: &[u8]) -> [u64; 3] {
    let mut found = [0; 3];
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some((number, value, _)) = field(&mut rest) else { break };
        let place = usize::try_from(number).unwrap_or(usize::MAX).wrapping_sub(1);
        if let Some(place) = found.get_mut(place) {
            *place = value;
        }
    }
    found
}

/// The next field: its number, and its value as a number or as bytes.
fn field<'a>(rest: &mut &'a [u8]) -> Option<(u64, u64, &'a [u8])> {
    let tag = varint(rest)?;
    let (mut value, mut bytes) = (0, &[][..]);
    match tag & 7 {
        0 => value = varint(rest)?,
        wire => {
            let length = match wire {
                1 => 8,
                2 => usize::try_from(varint(rest)?).ok()?,
                5 => 4,
                _ => return None,
            };
            (bytes, *rest) = rest.split_at_checked(length)?;
        }
    }
    (tag >> 3 != 0).then_some((tag >> 3, value, bytes))
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..70).step_by(7) {
        let (byte, more) = rest.split_first()?;
        *rest = more;
        number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_is_read() {
        let bytes = [0x08, 2, 0x10, 0xe5, 0x8e, 0x26, 0x1a, 3, 7, 8, 9];
        let record = Record::parse(&bytes).expect("a record");
        assert_eq!(
            (record.kind, record.crc, record.data),
            (Some(Kind::Entry), 624_485, &bytes[8..])
        );
        assert_eq!(Record::parse(&bytes[..9]), None);
        assert_eq!(Record::parse(&[0x08, 9]).and_then(|record| record.kind), None);
        assert_eq!(numbers(&[0x08, 1, 0x18, 0xff, 1]), [1, 0, 255]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_borne(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = (Record::parse(&bytes), numbers(&bytes));
        }
    }
}
