//! Edits of valid encodings. An edit names places by their share of the length, so the same edits
//! fit every seed, and what fails can be shrunk edit by edit.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// Most edits of one case.
const MAX_EDITS: usize = 8;
/// Most bytes of plain noise.
const MAX_NOISE: usize = 400;
/// Longest piece that is moved about.
const MAX_PIECE: usize = 64;

/// What lengths and counts are lied about with: BER, varints and plain numbers at their limits.
const LIES: &[&[u8]] = &[
    &[0x00],
    &[0x7f],
    &[0x80],
    &[0x81],
    &[0x84, 0xff, 0xff, 0xff, 0xff],
    &[0x84, 0x7f, 0xff, 0xff, 0xff],
    &[0x89, 0xff],
    &[0xff],
    &[0xff, 0xff, 0xff, 0xff],
    &[0x7f, 0xff, 0xff, 0xff],
    &[0x80, 0x00, 0x00, 0x00],
    // Varints: 2^31 - 1, 2^31, 2^63 - 1, -2^63, longer than 64 bits.
    &[0xfe, 0xff, 0xff, 0xff, 0x0f],
    &[0x80, 0x80, 0x80, 0x80, 0x10],
    &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    // NaN, infinity, the smallest number.
    &[0, 0, 0, 0, 0, 0, 0xf8, 0x7f],
    &[0, 0, 0, 0, 0, 0, 0xf0, 0x7f],
    &[1, 0, 0, 0, 0, 0, 0, 0],
];

/// Valid encodings to begin with, and words that mean something to the reader.
#[derive(Clone, Debug)]
pub struct Corpus {
    seeds: Arc<[Vec<u8>]>,
    words: Arc<[Vec<u8>]>,
}

#[derive(Clone, Debug)]
enum Edit {
    Flip(Index, u8),
    Set(Index, u8),
    Lie {
        at: Index,
        which: Index,
        over: bool,
    },
    Word {
        at: Index,
        which: Index,
        over: bool,
    },
    Remove(Index, usize),
    Copy {
        from: Index,
        to: Index,
        length: usize,
    },
    Splice {
        other: Index,
        from: Index,
        to: Index,
    },
    /// Lines are what texts are made of: doubled, or gone.
    Line {
        at: Index,
        double: bool,
    },
    Cut(Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let index = any::<Index>;
    prop_oneof![
        4 => (index(), 0_u8..8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
        3 => (index(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        4 => (index(), index(), any::<bool>())
            .prop_map(|(at, which, over)| Edit::Lie { at, which, over }),
        3 => (index(), index(), any::<bool>())
            .prop_map(|(at, which, over)| Edit::Word { at, which, over }),
        2 => (index(), 1..MAX_PIECE).prop_map(|(at, length)| Edit::Remove(at, length)),
        2 => (index(), index(), 1..MAX_PIECE)
            .prop_map(|(from, to, length)| Edit::Copy { from, to, length }),
        1 => (index(), index(), index())
            .prop_map(|(other, from, to)| Edit::Splice { other, from, to }),
        1 => (index(), any::<bool>()).prop_map(|(at, double)| Edit::Line { at, double }),
        1 => index().prop_map(Edit::Cut),
    ]
}

/// What is done to bytes that are known only when the test runs.
#[derive(Clone, Debug)]
pub struct Damage(Vec<Edit>);

/// A few edits.
pub fn damage() -> impl Strategy<Value = Damage> {
    vec(edit(), 1..=MAX_EDITS).prop_map(Damage)
}

impl Damage {
    /// These bytes, damaged.
    pub fn of(&self, bytes: &[u8]) -> Vec<u8> {
        Corpus::new([bytes]).damaged(bytes, &self.0)
    }
}

/// A place in `bytes`, the end included.
fn place(at: &Index, bytes: &[u8]) -> usize {
    at.index(bytes.len() + 1)
}

fn put(bytes: &mut Vec<u8>, at: usize, piece: &[u8], over: bool) {
    let end = if over { (at + piece.len()).min(bytes.len()) } else { at };
    bytes.splice(at..end, piece.iter().copied());
}

impl Corpus {
    /// From valid encodings; there must be one.
    pub fn new(seeds: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        Self { seeds: seeds.into_iter().map(Into::into).collect(), words: Arc::from([]) }
    }

    /// Words that are put in here and there.
    #[must_use]
    pub fn with_words(mut self, words: &[&str]) -> Self {
        self.words = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        self
    }

    /// Seeds with a few edits, now and then noise.
    pub fn bytes(&self) -> impl Strategy<Value = Vec<u8>> + use<> {
        let corpus = self.clone();
        prop_oneof![
            15 => (any::<Index>(), vec(edit(), 1..=MAX_EDITS)).prop_map(move |(seed, edits)| {
                corpus.damaged(&corpus.seeds[seed.index(corpus.seeds.len())], &edits)
            }),
            1 => vec(any::<u8>(), 0..MAX_NOISE),
        ]
    }

    /// The same as text; what is no UTF-8 becomes the replacement character.
    pub fn text(&self) -> impl Strategy<Value = String> + use<> {
        self.bytes().prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn damaged(&self, seed: &[u8], edits: &[Edit]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        edits.iter().for_each(|edit| self.apply(edit, &mut bytes));
        bytes
    }

    fn apply(&self, edit: &Edit, bytes: &mut Vec<u8>) {
        match edit {
            Edit::Flip(at, bit) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1_u8 << *bit;
            }
            Edit::Set(at, byte) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Edit::Flip(..) | Edit::Set(..) => {}
            Edit::Lie { at, which, over } => {
                let at = place(at, bytes);
                put(bytes, at, LIES[which.index(LIES.len())], *over);
            }
            Edit::Word { at, which, over } => {
                if self.words.is_empty() {
                    return;
                }
                let at = place(at, bytes);
                put(bytes, at, &self.words[which.index(self.words.len())], *over);
            }
            Edit::Remove(at, length) => {
                let at = place(at, bytes);
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Edit::Copy { from, to, length } => {
                let from = place(from, bytes);
                let piece = bytes[from..(from + length).min(bytes.len())].to_vec();
                let to = place(to, bytes);
                put(bytes, to, &piece, false);
            }
            Edit::Splice { other, from, to } => {
                let other = &self.seeds[other.index(self.seeds.len())];
                bytes.truncate(place(to, bytes));
                bytes.extend_from_slice(&other[place(from, other)..]);
            }
            Edit::Line { at, double } => line(bytes, at, *double),
            Edit::Cut(at) => bytes.truncate(place(at, bytes)),
        }
    }
}

fn line(bytes: &mut Vec<u8>, at: &Index, double: bool) {
    let at = place(at, bytes);
    let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let length = bytes[start..].iter().position(|byte| *byte == b'\n').map(|end| end + 1);
    let end = start + length.unwrap_or(bytes.len() - start);
    if double {
        let piece = bytes[start..end].to_vec();
        put(bytes, end, &piece, false);
    } else {
        bytes.drain(start..end);
    }
}

#[cfg(test)]
mod tests {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    use super::*;

    /// The edits reach what they are for: most cases differ from the seeds, but not wholly.
    #[test]
    fn cases_are_near_the_seeds_and_differ() {
        let seed = b"first line\nsecond = 2\nthird line of some length\n".to_vec();
        let corpus = Corpus::new([seed.clone()]).with_words(&["WORD"]);
        let mut runner = TestRunner::deterministic();
        let cases: Vec<Vec<u8>> =
            (0..2_000).map(|_| corpus.bytes().new_tree(&mut runner).unwrap().current()).collect();
        let with = |what: &[u8]| {
            cases.iter().filter(|case| case.windows(what.len()).any(|part| part == what)).count()
        };
        let same = cases.iter().filter(|case| **case == seed).count();
        assert!(same < 100, "{same} cases are the seed itself");
        assert!(with(b"second") > 800, "{} cases keep a word of the seed", with(b"second"));
        assert!(with(b"WORD") > 100, "{} cases have the given word", with(b"WORD"));
        assert!(with(&[0x84, 0xff]) > 50, "{} cases lie about a length", with(&[0x84, 0xff]));
        assert!(cases.iter().any(Vec::is_empty));
    }
}
