//! Rows of a table and the names of their instances.
//!
//! The instance is a port's name, never its number: numbers move at a reboot or when a card is
//! put in. So the names are read in every cycle, and values are only believed when the names
//! before and after them are the same.

use std::collections::HashMap;

use schemas::RowIdentity;

use super::oid::{Arcs, index_text, order};
use super::values::clean_text;
use crate::profiles::{CodePage, InstanceRule};

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
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.positions.contains_key(name)
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
    pub(crate) fn push(&mut self, index: &[u8], value: &[u8]) {
        self.octets.extend_from_slice(index);
        let middle = self.octets.len() as u32;
        self.octets.extend_from_slice(value);
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

/// Index and name of each row, and how many of the columns must be read to know them.
pub(crate) fn unique_names(columns: &[Collected], page: CodePage) -> (Vec<NamedRow>, usize) {
    let mut rows: Vec<(Box<[u8]>, Vec<String>)> = Vec::new();
    for (position, column) in columns.iter().enumerate() {
        for (index, text) in column.iter() {
            let found = rows.binary_search_by(|(other, _)| order(other, index));
            let at = found.unwrap_or_else(|at| {
                rows.insert(at, (index.into(), vec![String::new(); columns.len()]));
                at
            });
            let row = rows.get_mut(at).and_then(|(_, texts)| texts.get_mut(position));
            if let Some(row) = row {
                *row = clean_text(text, page);
            }
        }
    }
    let first = |texts: &[String]| texts.iter().find(|text| !text.is_empty()).cloned();
    let mut names: Vec<String> = rows
        .iter()
        .map(|(index, texts)| first(texts).unwrap_or_else(|| format!("#{}", index_text(index))))
        .collect();
    let lead = columns.first();
    let complete = lead.is_some_and(|lead| lead.len() == rows.len() && lead.len() > 0)
        && rows.iter().all(|(_, texts)| texts.first().is_some_and(|text| !text.is_empty()));
    let mut needed = if complete { 1 } else { columns.len() };
    if distinguish(&mut names, |at| rows.get(at).and_then(|(_, texts)| texts.last().cloned())) {
        needed = columns.len();
    }
    distinguish(&mut names, |_| None);
    (rows.into_iter().map(|(index, _)| index).zip(names).collect(), needed)
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
/// table it joins.
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
            let name = |row: &Row| instances.names.get(row.instance as usize);
            if joined.iter().any(|row| name(row) == Some(&text)) {
                return text;
            }
            let mut arcs = Arcs(index);
            let number = arcs.next().and_then(|number| number.checked_add(*offset));
            let row = joined.iter().find(|row| {
                let mut other = Arcs(&row.index);
                number.is_some() && other.next() == number && other.next().is_none()
            });
            row.and_then(name).cloned().unwrap_or(text)
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
