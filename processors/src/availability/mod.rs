//! Whether a device is up, degraded, down or unknown, since when and why.
//!
//! Two kinds of evidence: SNMP and ping. Each is believed after some equal polls in a row, so a
//! single lost packet moves nothing, and a device is down only when both say so, or when the only
//! one there is says so for longer. A poller that is hindered (no permission, no
//! credential) or absent says nothing about the device.

mod reason;
mod view;

use schemas::{Availability, Column, Control, Outcome, Poll};

pub(crate) use reason::Why;
use view::BELIEVED_AFTER;
pub(crate) use view::{ProtocolView, Sign};

/// … and when nobody else can confirm it.
const ALONE_AFTER: u16 = 3;

/// The share is published anew when it has changed by so many polls.
const REPUBLISH_LOST: u8 = 4;

/// Share of lost echo requests, in percent, from which the path is poor.
const LOSS_PERCENT: f64 = 20.0;

/// Silence is suspected after so many intervals, and certain one interval later: a jump of the
/// ticks' clock alone must not make devices unknown.
const SUSPECT_AFTER: i64 = 2;

/// A device that no inventory record speaks for is forgotten after so long a silence.
const FORGET_AFTER_MS: i64 = 24 * 3_600_000;

/// What a poll is evidence of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    /// The device's agent answers.
    Snmp,
    /// The device is reached.
    Icmp,
}

impl Evidence {
    /// None for a collector that does not ask the device itself: what a controller says of it is
    /// no answer of the device.
    fn of(collector: &str) -> Option<Self> {
        match collector {
            "snmp" => Some(Self::Snmp),
            "icmp" => Some(Self::Icmp),
            _ => None,
        }
    }
}

/// What the inventory wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) enabled: bool,
    pub(crate) snmp: bool,
    pub(crate) icmp: bool,
    pub(crate) interval_ms: i64,
}

/// The availability of one device.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Watch {
    pub(crate) wanted: Option<Wanted>,
    pub(crate) snmp: ProtocolView,
    pub(crate) icmp: ProtocolView,
    /// The status last sent.
    pub(crate) published: Option<Published>,
    /// Stream time of the last record of any poller.
    pub(crate) observed_at: Option<i64>,
    /// Stream time at which silence was first suspected.
    pub(crate) suspected_at: Option<i64>,
    pub(crate) silent: bool,
}

/// A status that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) state: Availability,
    pub(crate) why: Why,
    pub(crate) since: i64,
    /// Polls lost of the window, where that is what is the matter.
    pub(crate) lost: u8,
}

/// A status to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) state: Availability,
    pub(crate) since: i64,
    pub(crate) reason: String,
}

impl Watch {
    /// Takes a poll; `now` is the device's stream time.
    pub(crate) fn poll(&mut self, poll: &Poll, now: i64, further_part: bool) -> Option<Changed> {
        let evidence = Evidence::of(&poll.connector)?;
        self.observed_at = Some(now);
        self.suspected_at = None;
        if self.silent {
            self.silent = false;
            self.snmp.forget();
            self.icmp.forget();
        }
        if let Some(sign) = sign_of(poll) {
            let view = match evidence {
                Evidence::Snmp => &mut self.snmp,
                Evidence::Icmp => &mut self.icmp,
            };
            view.observe(sign, poll, now, further_part);
        }
        self.publish(now, poll.started_at)
    }

    /// Takes what the inventory says.
    pub(crate) fn control(&mut self, control: &Control, now: i64) -> Option<Changed> {
        let wanted = Wanted {
            enabled: control.enabled,
            snmp: control.snmp,
            icmp: control.icmp,
            interval_ms: control.interval_ms.clamp(1, crate::chain::MOST_INTERVAL_MS),
        };
        let enabled_anew = wanted.enabled && self.wanted.is_some_and(|before| !before.enabled);
        self.wanted = Some(wanted);
        if enabled_anew {
            self.snmp.forget();
            self.icmp.forget();
            self.observed_at = None;
            self.suspected_at = None;
            self.silent = false;
        }
        self.publish(now, control.at)
    }

    /// Takes a tick that was due.
    pub(crate) fn tick(&mut self, at: i64) -> Option<Changed> {
        self.wake_at().filter(|wake| *wake <= at)?;
        if self.suspected_at.is_none() {
            self.suspected_at = Some(at);
            return None;
        }
        self.silent = true;
        self.publish(at, at)
    }

    /// Whether nobody polls it and nobody wants it: the state can go.
    pub(crate) fn forgotten_at(&self) -> Option<i64> {
        match (self.wanted, self.observed_at) {
            (None, Some(observed_at)) => Some(observed_at.saturating_add(FORGET_AFTER_MS)),
            (None, None) | (Some(_), _) => None,
        }
    }

    /// When a tick has something to say.
    pub(crate) fn wake_at(&self) -> Option<i64> {
        let observed_at = self.observed_at?;
        let enabled = self.wanted.is_none_or(|wanted| wanted.enabled);
        if self.silent || !enabled {
            return None;
        }
        let interval = self.interval_ms();
        Some(match self.suspected_at {
            None => observed_at.saturating_add(interval.saturating_mul(SUSPECT_AFTER)),
            Some(suspected_at) => suspected_at.saturating_add(interval),
        })
    }

    fn interval_ms(&self) -> i64 {
        let wanted = self.wanted.map_or(0, |wanted| wanted.interval_ms);
        wanted.max(self.snmp.interval_ms).max(self.icmp.interval_ms).max(1_000)
    }

    /// The status to send, if it differs from the one sent.
    fn publish(&mut self, now: i64, at: i64) -> Option<Changed> {
        let (state, why) = self.judge(now).map(|judged| self.steady(judged))?;
        let lost = match why {
            Why::SnmpUnsteady => self.snmp.lost_polls(),
            Why::PingUnsteady => self.icmp.lost_polls(),
            Why::Answers
            | Why::Disabled
            | Why::NeverPolled
            | Why::NoCredential
            | Why::NotPermitted
            | Why::Silent
            | Why::Partial
            | Why::Loss
            | Why::PingFails
            | Why::SnmpFails
            | Why::Dead
            | Why::SnmpDead
            | Why::PingDead => 0,
        };
        let same = |published: Published| {
            (published.state, published.why) == (state, why)
                && published.lost.abs_diff(lost) < REPUBLISH_LOST
        };
        if self.published.is_some_and(same) {
            return None;
        }
        let since = match self.published {
            Some(published) if published.state == state => published.since,
            Some(_) | None => self.began(why).unwrap_or(at),
        };
        self.published = Some(Published { state, why, since, lost });
        Some(Changed { state, since, reason: why.text(self) })
    }

    /// The status as it was last sent.
    pub(crate) fn last_published(&self) -> Option<Changed> {
        let Published { state, why, since, .. } = self.published?;
        Some(Changed { state, since, reason: why.text(self) })
    }

    /// When what is the matter began.
    fn began(&self, why: Why) -> Option<i64> {
        match why {
            Why::Dead => Some(self.snmp.since.max(self.icmp.since)),
            Why::SnmpDead | Why::SnmpFails | Why::Partial => Some(self.snmp.since),
            Why::PingDead | Why::PingFails | Why::Loss => Some(self.icmp.since),
            Why::Answers
            | Why::Disabled
            | Why::NeverPolled
            | Why::NoCredential
            | Why::NotPermitted
            | Why::Silent
            | Why::SnmpUnsteady
            | Why::PingUnsteady => None,
        }
    }

    /// What answers now, but again and again does not, is not up.
    fn steady(&self, judged: (Availability, Why)) -> (Availability, Why) {
        let counts = |wanted: Option<bool>, view: &ProtocolView| {
            wanted.unwrap_or(true) && view.unsteady && view.ever_good
        };
        match judged {
            (Availability::Up, Why::Answers)
                if counts(self.wanted.map(|wanted| wanted.snmp), &self.snmp) =>
            {
                (Availability::Degraded, Why::SnmpUnsteady)
            }
            (Availability::Up, Why::Answers)
                if counts(self.wanted.map(|wanted| wanted.icmp), &self.icmp) =>
            {
                (Availability::Degraded, Why::PingUnsteady)
            }
            _ => judged,
        }
    }

    /// State and reason; none while the evidence is not sure enough to change anything.
    fn judge(&self, now: i64) -> Option<(Availability, Why)> {
        use Availability::{Degraded, Down, Unknown, Up};
        if self.wanted.is_some_and(|wanted| !wanted.enabled) {
            return Some((Unknown, Why::Disabled));
        }
        if self.silent {
            return Some((Unknown, Why::Silent));
        }
        let uses = |wanted: Option<bool>, view: &ProtocolView| match wanted {
            Some(false) => Sign::Nothing,
            Some(true) | None => view.says(now),
        };
        let snmp = uses(self.wanted.map(|wanted| wanted.snmp), &self.snmp);
        let icmp = uses(self.wanted.map(|wanted| wanted.icmp), &self.icmp);
        let alone = |view: &ProtocolView, why| {
            (view.run >= ALONE_AFTER && view.failing()).then_some((Down, why))
        };
        match snmp {
            Sign::Good => match icmp {
                // Many networks filter ping: only the loss of what once was counts. And when both
                // come back, one is observed first.
                Sign::Fails if self.snmp.failing() => None,
                Sign::Fails if self.icmp.ever_good && self.snmp.run >= BELIEVED_AFTER => {
                    Some((Degraded, Why::PingFails))
                }
                Sign::Poor => Some((Degraded, Why::Loss)),
                Sign::Fails
                | Sign::Good
                | Sign::Nothing
                | Sign::NoCredential
                | Sign::NotPermitted => Some((Up, Why::Answers)),
            },
            Sign::Poor => Some((Degraded, Why::Partial)),
            Sign::Fails => match icmp {
                // The other one is about to say the same, or comes back first.
                Sign::Good | Sign::Poor
                    if self.icmp.failing() || self.icmp.run < BELIEVED_AFTER =>
                {
                    None
                }
                Sign::Good | Sign::Poor => Some((Degraded, Why::SnmpFails)),
                Sign::Fails => Some((Down, Why::Dead)),
                Sign::Nothing | Sign::NoCredential | Sign::NotPermitted => {
                    alone(&self.snmp, Why::SnmpDead)
                }
            },
            Sign::NoCredential | Sign::NotPermitted => match icmp {
                Sign::Good | Sign::Poor => Some((Degraded, Why::NoCredential)),
                Sign::Fails => alone(&self.icmp, Why::PingDead),
                Sign::Nothing | Sign::NoCredential | Sign::NotPermitted => {
                    Some((Unknown, Why::NoCredential))
                }
            },
            Sign::Nothing => match icmp {
                Sign::Good => Some((Up, Why::Answers)),
                Sign::Poor => Some((Degraded, Why::Loss)),
                Sign::Fails => alone(&self.icmp, Why::PingDead),
                Sign::NoCredential | Sign::NotPermitted if self.snmp.run == 0 => {
                    Some((Unknown, Why::NotPermitted))
                }
                Sign::Nothing if self.snmp.run == 0 && self.icmp.run == 0 => {
                    Some((Unknown, Why::NeverPolled))
                }
                Sign::Nothing | Sign::NoCredential | Sign::NotPermitted => None,
            },
        }
    }
}

/// Whether the device answered a poll at all: what was measured of its silence is no answer.
pub(crate) fn answered(poll: &Poll) -> bool {
    matches!(sign_of(poll), Some(Sign::Good | Sign::Poor))
}

/// What a poll says; nothing when cycles were skipped on the poller's side.
fn sign_of(poll: &Poll) -> Option<Sign> {
    Some(match poll.outcome {
        Outcome::Ok => match loss_percent(&poll.columns) {
            Some(loss) if loss >= 100.0 => Sign::Fails,
            Some(loss) if loss >= LOSS_PERCENT => Sign::Poor,
            Some(_) | None => Sign::Good,
        },
        Outcome::Partial => match loss_percent(&poll.columns) {
            Some(loss) if loss >= 100.0 => Sign::Fails,
            Some(_) | None => Sign::Poor,
        },
        Outcome::Malformed => Sign::Poor,
        Outcome::Timeout | Outcome::Unreachable | Outcome::Failed => Sign::Fails,
        Outcome::NoCredential => Sign::NoCredential,
        Outcome::NotPermitted => Sign::NotPermitted,
        Outcome::Skipped => return None,
    })
}

/// The loss column of a ping poll (`icmp_loss…`, in percent or as a ratio).
fn loss_percent(columns: &[Column]) -> Option<f64> {
    let column = columns.iter().find(|column| column.metric.starts_with("icmp_loss"))?;
    let percent = if column.unit == "%" || column.unit == "percent" { 1.0 } else { 100.0 };
    column.gauges.first().map(|loss| loss * column.scale * percent)
}

#[cfg(test)]
mod tests;
