//! What a route can demand.

/// A permission, as `x-permission` in the OpenAPI document names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Permission {
    /// One's own session and password.
    Account,
    /// Make a new password for somebody who lost theirs.
    AccountRecover,
    /// Read devices, interfaces and profiles.
    InventoryRead,
    /// Add, change and remove devices.
    InventoryWrite,
    /// Have a device tried, with a stored credential.
    InventoryProbe,
    /// Read samples, series, anomalies and live events.
    MonitoringRead,
    /// Read names and kinds of credentials, never a secret.
    CredentialRead,
    /// Store, replace and remove credentials.
    CredentialWrite,
    /// Read the state of the system itself: status, pollers, metrics, schemas, this document.
    SystemRead,
}

impl Permission {
    /// All of them.
    pub(crate) const ALL: [Self; 9] = [
        Self::Account,
        Self::AccountRecover,
        Self::InventoryRead,
        Self::InventoryWrite,
        Self::InventoryProbe,
        Self::MonitoringRead,
        Self::CredentialRead,
        Self::CredentialWrite,
        Self::SystemRead,
    ];

    /// Area and action.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::AccountRecover => "account:recover",
            Self::InventoryRead => "inventory:read",
            Self::InventoryWrite => "inventory:write",
            Self::InventoryProbe => "inventory:probe",
            Self::MonitoringRead => "monitoring:read",
            Self::CredentialRead => "credential:read",
            Self::CredentialWrite => "credential:write",
            Self::SystemRead => "system:read",
        }
    }
}
