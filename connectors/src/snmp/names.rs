//! Rows of a table and the names of their instances.
//!
//! The instance is a port's name, never its number: numbers move at a reboot or when a card is
//! put in. So the names are read in every cycle, and values are only believed when the names
//! before and after them are the same.

use std::collections::{BTreeMap, HashMap, HashSet};

use schemas::RowIdentity;

use super::oid::{Arcs, index_text, order, push_arc};
use super::values::{MAX_TEXT, clean_text};
use crate::profiles::{CodePage, InstanceRule};

/// Octets kept of a name: as many as the characters of a text can take.
const MAX_NAME_OCTETS: usize = MAX_TEXT * 4;

/// A row: index octets, and the position of its instance in [`Instances`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) index: Box<[u8]>,
    pub(crate) instance: i32,
}

/// The instances of a device; position 0 is the device itself.
#[derive(Clone, Debug)]
pub(crate) struct Instances {
    pub(crate) names: Vec<String>,
    /// What is known of each beside its name; as long as `names`.
    pub(crate) identities: Vec<RowIdentity>,
    positions: HashMap<String, i32>,
}

impl Default for Instances {
    fn default() -> Self {
        let mut instances =
            Self { names: Vec::new(), identities: Vec::new(), positions: HashMap::new() };
        instances.position("");
        instances
    }
}

impl Instances {
    pub(crate) fn find(&self, name: &str) -> Option<i32> {
        self.positions.get(name).copied()
    }

    pub(crate) fn position(&mut self, name: &str) -> i32 {
        if let Some(position) = self.positions.get(name) {
            return *position;
        }
        let position = self.names.len() as i32;
        self.names.push(name.to_owned());
        self.identities.push(RowIdentity::default());
        self.positions.insert(name.to_owned(), position);
        position
    }
}

/// A column of names as it was read: compared octet by octet with the next reading.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Collected {
    octets: Vec<u8>,
    /// End of the index, end of the value.
    entries: Vec<(u32, u32)>,
}

impl Collected {
    /// Adds a row; of a value that is longer than any name, its start.
    pub(crate) fn push(&mut self, index: &[u8], value: &[u8]) {
        self.octets.extend_from_slice(index);
        let middle = self.octets.len() as u32;
        self.octets.extend_from_slice(value.get(..MAX_NAME_OCTETS).unwrap_or(value));
        self.entries.push((middle, self.octets.len() as u32));
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn clear(&mut self) {
        self.octets.clear();
        self.entries.clear();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut start = 0;
        self.entries.iter().map(move |&(middle, end)| {
            let part = |from, to| self.octets.get(from..to).unwrap_or_default();
            let entry = (part(start, middle as usize), part(middle as usize, end as usize));
            start = end as usize;
            entry
        })
    }
}

/// Index and name.
type NamedRow = (Box<[u8]>, String);

/// An index in its order.
struct Ordered<'a>(&'a [u8]);

impl Eq for Ordered<'_> {}

impl PartialEq for Ordered<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Ord for Ordered<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        order(self.0, other.0)
    }
}

impl PartialOrd for Ordered<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Index and name of each row, and how many of the columns must be read to know them.
pub(crate) fn unique_names(columns: &[Collected], page: CodePage) -> (Vec<NamedRow>, usize) {
    let mut rows: BTreeMap<Ordered<'_>, Vec<String>> = BTreeMap::new();
    for (position, column) in columns.iter().enumerate() {
        for (index, text) in column.iter() {
            let texts = rows.entry(Ordered(index));
            let texts = texts.or_insert_with(|| vec![String::new(); columns.len()]);
            if let Some(place) = texts.get_mut(position) {
                *place = clean_text(text, page);
            }
        }
    }
    let first = |texts: &[String]| texts.iter().find(|text| !text.is_empty()).cloned();
    let mut names: Vec<String> = rows
        .iter()
        .map(|(index, texts)| first(texts).unwrap_or_else(|| format!("#{}", index_text(index.0))))
        .collect();
    let lead = columns.first();
    let complete = lead.is_some_and(|lead| lead.len() == rows.len() && lead.len() > 0)
        && rows.values().all(|texts| texts.first().is_some_and(|text| !text.is_empty()));
    let mut needed = if complete { 1 } else { columns.len() };
    let descriptions: Vec<Option<&String>> = rows.values().map(|texts| texts.last()).collect();
    if distinguish(&mut names, |at| descriptions.get(at).copied().flatten().cloned()) {
        needed = columns.len();
    }
    distinguish(&mut names, |_| None);
    set_apart(&mut names);
    (rows.into_keys().map(|index| index.0.into()).zip(names).collect(), needed)
}

/// What still occurs twice was made so: by a port that is called what another was made to be.
fn set_apart(names: &mut [String]) {
    let mut taken = HashSet::with_capacity(names.len());
    for name in names {
        while taken.contains(name.as_str()) {
            name.push('\'');
        }
        taken.insert(name.clone());
    }
}

/// Adds to every name that occurs twice what sets it apart, `with` or its place among its
/// likes. All of a group change, so that none takes over another's history when it goes.
/// Returns whether there were any.
fn distinguish(names: &mut [String], with: impl Fn(usize) -> Option<String>) -> bool {
    let mut groups: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, name) in names.iter().enumerate() {
        groups.entry(name).or_default().push(at);
    }
    let mut changes = Vec::new();
    for (name, group) in groups.iter().filter(|(_, group)| group.len() > 1) {
        for (place, &at) in group.iter().enumerate() {
            match with(at) {
                Some(text) if text.is_empty() || text == *name => {}
                Some(text) => changes.push((at, format!("{name} ({text})"))),
                None => changes.push((at, format!("{name} #{}", place + 1))),
            }
        }
    }
    let any = groups.values().any(|group| group.len() > 1);
    for (at, name) in changes {
        if let Some(old) = names.get_mut(at) {
            *old = name;
        }
    }
    any
}

/// Finds the row of an index, first where it is expected.
#[inline]
pub(crate) fn find_row(rows: &[Row], expected: usize, index: &[u8]) -> Result<usize, usize> {
    if rows.get(expected).is_some_and(|row| *row.index == *index) {
        return Ok(expected);
    }
    rows.binary_search_by(|row| order(&row.index, index))
}

/// The name of a row in a table that has no names of its own; `joined` are the rows of the
/// table it joins, in their order.
pub(crate) fn derived_name(
    rule: &InstanceRule,
    index: &[u8],
    joined: &[Row],
    instances: &Instances,
) -> String {
    let text = index_text(index);
    match rule {
        InstanceRule::Index { template } => template.replace("{index}", &text),
        InstanceRule::Columns(_) => format!("#{text}"),
        InstanceRule::Join { offset, .. } => {
            let named = instances.positions.get(&text);
            if named.is_some_and(|named| joined.iter().any(|row| row.instance == *named)) {
                return text;
            }
            let mut other = Vec::new();
            let number = Arcs(index).next().and_then(|number| number.checked_add(*offset));
            number.into_iter().for_each(|number| push_arc(&mut other, number));
            let found = joined.binary_search_by(|row| order(&row.index, &other));
            let row = found.ok().filter(|_| number.is_some()).and_then(|at| joined.get(at));
            let name = row.and_then(|row| instances.names.get(row.instance as usize));
            name.cloned().unwrap_or(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(entries: &[(u8, &str)]) -> Collected {
        let mut column = Collected::default();
        for (index, name) in entries {
            column.push(&[*index], name.as_bytes());
        }
        column
    }

    fn check(names: &[(u8, &str)], descriptions: &[(u8, &str)], wanted: &[&str], columns: usize) {
        let (rows, needed) = unique_names(&[column(names), column(descriptions)], CodePage::Latin1);
        let got: Vec<&str> = rows.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!((got.as_slice(), needed), (wanted, columns));
    }

    #[test]
    fn names_are_unique_and_as_short_as_can_be() {
        check(&[(1, "a"), (2, "b")], &[(1, "x"), (2, "y")], &["a", "b"], 1);
        check(&[], &[(1, "x"), (2, "y")], &["x", "y"], 2);
        check(&[(1, ""), (2, "b")], &[(1, "x"), (2, "y")], &["x", "b"], 2);
        check(&[(1, "a"), (2, "a")], &[(1, "x"), (2, "y")], &["a (x)", "a (y)"], 2);
        check(&[(1, "a"), (2, "a")], &[(1, "x"), (2, "x")], &["a (x) #1", "a (x) #2"], 2);
        check(&[(1, "a"), (2, "a")], &[], &["a #1", "a #2"], 2);
        check(&[(1, ""), (2, "\0")], &[(1, ""), (2, "")], &["#1", "#2"], 2);
        check(&[(1, "a")], &[(1, "x"), (3, "z")], &["a", "z"], 2);
        // A port that is called what a twin is made to be.
        let three = &[(1, "a"), (2, "a"), (3, "a #1")];
        check(three, &[], &["a #1", "a #2", "a #1'"], 2);
        check(three, &[(1, ""), (2, "1"), (3, "")], &["a", "a (1)", "a #1"], 2);
    }

    #[test]
    fn joined_names_go_by_name_then_by_number() {
        let mut instances = Instances::default();
        let mut row = |index: &[u8], name: &str| Row {
            index: index.into(),
            instance: instances.position(name),
        };
        // 10005 is 0xce 0x15, 10006 is 0xce 0x16.
        let joined = [row(&[0xce, 0x15], "5"), row(&[0xce, 0x16], "lag-6")];
        let rule = InstanceRule::Join { table: 0, offset: 10_000 };
        let of = |index: &[u8]| derived_name(&rule, index, &joined, &instances);
        assert_eq!(of(&[5]), "5");
        assert_eq!(of(&[6]), "lag-6");
        assert_eq!(of(&[7]), "7");
    }
}
