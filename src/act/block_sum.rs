//! A checksum of blocks that are compared with themselves: XXH64, as its
//! specification has it (github.com/Cyan4973/xxHash, `doc/xxhash_spec.md`). It
//! is there to find what a disk or a cable changed, at a few times the speed of
//! SHA-256; whether the content is etcd's is for etcd's own SHA-256 to say.

const P1: u64 = 0x9e37_79b1_85eb_ca87;
const P2: u64 = 0xc2b2_ae3d_27d4_eb4f;
const P3: u64 = 0x1656_67b1_9e37_79f9;
const P4: u64 = 0x85eb_ca77_c2b2_ae63;
const P5: u64 = 0x27d4_eb2f_1656_67c5;

/// XXH64 of a block. With the sum of what came before as `seed`, it is a sum of
/// all of it, in this order.
pub(super) fn block_sum(block: &[u8], seed: u64) -> u64 {
    let (stripes, rest) = block.as_chunks::<32>();
    let mut sum = if stripes.is_empty() { seed.wrapping_add(P5) } else { lanes(stripes, seed) };
    sum = sum.wrapping_add(block.len() as u64);
    let (words, rest) = rest.as_chunks::<8>();
    for word in words {
        sum ^= round(0, u64::from_le_bytes(*word));
        sum = sum.rotate_left(27).wrapping_mul(P1).wrapping_add(P4);
    }
    let (halves, rest) = rest.as_chunks::<4>();
    for half in halves {
        sum ^= u64::from(u32::from_le_bytes(*half)).wrapping_mul(P1);
        sum = sum.rotate_left(23).wrapping_mul(P2).wrapping_add(P3);
    }
    for byte in rest {
        sum ^= u64::from(*byte).wrapping_mul(P5);
        sum = sum.rotate_left(11).wrapping_mul(P1);
    }
    sum = (sum ^ (sum >> 33)).wrapping_mul(P2);
    sum = (sum ^ (sum >> 29)).wrapping_mul(P3);
    sum ^ (sum >> 32)
}

/// Four lanes side by side: what makes it fast.
fn lanes(stripes: &[[u8; 32]], seed: u64) -> u64 {
    let mut a = seed.wrapping_add(P1).wrapping_add(P2);
    let mut b = seed.wrapping_add(P2);
    let mut c = seed;
    let mut d = seed.wrapping_sub(P1);
    for stripe in stripes {
        let word = stripe.as_chunks::<8>().0;
        a = round(a, u64::from_le_bytes(word[0]));
        b = round(b, u64::from_le_bytes(word[1]));
        c = round(c, u64::from_le_bytes(word[2]));
        d = round(d, u64::from_le_bytes(word[3]));
    }
    let mut sum = a.rotate_left(1).wrapping_add(b.rotate_left(7));
    sum = sum.wrapping_add(c.rotate_left(12)).wrapping_add(d.rotate_left(18));
    for lane in [a, b, c, d] {
        sum = (sum ^ round(0, lane)).wrapping_mul(P1).wrapping_add(P4);
    }
    sum
}

#[inline(always)]
fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// The bytes and the sums of xxHash's own sanity check
    /// (`tests/sanity_test.c`).
    #[test]
    fn it_is_xxh64() {
        let mut generator = u64::from(2_654_435_761_u32);
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            let byte = (generator >> 56) as u8;
            generator = generator.wrapping_mul(11_400_714_785_074_694_797);
            byte
        })
        .take(222)
        .collect();
        let seed = 2_654_435_761;
        for (length, seed, sum) in [
            (0, 0, 0xef46_db37_51d8_e999),
            (0, seed, 0xac75_fda2_929b_17ef),
            (1, 0, 0xe934_a84a_db05_2768),
            (14, 0, 0x8282_dcc4_994e_35c8),
            (14, seed, 0xc3bd_6bf6_3deb_6df0),
            (222, 0, 0xb641_ae8c_b691_c174),
            (222, seed, 0x20cb_8ab7_ae10_c14a),
        ] {
            assert_eq!(block_sum(&bytes[..length], seed), sum, "{length} {seed}");
        }
    }

    proptest! {
        #[test]
        fn every_changed_bit_and_every_swap_counts(bytes in vec(any::<u8>(), 1..300),
                                                   at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let mut changed = bytes.clone();
            changed[at.index(bytes.len())] ^= 1 << bit;
            prop_assert_ne!(block_sum(&changed, 0), block_sum(&bytes, 0));
            let then = |first: &[u8], second: &[u8]| block_sum(second, block_sum(first, 0));
            prop_assert_ne!(then(&changed, &bytes), then(&bytes, &changed));
        }
    }
}
