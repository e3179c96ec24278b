//! What is known of a table's row beside its name, in one number.

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Bits of the index, the description, and of type and hardware address together.
const INDEX: u32 = 24;
const TEXT: u32 = 20;

/// What is known of a row beside its name: its index, its description (ifDescr), and its type
/// with its hardware address (ifType, ifPhysAddress; RFC 2863). Each part is a hash, 0 where it is
/// not known, so that two rows can be compared by what is known of both.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RowIdentity(i64);

/// What two identities of one name say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Difference {
    /// All that is known of both is the same.
    None,
    /// The index alone changed.
    Index,
    /// It is another row.
    Row,
}

impl RowIdentity {
    /// From the record.
    pub const fn from_bits(bits: i64) -> Self {
        Self(bits)
    }

    /// For the record.
    pub const fn bits(self) -> i64 {
        self.0
    }

    /// A row of which the index is known: its octets, as the agent encodes it.
    #[must_use]
    pub fn with_index(self, index: &[u8]) -> Self {
        self.put(0, INDEX, xxh3_64(index))
    }

    /// Adds the description. `index`: the octets of the row's index where names and descriptions
    /// leave several rows alike, so that only the index distinguishes them; empty else.
    #[must_use]
    pub fn with_description(self, description: &[u8], index: &[u8]) -> Self {
        let mut hash = Xxh3::new();
        hash.update(&(description.len() as u64).to_le_bytes());
        hash.update(description);
        hash.update(index);
        self.put(INDEX, TEXT, hash.digest())
    }

    /// Adds type and hardware address; nothing when both are empty.
    #[must_use]
    pub fn with_hardware(self, kind: &str, address: &str) -> Self {
        if kind.is_empty() && address.is_empty() {
            return self;
        }
        let mut hash = Xxh3::new();
        hash.update(&(kind.len() as u64).to_le_bytes());
        hash.update(kind.as_bytes());
        hash.update(address.as_bytes());
        self.put(INDEX + TEXT, TEXT, hash.digest())
    }

    /// The index's part: equal for equal indices; 0 when it is not known.
    pub const fn index(self) -> u32 {
        self.part(0, INDEX) as u32
    }

    /// What changed from `before` to this.
    pub fn since(self, before: Self) -> Difference {
        let differs = |shift, bits| {
            let (old, new) = (before.part(shift, bits), self.part(shift, bits));
            old != 0 && new != 0 && old != new
        };
        if differs(INDEX, TEXT) || differs(INDEX + TEXT, TEXT) {
            Difference::Row
        } else if differs(0, INDEX) {
            Difference::Index
        } else {
            Difference::None
        }
    }

    /// This, with what only `before` knew: a part that was not read again is not forgotten.
    #[must_use]
    pub fn or(self, before: Self) -> Self {
        let mut known = self;
        for (shift, bits) in [(0, INDEX), (INDEX, TEXT), (INDEX + TEXT, TEXT)] {
            if known.part(shift, bits) == 0 {
                known.0 |= (before.part(shift, bits) << shift) as i64;
            }
        }
        known
    }

    const fn part(self, shift: u32, bits: u32) -> u64 {
        self.0 as u64 >> shift & ((1 << bits) - 1)
    }

    /// Folds a hash into a part that is never 0.
    fn put(self, shift: u32, bits: u32, hash: u64) -> Self {
        let mask = (1_u64 << bits) - 1;
        let folded = (hash % mask) + 1;
        Self(((self.0 as u64 & !(mask << shift)) | folded << shift) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_differ_by_what_is_known_of_both() {
        let row = |index: u8, text: &str| {
            RowIdentity::default().with_index(&[index]).with_description(text.as_bytes(), &[])
        };
        let one = row(1, "p1");
        assert_eq!(one.since(row(1, "p1")), Difference::None);
        assert_eq!(row(11, "p1").since(one), Difference::Index);
        assert_eq!(row(1, "p2").since(one), Difference::Row);
        assert_eq!(row(2, "p2").since(one), Difference::Row);
        // What is not known shows nothing, and is not forgotten.
        assert_eq!(RowIdentity::default().since(one), Difference::None);
        let bare = RowIdentity::default().with_index(&[1]);
        assert_eq!(bare.since(one), Difference::None);
        assert_eq!(bare.or(one), one);
        assert_eq!(row(2, "p1").or(one), row(2, "p1"));
        let known = one.with_hardware("6", "00:00:5e:00:53:01");
        assert_eq!(known.since(one), Difference::None);
        assert_eq!(one.with_hardware("6", "00:00:5e:00:53:02").since(known), Difference::Row);
        assert_eq!(one.with_hardware("", ""), one);
        assert_eq!(RowIdentity::from_bits(known.bits()), known);
        // Rows that only their index distinguishes are other rows when it changes.
        let twin = |index: u8| {
            RowIdentity::default().with_index(&[index]).with_description(b"WAN", &[index])
        };
        assert_eq!(twin(2).since(twin(1)), Difference::Row);
    }
}
