//! Reasons in words that help at three in the morning: what was seen, and where to look.

use super::{ProtocolView, Watch};

/// Why a device is in its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Answers,
    Disabled,
    NeverPolled,
    NoCredential,
    NotPermitted,
    Silent,
    Partial,
    Loss,
    PingFails,
    SnmpFails,
    Dead,
    SnmpDead,
    PingDead,
    SnmpUnsteady,
    PingUnsteady,
}

impl Why {
    /// In the order of their saved numbers.
    pub(crate) const ALL: [Self; 15] = [
        Self::Answers,
        Self::Disabled,
        Self::NeverPolled,
        Self::NoCredential,
        Self::NotPermitted,
        Self::Silent,
        Self::Partial,
        Self::Loss,
        Self::PingFails,
        Self::SnmpFails,
        Self::Dead,
        Self::SnmpDead,
        Self::PingDead,
        Self::SnmpUnsteady,
        Self::PingUnsteady,
    ];

    pub(super) fn text(self, watch: &Watch) -> String {
        let snmp = watch.snmp.error.as_str();
        let icmp = watch.icmp.error.as_str();
        let unsteady = |what: &str, view: &ProtocolView| {
            format!(
                "{what} left {} of the last {} polls unanswered: check the path, its load and the \
                 device's limits for what it is asked",
                view.lost_polls(),
                view.polls
            )
        };
        let (text, error) = match self {
            Self::SnmpUnsteady => return unsteady("SNMP", &watch.snmp),
            Self::PingUnsteady => return unsteady("ping", &watch.icmp),
            Self::Answers => ("answers", ""),
            Self::Disabled => ("polling is disabled in the inventory", ""),
            Self::NeverPolled => {
                ("not polled yet: if this lasts longer than an interval, no poller is running", "")
            }
            Self::NoCredential => (
                "SNMP is not polled for want of a usable credential: add it or name another for \
                 the device",
                snmp,
            ),
            Self::NotPermitted => (
                "nothing is measured: this host may not send pings and SNMP is off or not polled \
                 yet",
                icmp,
            ),
            Self::Silent => (
                "no poll for more than three intervals: no poller is running, or none reaches \
                 the log; of the device itself nothing is known",
                "",
            ),
            Self::Partial => (
                "SNMP answers only in part: some tables are missing or malformed; the device may \
                 be overloaded, or the profile may not fit it",
                snmp,
            ),
            Self::Loss => ("pings are lost: check the path, its load and the port's errors", icmp),
            Self::PingFails => (
                "pings are lost while SNMP answers: a filter on the way, or the device limits \
                 ICMP",
                icmp,
            ),
            Self::SnmpFails => (
                "SNMP times out while ping answers: check the community of its credential, the \
                 device's SNMP access list and that its agent runs",
                snmp,
            ),
            Self::Dead => (
                "neither SNMP nor ping answers: the device is off, or the path to it is cut",
                if snmp.is_empty() { icmp } else { snmp },
            ),
            Self::SnmpDead => (
                "SNMP does not answer and ping is not measured: device, path, credential or \
                 access list",
                snmp,
            ),
            Self::PingDead => (
                "ping does not answer and SNMP is not polled: the device is off, the path is cut \
                 or ICMP is filtered",
                icmp,
            ),
        };
        if error.is_empty() { text.to_owned() } else { format!("{text} ({error})") }
    }
}
