//! Host names of devices: looked up at once, and again and again.
//!
//! The system's resolver gives no time to live, so that a name is looked up every
//! [`RESOLVE_MS`]: an address that has changed is in use within that time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use schemas::DeviceId;
use tokio::sync::Notify;

/// How often a name is looked up.
pub(crate) const RESOLVE_MS: u64 = 60_000;
/// How often a name is looked up that has no address.
const RETRY_MS: u64 = 10_000;
/// How long a look-up may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Look-ups at once.
const MAX_LOOKUPS: usize = 32;
/// The longest sleep.
const MAX_SLEEP: Duration = Duration::from_millis(500);

#[derive(Debug)]
struct Entry {
    name: String,
    due: Instant,
    /// The address in use: kept as long as the name has it.
    address: Option<IpAddr>,
}

/// The names to look up.
#[derive(Debug, Default)]
pub(crate) struct Resolver {
    entries: Mutex<HashMap<DeviceId, Entry>>,
    changed: Notify,
}

impl Resolver {
    fn lock(&self) -> MutexGuard<'_, HashMap<DeviceId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks the name of a device up from now on; the result is reported again at once.
    pub(crate) fn watch(&self, id: DeviceId, name: &str) {
        let mut entries = self.lock();
        let address = entries.get(&id).filter(|it| it.name == name).and_then(|it| it.address);
        entries.insert(id, Entry { name: name.to_owned(), due: Instant::now(), address });
        drop(entries);
        self.changed.notify_one();
    }

    pub(crate) fn forget(&self, id: DeviceId) {
        self.lock().remove(&id);
    }

    /// Those that are due, at most [`MAX_LOOKUPS`].
    fn due(&self, now: Instant) -> Vec<(DeviceId, String)> {
        let retry = now + Duration::from_millis(RETRY_MS);
        let mut entries = self.lock();
        let due = entries.iter_mut().filter(|(_, it)| it.due <= now).take(MAX_LOOKUPS);
        let taken = due.map(|(id, it)| {
            it.due = retry;
            (*id, it.name.clone())
        });
        taken.collect()
    }

    /// Takes the addresses of a name; the one to use.
    fn take(&self, id: DeviceId, name: &str, found: &[IpAddr], now: Instant) -> Option<IpAddr> {
        let mut entries = self.lock();
        let entry = entries.get_mut(&id).filter(|it| it.name == name)?;
        let kept = entry.address.filter(|address| found.contains(address));
        entry.address = kept.or_else(|| found.first().copied());
        entry.due = now + Duration::from_millis(RESOLVE_MS);
        entry.address
    }

    /// Looks names up until `over`, and reports what they are.
    pub(crate) async fn run(
        &self,
        over: impl Fn() -> bool,
        report: impl Fn(DeviceId, Result<IpAddr, String>),
    ) {
        while !over() {
            let due = self.due(Instant::now());
            if due.is_empty() {
                let _ = tokio::time::timeout(MAX_SLEEP, self.changed.notified()).await;
                continue;
            }
            let mut lookups = tokio::task::JoinSet::new();
            for (id, name) in due {
                lookups.spawn(async move { (id, lookup(&name).await, name) });
            }
            while let Some(done) = lookups.join_next().await {
                let Ok((id, result, name)) = done else { continue };
                match result {
                    Ok(found) => {
                        if let Some(address) = self.take(id, &name, &found, Instant::now()) {
                            report(id, Ok(address));
                        }
                    }
                    Err(why) => {
                        report(id, Err(format!("the name {name} cannot be looked up: {why}")))
                    }
                }
            }
        }
    }
}

/// The addresses of a name that can be those of one device.
pub(crate) async fn lookup(name: &str) -> Result<Vec<IpAddr>, String> {
    let found = tokio::time::timeout(TIMEOUT, tokio::net::lookup_host((name, 0))).await;
    let found = found.map_err(|_| "no answer within 5 s".to_owned())?;
    let mut found: Vec<IpAddr> = found
        .map_err(|error| error.to_string())?
        .map(|address| address.ip().to_canonical())
        .filter(|address| address.to_string().parse::<schemas::Address>().is_ok())
        .collect();
    found.dedup();
    if found.is_empty() { Err("it has no address of one device".into()) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stays_in_use_as_long_as_the_name_has_it() {
        let resolver = Resolver::default();
        let (id, now) = (DeviceId::from_source("test", "x"), Instant::now());
        resolver.watch(id, "a.example");
        assert_eq!(resolver.due(Instant::now()), [(id, "a.example".to_owned())]);
        assert!(resolver.due(Instant::now()).is_empty(), "it is being looked up");
        let [one, two]: [IpAddr; 2] = [[192, 0, 2, 1].into(), [192, 0, 2, 2].into()];
        assert_eq!(resolver.take(id, "a.example", &[one, two], now), Some(one));
        assert_eq!(resolver.take(id, "a.example", &[two, one], now), Some(one));
        assert_eq!(resolver.take(id, "a.example", &[two], now), Some(two));
        assert_eq!(resolver.take(id, "b.example", &[one], now), None, "another name by now");
        let later = now + Duration::from_millis(RESOLVE_MS + 1_000);
        assert_eq!(resolver.due(later).len(), 1);
        resolver.forget(id);
        assert_eq!(resolver.take(id, "a.example", &[two], now), None);
    }
}
