//! Stateless steps from one topic to others, in the order of their input and exactly once.

use schemas::{AvroRecord, Control, DEFAULT_TENANT, Device, DeviceId, SchemaStore};

use crate::{
    Input, KeyOf, LoadError, Next, Nothing, Out, Processor, Raw, Refusal, Sections, Unreadable,
};

/// A step that keeps nothing between two records.
pub trait Relay: Send + Sync + 'static {
    /// What it reads.
    type Input: Input;
    /// What it writes.
    type Output: Send;
    /// Names the consumer group.
    const NAME: &'static str;

    /// What becomes of one record.
    fn relay(&self, input: &Self::Input, out: &mut dyn Out<Self::Output>);
}

/// A relay as a processor that forgets each key at once.
#[derive(Debug, Default)]
pub struct Stateless<R>(pub R);

impl<R: Relay> Processor for Stateless<R> {
    type Input = R::Input;
    type Output = R::Output;
    type Recall = Nothing<KeyOf<Self>>;
    type State = ();
    const NAME: &'static str = R::NAME;
    const LOGIC_VERSION: u32 = 0;

    fn step(&self, (): &mut (), input: &R::Input, out: &mut dyn Out<R::Output>) -> Next {
        self.0.relay(input, out);
        Next::Forget
    }

    fn wake_at(&self, (): &()) -> Option<i64> {
        None
    }

    fn save(&self, (): &mut (), _: &mut dyn FnMut(u16, &[u8])) {}

    fn load(&self, _: u32, _: &Sections) -> Result<(), LoadError> {
        Ok(())
    }

    fn reconcile(&self, (): &mut (), _: &[Self::Recall], _: &mut dyn Out<R::Output>) {}
}

/// A change of the inventory.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceChange {
    /// Which device.
    pub id: DeviceId,
    /// As it is now; none: it was removed.
    pub device: Option<Device>,
    /// When the log took it, ms since the epoch.
    pub at: i64,
}

impl Input for DeviceChange {
    type Record = Device;
    type Key = DeviceId;
    type Spare = ();

    fn read(store: &SchemaStore, raw: &Raw<'_>, (): &mut ()) -> Result<Self, Unreadable> {
        let device = raw.value.map(|value| Device::decode(store, value)).transpose()?;
        let id = match &device {
            Some(device) => device.id,
            None => removed(raw).map_err(Unreadable::Refused)?,
        };
        Ok(Self { id, device, at: raw.appended_ms })
    }

    fn key(&self) -> Option<DeviceId> {
        Some(self.id)
    }
}

fn removed(raw: &Raw<'_>) -> Result<DeviceId, Refusal> {
    let key = String::from_utf8_lossy(raw.key.unwrap_or_default());
    key.parse().map_err(|error| Refusal {
        reason: "malformed",
        error: format!("tombstone for {key:?}, which is no device id: {error}"),
    })
}

/// Every change of the inventory becomes a control record in the poll topic, in order with the
/// device's polls.
#[derive(Debug, Default)]
pub struct DeviceControl;

impl Relay for DeviceControl {
    type Input = DeviceChange;
    type Output = Control;
    const NAME: &'static str = "route";

    fn relay(&self, change: &DeviceChange, out: &mut dyn Out<Control>) {
        let gone = Control {
            tenant: DEFAULT_TENANT.to_owned(),
            device: change.id,
            name: String::new(),
            present: false,
            enabled: false,
            snmp: false,
            icmp: false,
            interval_ms: 0,
            at: change.at,
        };
        out.emit(match &change.device {
            Some(device) => Control {
                tenant: device.tenant.clone(),
                name: device.name.clone(),
                present: true,
                enabled: device.enabled,
                snmp: device.snmp,
                icmp: device.icmp,
                interval_ms: device.interval_ms,
                ..gone
            },
            None => gone,
        });
    }
}
