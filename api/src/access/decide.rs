//! The decision: a pure function of who asks, what the route demands and whose it is.

use std::collections::BTreeSet;

use super::Permission;

/// What somebody may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grants {
    permissions: BTreeSet<Permission>,
    /// None: all tenants.
    tenants: Option<BTreeSet<String>>,
}

impl Grants {
    /// Those of the administrator: everything, everywhere.
    pub(crate) fn all() -> Self {
        Self { permissions: Permission::ALL.into(), tenants: None }
    }

    /// One permission, everywhere.
    pub(crate) fn only(permission: Permission) -> Self {
        Self { permissions: [permission].into(), tenants: None }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resource<'a> {
    /// The tenant that owns it; none for what no tenant owns, such as the state of the system.
    pub(crate) tenant: Option<&'a str>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Let in.
    Allow,
    /// The permission is missing.
    Lacks(Permission),
    /// Another tenant's: to whom it is not shown that it exists.
    Hidden,
}

/// Decides. What is not granted is refused.
pub(crate) fn decide(grants: &Grants, permission: Permission, resource: Resource<'_>) -> Decision {
    if !grants.permissions.contains(&permission) {
        return Decision::Lacks(permission);
    }
    match (&grants.tenants, resource.tenant) {
        (Some(tenants), Some(tenant)) if !tenants.contains(tenant) => Decision::Hidden,
        // What no tenant owns is for those who are bound to no tenant, but for one's own account.
        (Some(_), None) if permission == Permission::SystemRead => Decision::Lacks(permission),
        _ => Decision::Allow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(permissions: &[Permission], tenants: Option<&[&str]>) -> Grants {
        Grants {
            permissions: permissions.iter().copied().collect(),
            tenants: tenants.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
        }
    }

    #[test]
    fn what_is_not_granted_is_refused() {
        let check = |grants: &Grants, permission, tenant, expected| {
            assert_eq!(decide(grants, permission, Resource { tenant }), expected);
        };
        let (read, write) = (Permission::InventoryRead, Permission::InventoryWrite);
        let reader = grants(&[read], None);
        check(&reader, read, Some("a"), Decision::Allow);
        check(&reader, write, Some("a"), Decision::Lacks(write));
        let of_a = grants(&[read, Permission::SystemRead], Some(&["a"]));
        check(&of_a, read, Some("a"), Decision::Allow);
        check(&of_a, read, Some("b"), Decision::Hidden);
        check(&of_a, Permission::SystemRead, None, Decision::Lacks(Permission::SystemRead));
        for permission in Permission::ALL {
            check(&Grants::all(), permission, Some("a"), Decision::Allow);
            check(&Grants::all(), permission, None, Decision::Allow);
            check(&grants(&[], None), permission, None, Decision::Lacks(permission));
        }
    }
}
