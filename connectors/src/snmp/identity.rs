//! What is known of the row behind each instance, beside its name.

use std::collections::HashMap;

use schemas::{Fact, RowIdentity};

use super::names::{Collected, Instances, Row};

/// Notes index and description of a table's rows. `columns`: the columns of names as they were
/// read, the description (ifDescr) last. Rows that all of them leave alike are distinguished by
/// their index alone, so that becomes part of their description.
pub(super) fn note_rows(columns: &[Collected], rows: &[Row], instances: &mut Instances) {
    let mut texts: HashMap<&[u8], Vec<Option<&[u8]>>> = HashMap::with_capacity(rows.len());
    for (position, column) in columns.iter().enumerate() {
        for (index, text) in column.iter() {
            let row = texts.entry(index).or_insert_with(|| vec![None; columns.len()]);
            if let Some(place) = row.get_mut(position) {
                *place = Some(text);
            }
        }
    }
    let mut alike: HashMap<&[Option<&[u8]>], u32> = HashMap::with_capacity(rows.len());
    for row in texts.values() {
        *alike.entry(row).or_default() += 1;
    }
    for Row { index, instance } in rows {
        let Some(known) = identity_of(instances, *instance) else { continue };
        if *known != RowIdentity::default() {
            continue;
        }
        let mut identity = RowIdentity::default().with_index(index);
        if let Some(row) = texts.get(&**index) {
            let twin = alike.get(row.as_slice()).is_some_and(|count| *count > 1);
            let description = row.last().copied().flatten();
            if twin || description.is_some() {
                let index: &[u8] = if twin { index } else { &[] };
                identity = identity.with_description(description.unwrap_or_default(), index);
            }
        }
        *known = identity;
    }
}

/// Notes type and hardware address, where the texts have them.
pub(super) fn note_hardware(facts: &[Fact], instances: &mut Instances) {
    let mut known: HashMap<&str, (&str, &str)> = HashMap::new();
    for fact in facts.iter().filter(|fact| !fact.instance.is_empty()) {
        match fact.name.as_str() {
            "if_type" => known.entry(&fact.instance).or_default().0 = &fact.value,
            "if_phys_address" => known.entry(&fact.instance).or_default().1 = &fact.value,
            _ => {}
        }
    }
    for (instance, (kind, address)) in known {
        let position = instances.position(instance);
        if let Some(identity) = identity_of(instances, position) {
            *identity = identity.with_hardware(kind, address);
        }
    }
}

fn identity_of(instances: &mut Instances, position: i32) -> Option<&mut RowIdentity> {
    let place = usize::try_from(position).ok()?;
    instances.identities.get_mut(place)
}

#[cfg(test)]
mod tests {
    use schemas::Difference;

    use super::*;

    /// Rows of index, name, description; what they were called, with their identities.
    fn read(rows: &[(u8, &str, &str)]) -> Vec<(String, RowIdentity)> {
        let (mut names, mut descriptions) = (Collected::default(), Collected::default());
        for (index, name, description) in rows {
            names.push(&[*index], name.as_bytes());
            descriptions.push(&[*index], description.as_bytes());
        }
        let columns = [names, descriptions];
        let mut instances = Instances::default();
        let (named, _) = super::super::names::unique_names(&columns, Default::default());
        let rows: Vec<Row> = named
            .into_iter()
            .map(|(index, name)| Row { index, instance: instances.position(&name) })
            .collect();
        note_rows(&columns, &rows, &mut instances);
        instances.names.iter().cloned().zip(instances.identities.iter().copied()).collect()
    }

    fn difference(name: &str, before: &[(u8, &str, &str)], now: &[(u8, &str, &str)]) -> Difference {
        let find = |rows| {
            let found = read(rows).into_iter().find(|(other, _)| other == name);
            found.map(|(_, identity)| identity).unwrap_or_default()
        };
        find(now).since(find(before))
    }

    #[test]
    fn what_moved_is_seen() {
        let two = [(1, "Gi1", "p1"), (2, "Gi2", "p2")];
        assert_eq!(difference("Gi1", &two, &two), Difference::None);
        assert_eq!(
            difference("Gi1", &two, &[(11, "Gi1", "p1"), (12, "Gi2", "p2")]),
            Difference::Index
        );
        assert_eq!(difference("Gi1", &two, &[(1, "Gi2", "p1"), (2, "Gi1", "p2")]), Difference::Row);
        // Alike in all but the index: the index is what they are.
        let wan = [(1, "WAN", "WAN"), (2, "WAN", "WAN"), (3, "WAN", "WAN")];
        assert_eq!(difference("WAN #1", &wan, &wan[1..]), Difference::Row);
        let facts = |address: &str| {
            vec![Fact {
                instance: "Gi1".into(),
                name: "if_phys_address".into(),
                value: address.into(),
            }]
        };
        let hardware = |address: &str| {
            let mut instances = Instances::default();
            instances.position("Gi1");
            note_hardware(&facts(address), &mut instances);
            instances.identities[1]
        };
        assert_eq!(hardware("01").since(hardware("02")), Difference::Row);
    }
}
