//! Devices: what is polled.

use schemas::{Address, Device, EntityProblem, INTERVAL_MS, MAX_NAME_CHARS};

use super::{
    Credentials, EntityKind, EntityOutput, Facts, Place, Reference, Unique, check_place,
    check_tags, check_text, problem,
};

/// [`Device`], which sources write, too.
pub(super) struct Devices;

impl EntityKind for Devices {
    const KIND: &'static str = "device";
    const NOUN: &'static str = "device";
    const MISSING: &'static str = "no device of that id: it was removed, or never added";
    const RELAYED: bool = true;
    type Body = Device;

    fn facts(device: &Device) -> Facts {
        // Two devices behind one address are nearly always one device added twice.
        let unique = Unique {
            field: "address",
            value: format!("{} {}", device.address, device.port),
            taken: "has that address and port already",
        };
        let credential = device.credential.iter().map(|name| Reference {
            field: "credential",
            kind: Credentials::KIND,
            id: name.clone(),
        });
        Facts {
            name: device.name.clone(),
            source: device.source.clone(),
            unique: vec![unique],
            references: credential.collect(),
        }
    }

    fn settle(place: &Place<'_>, device: &mut Device, problems: &mut Vec<EntityProblem>) {
        device.updated_at = place.revision;
        check_place(place, Some(&device.tenant), &device.id.to_string(), problems);
        check_text("name", &device.name, 1..=MAX_NAME_CHARS, problems);
        check_text("profile", &device.profile, 1..=MAX_NAME_CHARS, problems);
        check_text("source", &device.source, 0..=MAX_NAME_CHARS, problems);
        check_text("site", device.site.as_deref().unwrap_or("-"), 1..=MAX_NAME_CHARS, problems);
        check_tags(&device.tags, problems);
        match device.address.parse::<Address>() {
            Ok(address) => device.address = address.to_string(),
            Err(error) => problems.push(problem("address", error.problem)),
        }
        if !(1..=65_535).contains(&device.port) {
            problems.push(problem("port", format!("{} is none; give 1 to 65535", device.port)));
        }
        let (least, most) = INTERVAL_MS;
        if !(least..=most).contains(&device.interval_ms) {
            let detail = format!("is {}; it takes {least} to {most}", device.interval_ms);
            problems.push(problem("interval_ms", detail));
        }
    }

    fn publish(_: &Place<'_>, device: Device) -> Vec<EntityOutput> {
        vec![EntityOutput::Device(Box::new(device))]
    }

    fn withdraw(place: &Place<'_>, _: Option<Device>) -> Vec<EntityOutput> {
        place.id.parse().map(EntityOutput::DeviceGone).into_iter().collect()
    }
}
