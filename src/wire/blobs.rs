//! Takes the messages of a snapshot stream apart as their bytes come, wherever
//! these are cut: gRPC's framing (PROTOCOL-HTTP2.md, "Length-Prefixed-Message")
//! and in it the protobuf message `SnapshotResponse`. The database's bytes are
//! handed on without a copy; every other byte is checked, and none is kept.

use prost::bytes::{Buf, Bytes};
use tonic::Status;

/// `SnapshotResponse.blob` (api/etcdserverpb/rpc.proto, etcd 3.4-3.6).
const BLOB: u64 = 3;

/// What each known field is encoded as: header, `remaining_bytes`, blob,
/// version. Others are skipped, as protobuf wants it.
const KNOWN: [(u64, u64); 4] = [(1, LENGTH), (2, VARINT), (BLOB, LENGTH), (4, LENGTH)];

/// Wire types (protobuf.dev, "Encoding").
const VARINT: u64 = 0;
const EIGHT_BYTES: u64 = 1;
const LENGTH: u64 = 2;
const FOUR_BYTES: u64 = 5;

/// Largest message; etcd sends 32 KiB, and tonic has the same words for what is
/// too large.
const LARGEST: u32 = 16 << 20;

/// How far the stream has been read.
#[derive(Debug)]
pub struct Blobs {
    place: Place,
    /// Bytes of the current message that are still to come.
    left: u32,
    /// The current message had its blob: a second one would replace it.
    had_blob: bool,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    /// In the five bytes before a message: flag and length so far.
    Prefix { read: u8, length: u32 },
    /// In the number that says what comes.
    Key(Varint),
    /// In a number that nobody needs.
    Number(Varint),
    /// In the length of a field, which is the blob or is not.
    Length(Varint, bool),
    /// So many bytes from the end of a field, which is the blob or is not.
    Field(u32, bool),
}

/// A number of seven bits a byte, so far.
#[derive(Clone, Copy, Debug, Default)]
struct Varint {
    value: u64,
    bytes: u32,
}

impl Varint {
    /// The number, when this byte is its last one.
    fn push(&mut self, byte: u8) -> Result<Option<u64>, Status> {
        // Nine bytes hold 63 bits, so the tenth has one to give.
        if self.bytes == 9 && byte > 1 {
            return Err(unreadable("a number is too long"));
        }
        self.value |= u64::from(byte & 0x7f) << (7 * self.bytes);
        self.bytes += 1;
        Ok((byte < 0x80).then_some(self.value))
    }
}

impl Default for Blobs {
    fn default() -> Self {
        Self { place: BEFORE, left: 0, had_blob: false }
    }
}

const BEFORE: Place = Place::Prefix { read: 0, length: 0 };

impl Blobs {
    /// The next piece of the database in `bytes`, which are taken off as they
    /// are read; `None` when all of them were.
    ///
    /// # Errors
    /// What tonic says of bad framing, and `Internal` for a message that is no
    /// `SnapshotResponse`; the stream is of no use then.
    pub fn next(&mut self, bytes: &mut Bytes) -> Result<Option<Bytes>, Status> {
        while !bytes.is_empty() {
            let Place::Field(rest, is_blob) = self.place else {
                self.byte(bytes.get_u8())?;
                continue;
            };
            let length = bytes.len().min(rest as usize);
            let piece = bytes.split_to(length);
            self.left -= length as u32;
            self.skipped(rest - length as u32, is_blob);
            if is_blob {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// Whether no message is half there.
    ///
    /// # Errors
    /// tonic's words for that.
    pub fn end(&self) -> Result<(), Status> {
        match self.place {
            Place::Prefix { read: 0, .. } => Ok(()),
            _ => Err(Status::internal("Unexpected EOF decoding stream.")),
        }
    }

    fn byte(&mut self, byte: u8) -> Result<(), Status> {
        if let Place::Prefix { read, length } = self.place {
            return self.prefix(read, length << 8 | u32::from(byte));
        }
        self.left -= 1;
        match self.place {
            Place::Key(mut key) => match key.push(byte)? {
                Some(key) => self.field(key)?,
                None => self.place = Place::Key(key),
            },
            Place::Number(mut number) => match number.push(byte)? {
                Some(_) => self.place = Place::Key(Varint::default()),
                None => self.place = Place::Number(number),
            },
            Place::Length(mut length, is_blob) => match length.push(byte)? {
                Some(length) => self.enter(length, is_blob)?,
                None => self.place = Place::Length(length, is_blob),
            },
            Place::Prefix { .. } | Place::Field(..) => {}
        }
        self.message_may_end()
    }

    /// One more byte before a message; `length` has the last four of them.
    fn prefix(&mut self, read: u8, length: u32) -> Result<(), Status> {
        if read == 0 && length != 0 {
            return Err(Status::internal(
                "protocol error: a compressed message, and no compression was agreed on",
            ));
        }
        if read < 4 {
            self.place = Place::Prefix { read: read + 1, length };
            return Ok(());
        }
        if length > LARGEST {
            return Err(Status::out_of_range(format!(
                "decoded message length too large: {length} bytes, the limit is {LARGEST} bytes"
            )));
        }
        (self.left, self.had_blob) = (length, false);
        self.place = if length == 0 { BEFORE } else { Place::Key(Varint::default()) };
        Ok(())
    }

    fn field(&mut self, key: u64) -> Result<(), Status> {
        let (field, kind) = (key >> 3, key & 7);
        if key > u32::MAX.into() {
            return Err(unreadable("a field has no known number"));
        }
        if field == 0 || KNOWN.iter().any(|known| known.0 == field && known.1 != kind) {
            return Err(unreadable("a field has another type"));
        }
        if field == BLOB && std::mem::replace(&mut self.had_blob, true) {
            return Err(unreadable("a message has two blobs"));
        }
        match kind {
            VARINT => self.place = Place::Number(Varint::default()),
            LENGTH => self.place = Place::Length(Varint::default(), field == BLOB),
            EIGHT_BYTES => self.enter(8, false)?,
            FOUR_BYTES => self.enter(4, false)?,
            _ => return Err(unreadable("a field has no known type")),
        }
        Ok(())
    }

    fn enter(&mut self, length: u64, is_blob: bool) -> Result<(), Status> {
        let length = u32::try_from(length).ok().filter(|length| *length <= self.left);
        let length = length.ok_or_else(|| unreadable("a field is longer than its message"))?;
        self.skipped(length, is_blob);
        Ok(())
    }

    /// So much of a field is to come, or nothing.
    fn skipped(&mut self, rest: u32, is_blob: bool) {
        self.place = match (rest, self.left) {
            (0, 0) => BEFORE,
            (0, _) => Place::Key(Varint::default()),
            _ => Place::Field(rest, is_blob),
        };
    }

    /// A message may end between two fields only.
    fn message_may_end(&mut self) -> Result<(), Status> {
        match self.place {
            _ if self.left > 0 => Ok(()),
            Place::Prefix { .. } => Ok(()),
            Place::Key(Varint { bytes: 0, .. }) => {
                self.place = BEFORE;
                Ok(())
            }
            _ => Err(unreadable("a message ends in the middle of a field")),
        }
    }
}

fn unreadable(why: &str) -> Status {
    Status::internal(format!("the snapshot stream cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use prost::Message;

    use super::*;
    use crate::wire::proto::etcdserverpb::{ResponseHeader, SnapshotResponse};

    /// A `SnapshotResponse` of which nobody looks into header and version, as nobody
    /// does here.
    #[derive(Clone, PartialEq, prost::Message)]
    struct Unopened {
        #[prost(bytes = "vec", tag = "1")]
        header: Vec<u8>,
        #[prost(uint64, tag = "2")]
        remaining_bytes: u64,
        #[prost(bytes = "vec", tag = "3")]
        blob: Vec<u8>,
        #[prost(bytes = "vec", tag = "4")]
        version: Vec<u8>,
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(message.len()).unwrap();
        [&[0], &length.to_be_bytes()[..], message].concat()
    }

    fn message(blob: &[u8], remaining_bytes: u64) -> Vec<u8> {
        let header = Some(ResponseHeader { cluster_id: u64::MAX, revision: -1, ..<_>::default() });
        let message = SnapshotResponse {
            header,
            remaining_bytes,
            blob: blob.to_vec().into(),
            ..<_>::default()
        };
        framed(&message.encode_to_vec())
    }

    /// What comes out when the bytes come in pieces of these sizes, over and
    /// over.
    fn read(stream: &[u8], sizes: &[usize]) -> Result<Vec<u8>, Status> {
        let (mut blobs, mut found, mut at) = (Blobs::default(), Vec::new(), 0);
        for size in sizes.iter().cycle() {
            let end = stream.len().min(at + size.max(&1));
            let mut bytes = Bytes::copy_from_slice(&stream[at..end]);
            while let Some(piece) = blobs.next(&mut bytes)? {
                found.extend_from_slice(&piece);
            }
            at = end;
            if at == stream.len() {
                break;
            }
        }
        blobs.end().map(|()| found)
    }

    #[test]
    fn cut_at_any_byte_it_is_the_same() {
        let blobs: [&[u8]; 4] = [&[7; 300], b"", &[9], &[1; 130]];
        let stream: Vec<u8> = blobs.iter().flat_map(|blob| message(blob, 1 << 40)).collect();
        for cut in 1..=stream.len() {
            assert_eq!(read(&stream, &[cut, stream.len()]).unwrap(), blobs.concat(), "{cut}");
        }
        assert_eq!(read(&stream, &[1]).unwrap(), blobs.concat());
        for end in 1..stream.len() {
            let whole = blobs.concat();
            match read(&stream[..end], &[stream.len()]) {
                Ok(found) => assert!(whole.starts_with(&found)),
                Err(status) => assert!(status.message().starts_with("Unexpected EOF"), "{status}"),
            }
        }
    }

    #[test]
    fn fields_nobody_knows_are_skipped_and_the_version_is() {
        let unknown = [0x22, 3, b'3', b'.', b'6', 0x28, 0xff, 1, 0x31, 1, 2, 3, 4, 5, 6, 7, 8];
        let rest = [0x3d, 1, 2, 3, 4, 0x1a, 2, b'o', b'k', 0xfa, 0x01, 0];
        let stream = framed(&[&unknown[..], &rest[..]].concat());
        assert_eq!(read(&stream, &[1]).unwrap(), b"ok");
        assert_eq!(read(&[framed(&[]), stream].concat(), &[100]).unwrap(), b"ok");
    }

    #[test]
    fn what_is_no_snapshot_is_told() {
        for (bytes, why) in [
            (&[1, 0, 0, 0, 0][..], "protocol error:"),
            (&[0, 1, 0, 0, 1], "decoded message length too large"),
            (&[0, 0, 0, 0, 1, 0x02], "the snapshot stream cannot be read: a field has another"),
            (&[0, 0, 0, 0, 2, 0x18, 0], "the snapshot stream cannot be read: a field has another"),
            (&[0, 0, 0, 0, 2, 0x10, 0x80], "the snapshot stream cannot be read: a message ends"),
            (&[0, 0, 0, 0, 2, 0x1a, 1], "the snapshot stream cannot be read: a field is longer"),
            (
                &[0, 0, 0, 0, 6, 0xdd, 0x80, 0x80, 0x80, 0x10, 0],
                "the snapshot stream cannot be read: a field has no known number",
            ),
            (&[0, 0, 0, 0, 1, 0x2b], "the snapshot stream cannot be read: a field has no known"),
            (
                &[0, 0, 0, 0, 4, 0x1a, 0, 0x1a, 0],
                "the snapshot stream cannot be read: a message has",
            ),
        ] {
            let said = read(bytes, &[1]).unwrap_err();
            assert!(said.message().starts_with(why), "{bytes:?}: {said}");
        }
        let long = [&[0, 0, 0, 0, 11, 0x10][..], &[0xff; 10]].concat();
        assert!(read(&long, &[1]).unwrap_err().message().ends_with("a number is too long"));
    }

    proptest! {
        #[test]
        fn any_cuts_give_the_blobs(blobs in vec(vec(any::<u8>(), 0..200), 0..6),
                                   sizes in vec(1_usize..70, 1..9)) {
            let stream: Vec<u8> = blobs.iter().flat_map(|blob| message(blob, 5)).collect();
            let found = if stream.is_empty() { Ok(Vec::new()) } else { read(&stream, &sizes) };
            prop_assert_eq!(found.ok(), Some(blobs.concat()));
        }

        #[test]
        fn any_message_is_read_as_prost_does(bytes in vec(any::<u8>(), 1..40), cut in 1_usize..9) {
            let ours = read(&framed(&bytes), &[cut]);
            if let Ok(found) = ours {
                let theirs = Unopened::decode(&bytes[..]);
                prop_assert_eq!(theirs.ok().map(|message| message.blob), Some(found));
            }
        }
    }
}
