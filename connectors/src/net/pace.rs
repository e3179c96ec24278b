//! How fast datagrams may leave.

/// A bucket that fills with time.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Thousandths of a datagram, so that slow paces add up too.
    thousandths: u64,
    at: u64,
}

impl Pace {
    pub(crate) const fn new(now: u64) -> Self {
        Self { thousandths: 0, at: now }
    }

    /// Adds what the time since the last call allows; at most `burst` may leave at once.
    pub(crate) fn earn(&mut self, now: u64, per_second: u64, burst: u64) {
        let earned = (now - self.at).saturating_mul(per_second);
        self.thousandths = (self.thousandths + earned).min(burst * 1000);
        self.at = now;
    }

    /// Datagrams that may leave now.
    pub(crate) const fn room(&self) -> usize {
        (self.thousandths / 1000) as usize
    }

    /// So many left; at most [`Self::room`].
    pub(crate) const fn spend(&mut self, datagrams: usize) {
        self.thousandths -= datagrams as u64 * 1000;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_pace_adds_up_and_a_long_rest_gives_one_burst() {
        let mut pace = Pace::new(0);
        for now in 1..100 {
            pace.earn(now, 10, 64);
            assert_eq!(pace.room(), 0, "at {now} ms");
        }
        pace.earn(100, 10, 64);
        assert_eq!(pace.room(), 1);
        pace.spend(1);
        pace.earn(1_000_000, 10, 64);
        assert_eq!(pace.room(), 64);
    }
}
