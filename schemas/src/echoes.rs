//! How many echo requests a poll sends, and for how long.

use crate::{Device, ICMP_ECHOES};

/// The share of an interval that the echo requests of a poll may take, permille.
pub const ICMP_SHARE: u64 = 800;

/// The echo requests of one poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echoes {
    /// How many.
    pub count: u32,
    /// Time between two of them.
    pub spacing_ms: u64,
    /// How long the reply to the last one is waited for.
    pub timeout_ms: u64,
}

/// As pollers are configured when nobody says otherwise.
impl Default for Echoes {
    fn default() -> Self {
        Self { count: 3, spacing_ms: 200, timeout_ms: 1_000 }
    }
}

impl Echoes {
    /// As set for a device; `self` for what is not.
    #[must_use]
    pub fn of(self, device: &Device) -> Self {
        let number = |value: Option<i64>| value.and_then(|it| u64::try_from(it).ok());
        let count = device.icmp_echoes.and_then(|it| u32::try_from(it).ok());
        Self {
            count: count.unwrap_or(self.count).clamp(1, ICMP_ECHOES.1 as u32),
            spacing_ms: number(device.icmp_spacing_ms).unwrap_or(self.spacing_ms),
            timeout_ms: number(device.icmp_timeout_ms).unwrap_or(self.timeout_ms),
        }
    }

    /// From the first request to the end of the wait.
    #[must_use]
    pub fn takes_ms(self) -> u64 {
        let gaps = u64::from(self.count.saturating_sub(1));
        gaps.saturating_mul(self.spacing_ms).saturating_add(self.timeout_ms)
    }

    /// The same, cut to fit into `room_ms`: half of it is for the wait at least.
    #[must_use]
    pub fn within(self, room_ms: u64) -> Self {
        let gaps = u64::from(self.count.saturating_sub(1));
        let least_ms = self.timeout_ms.min(room_ms / 2);
        let spacing_ms = self.spacing_ms.min((room_ms - least_ms) / gaps.max(1));
        let timeout_ms = self.timeout_ms.min(room_ms - gaps * spacing_ms);
        Self { spacing_ms, timeout_ms, ..self }
    }

    /// What is wrong with the echo requests that are set for a device; none where nothing is, or
    /// nothing is set. What is not set is as usual.
    #[must_use]
    pub fn problem(device: &Device) -> Option<String> {
        let set = device.icmp_echoes.is_some()
            || device.icmp_spacing_ms.is_some()
            || device.icmp_timeout_ms.is_some();
        let echoes = Self::default().of(device);
        let interval_ms = u64::try_from(device.interval_ms).unwrap_or(0);
        let room_ms = interval_ms.saturating_mul(ICMP_SHARE) / 1_000;
        let fits = !set || !device.icmp || echoes.takes_ms() <= room_ms;
        (!fits).then(|| {
            format!(
                "{echoes} take {} ms, and a poll every {interval_ms} ms leaves {room_ms} ms for \
                 them: send fewer, space them closer, wait less, or poll less often",
                echoes.takes_ms()
            )
        })
    }
}

impl std::fmt::Display for Echoes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { count, spacing_ms, timeout_ms } = self;
        match count {
            1 => write!(f, "1 echo request and a wait of {timeout_ms} ms"),
            _ => write!(
                f,
                "{count} echo requests {spacing_ms} ms apart and a wait of {timeout_ms} ms"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(count: u32, spacing_ms: u64, timeout_ms: u64, room_ms: u64, wanted: (u64, u64)) {
        let cut = Echoes { count, spacing_ms, timeout_ms }.within(room_ms);
        assert_eq!((cut.spacing_ms, cut.timeout_ms), wanted);
        assert!(cut.takes_ms() <= room_ms, "{cut} in {room_ms} ms");
    }

    #[test]
    fn what_does_not_fit_is_cut_and_what_fits_is_not() {
        check(3, 200, 1_000, 8_000, (200, 1_000));
        check(3, 200, 600, 1_000, (200, 600));
        check(3, 200, 1_000, 800, (200, 400));
        check(20, 10_000, 60_000, 800, (21, 401));
        check(1, 0, 60_000, 800, (0, 800));
        check(20, 0, 10, 0, (0, 0));
    }
}
