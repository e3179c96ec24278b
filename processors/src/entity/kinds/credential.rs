//! Credentials, without their secrets: those are in the vault alone.

use schemas::{CredentialChange, EntityProblem, MAX_NAME_CHARS};
use serde::{Deserialize, Serialize};

use super::{EntityKind, EntityOutput, Facts, Place, check_place, check_text};

/// What is known of one.
#[derive(Serialize, Deserialize)]
pub(super) struct CredentialBody {
    name: String,
    /// E.g. `snmp_v2c`; empty where a release wrote it that did not say.
    #[serde(default)]
    kind: String,
    version: i64,
}

/// Credentials, by name.
pub(super) struct Credentials;

impl EntityKind for Credentials {
    const KIND: &'static str = "credential";
    const NOUN: &'static str = "credential";
    const MISSING: &'static str = "no credential of that name; make it first, on the credentials \
                                   page or by `opsconductor credential add NAME`";
    const KEEPS_BODY: bool = true;
    const RELAYED: bool = true;
    type Body = CredentialBody;

    fn facts(credential: &CredentialBody) -> Facts {
        Facts { name: credential.name.clone(), source: "api".to_owned(), ..Facts::default() }
    }

    fn settle(place: &Place<'_>, body: &mut CredentialBody, problems: &mut Vec<EntityProblem>) {
        check_place(place, None, &body.name, problems);
        check_text("name", &body.name, 1..=MAX_NAME_CHARS, problems);
        check_text("kind", &body.kind, 0..=MAX_NAME_CHARS, problems);
    }

    fn publish(place: &Place<'_>, body: CredentialBody) -> Vec<EntityOutput> {
        vec![EntityOutput::Credential(change(place, body.version, true))]
    }

    fn withdraw(place: &Place<'_>, body: Option<CredentialBody>) -> Vec<EntityOutput> {
        let change = change(place, body.map_or(0, |body| body.version), false);
        vec![EntityOutput::Credential(change.clone()), EntityOutput::CredentialGone(change)]
    }
}

fn change(place: &Place<'_>, version: i64, present: bool) -> CredentialChange {
    CredentialChange {
        tenant: place.tenant.to_owned(),
        name: place.id.to_owned(),
        version,
        present,
        revision: place.revision,
    }
}
