//! NVMe's counters of 128 bits on their way through JSON: a number that does
//! not fit 64 bits, which none ever will, becomes the largest that does. A
//! tagged enum cannot carry more.

use serde::{Deserialize, Deserializer, Serializer};

pub(super) fn serialize<S: Serializer>(count: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(*count).unwrap_or(u64::MAX))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
    u64::deserialize(deserializer).map(u128::from)
}
