//! Numbers of 64 bits in groups of seven, the lowest first, a byte each; the top bit says that
//! another follows (Avro 1.12, "Binary Encoding"; after its zig-zag).
//!
//! Eight groups are spread and gathered at once: three steps, instead of one a byte.

/// Bytes that a number takes at most.
pub(super) const LONG: usize = 10;

/// The top bit of each of eight bytes.
const TOPS: u64 = 0x8080_8080_8080_8080;

/// The bytes of a number that is not 0, and how many of them count.
#[inline]
pub(super) fn write(bits: u64) -> ([u8; LONG], usize) {
    let length = (70 - bits.leading_zeros() as usize) / 7;
    // The top bit of all but the last.
    let follow = match length {
        9.. => TOPS,
        _ => TOPS & !(u64::MAX << (8 * (length - 1))),
    };
    let last = (bits >> 63) as u8;
    let mut bytes = [0; LONG];
    bytes[..8].copy_from_slice(&(spread(bits) | follow).to_le_bytes());
    bytes[8] = (bits >> 56) as u8 & 0x7f | last << 7;
    bytes[9] = last;
    (bytes, length)
}

/// The number that some bytes begin with, and how many of them it takes; none: it has more than 64
/// bits.
#[inline(always)]
pub(super) fn read(ahead: &[u8; LONG]) -> Option<(u64, usize)> {
    let [first @ .., ninth, tenth] = ahead;
    let word = u64::from_le_bytes(*first);
    let ends = !word & TOPS;
    if ends != 0 {
        let length = ends.trailing_zeros() as usize / 8 + 1;
        return Some((gather(word & (u64::MAX >> (64 - 8 * length))), length));
    }
    let bits = gather(word) | u64::from(ninth & 0x7f) << 56;
    match (*ninth, *tenth) {
        (0..0x80, _) => Some((bits, 9)),
        (_, 0..=1) => Some((bits | u64::from(*tenth) << 63, 10)),
        (_, 2..) => None,
    }
}

/// The same where fewer bytes are left than a number may take; none when they end before it.
#[cold]
pub(super) fn read_near_end(rest: &[u8]) -> Option<(u64, usize)> {
    let last = rest.iter().take(LONG - 1).position(|byte| byte & 0x80 == 0)?;
    let groups = rest.iter().take(last + 1).zip((0..).step_by(7));
    let bits = groups.fold(0, |bits, (byte, shift)| bits | u64::from(byte & 0x7f) << shift);
    Some((bits, last + 1))
}

/// The lower 56 bits, seven to a byte.
#[inline]
const fn spread(bits: u64) -> u64 {
    let bits = bits & 0x0fff_ffff | (bits & 0x00ff_ffff_f000_0000) << 4;
    let bits = bits & 0x0000_3fff_0000_3fff | (bits & 0x0fff_c000_0fff_c000) << 2;
    bits & 0x007f_007f_007f_007f | (bits & 0x3f80_3f80_3f80_3f80) << 1
}

/// The lower seven bits of each byte in a row.
#[inline]
const fn gather(word: u64) -> u64 {
    let bits = word & 0x007f_007f_007f_007f | (word & 0x7f00_7f00_7f00_7f00) >> 1;
    let bits = bits & 0x0000_3fff_0000_3fff | (bits & 0x3fff_0000_3fff_0000) >> 2;
    bits & 0x0fff_ffff | (bits & 0x0fff_ffff_0000_0000) >> 4
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A byte a step, as the specification says it.
    fn plainly(mut bits: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bits > 0x7f {
            bytes.push(bits as u8 | 0x80);
            bits >>= 7;
        }
        bytes.push(bits as u8);
        bytes
    }

    #[test]
    fn each_length_is_written_and_read_as_the_specification_says() {
        let edges = (1..64).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) | 1]);
        let patterns = [1, u64::MAX, 0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa, u64::MAX >> 1];
        for bits in edges.chain(patterns) {
            let plain = plainly(bits);
            let (bytes, length) = write(bits);
            assert_eq!(bytes[..length], plain, "{bits:#x}");
            // What follows does not matter.
            for beyond in [0, 0x7f, 0x80, 0xff] {
                let mut ahead = [beyond; LONG];
                ahead[..plain.len()].copy_from_slice(&plain);
                assert_eq!(read(&ahead), Some((bits, plain.len())), "{bits:#x} {beyond:#x}");
            }
            let near = (plain.len() < LONG).then_some((bits, plain.len()));
            assert_eq!(read_near_end(&plain), near, "{bits:#x}");
            assert_eq!(read_near_end(&plain[..plain.len() - 1]), None, "{bits:#x}");
        }
    }

    #[test]
    fn more_groups_than_needed_are_read_all_the_same() {
        for groups in 1..LONG {
            let mut bytes = vec![0x80; groups];
            bytes[0] = 0x85;
            bytes.push(0);
            let mut ahead = [0xff; LONG];
            ahead[..bytes.len()].copy_from_slice(&bytes);
            assert_eq!(read(&ahead), Some((5, bytes.len())));
            let near = (bytes.len() < LONG).then_some((5, bytes.len()));
            assert_eq!(read_near_end(&bytes), near);
        }
    }

    #[test]
    fn what_takes_more_than_64_bits_is_refused() {
        for last in [2, 0x7f, 0x80, 0xff] {
            let mut ahead = [0xff; LONG];
            ahead[9] = last;
            assert_eq!(read(&ahead), None, "{last:#x}");
            assert_eq!(read_near_end(&ahead), None, "{last:#x}");
        }
    }
}
