//! A change of an entity, from the request to the answer.

use chrono::SecondsFormat;

use super::{Kind, history, visible};
use crate::endpoints::time;
use crate::http::{ApiError, IfMatch};
use crate::ports::{EntityReply, EntityRequest};
use crate::state::ApiState;

/// Attempts of a change that is meant for whatever revision there is, while others change it.
const MAX_ATTEMPTS: u32 = 5;

/// What is wanted of which entity, and by whom.
pub(crate) struct Change<'a> {
    pub(crate) id: &'a str,
    /// Its name as it is shown.
    pub(crate) name: &'a str,
    pub(crate) by: &'a str,
}

impl Change<'_> {
    fn request<K: Kind>(&self, expected: Option<i64>, body: Option<String>) -> EntityRequest {
        EntityRequest {
            kind: K::KIND,
            id: self.id.to_owned(),
            expected,
            body,
            by: self.by.to_owned(),
        }
    }

    fn unknown<K: Kind>(&self) -> ApiError {
        ApiError::NotFound { what: K::WHAT, id: self.id.to_owned() }
    }
}

/// Makes an entity that must not exist; its revision.
pub(crate) async fn create<K: Kind>(
    state: &ApiState,
    change: &Change<'_>,
    body: String,
) -> Result<i64, ApiError> {
    let request = change.request::<K>(Some(0), Some(body));
    match state.ports.entities.apply(request).await? {
        EntityReply::Applied { revision } => {
            visible::written::<K>(&state.pool, change.id, revision).await;
            Ok(revision)
        }
        EntityReply::Conflict { revision } => Err(changed::<K>(state, change, revision).await),
        EntityReply::NotFound => Err(change.unknown::<K>()),
        EntityReply::Refused(problems) => Err(ApiError::Invalid(every(problems))),
    }
}

/// Replaces an entity that exists; its revision. `known` is the one that the projection has:
/// without a condition the entity is replaced whatever its revision is, but not made anew when
/// somebody removed it meanwhile.
pub(crate) async fn replace<K: Kind>(
    state: &ApiState,
    change: &Change<'_>,
    condition: IfMatch,
    known: i64,
    body: &str,
) -> Result<i64, ApiError> {
    let mut expected = condition.0.unwrap_or(known);
    for _ in 0..MAX_ATTEMPTS {
        let request = change.request::<K>(Some(expected), Some(body.to_owned()));
        match state.ports.entities.apply(request).await? {
            EntityReply::Applied { revision } => {
                visible::written::<K>(&state.pool, change.id, revision).await;
                return Ok(revision);
            }
            EntityReply::NotFound | EntityReply::Conflict { revision: 0 } => {
                return Err(change.unknown::<K>());
            }
            EntityReply::Conflict { revision } if condition.0.is_some() => {
                return Err(changed::<K>(state, change, revision).await);
            }
            EntityReply::Conflict { revision } => expected = revision,
            EntityReply::Refused(problems) => return Err(ApiError::Invalid(every(problems))),
        }
    }
    Err(ApiError::Unavailable(format!(
        "the {} {:?} is changed by others all the time; try again",
        K::WHAT,
        change.name
    )))
}

/// Removes an entity.
pub(crate) async fn remove<K: Kind>(
    state: &ApiState,
    change: &Change<'_>,
    condition: IfMatch,
) -> Result<(), ApiError> {
    let reply = state.ports.entities.apply(change.request::<K>(condition.0, None)).await?;
    match removed::<K>(reply, change.id)? {
        Removed::Gone { revision } => {
            visible::removed::<K>(&state.pool, change.id, revision).await;
            Ok(())
        }
        Removed::Changed { revision } => Err(changed::<K>(state, change, revision).await),
    }
}

/// What became of a removal that was not refused.
pub(crate) enum Removed {
    Gone { revision: i64 },
    Changed { revision: i64 },
}

/// Says why a removal was refused: something refers to it.
pub(crate) fn removed<K: Kind>(reply: EntityReply, id: &str) -> Result<Removed, ApiError> {
    match reply {
        EntityReply::Applied { revision } => Ok(Removed::Gone { revision }),
        EntityReply::NotFound | EntityReply::Conflict { revision: 0 } => {
            Err(ApiError::NotFound { what: K::WHAT, id: id.to_owned() })
        }
        EntityReply::Conflict { revision } => Ok(Removed::Changed { revision }),
        EntityReply::Refused(problems) => {
            let details: Vec<String> = problems.into_iter().map(|it| it.detail).collect();
            Err(ApiError::Conflict(details.join("; ")))
        }
    }
}

fn every<A, B: From<A>>(all: Vec<A>) -> Vec<B> {
    all.into_iter().map(B::from).collect()
}

/// Who changed it when. A revision is the time at which the log took the change.
async fn changed<K: Kind>(state: &ApiState, change: &Change<'_>, revision: i64) -> ApiError {
    visible::recorded::<K>(&state.pool, change.id, revision).await;
    let by = match history::changed_by::<K>(&state.pool, change.id, revision).await {
        Ok(Some(by)) => format!("by {by}"),
        Ok(None) => "by somebody".to_owned(),
        Err(error) => return error,
    };
    let at = time(revision).to_rfc3339_opts(SecondsFormat::Secs, true);
    let (what, name) = (K::WHAT, change.name);
    ApiError::Changed {
        detail: format!(
            "the {what} {name:?} was changed {by} at {at}, after you read it; nothing was done: \
             read it again, then decide"
        ),
        revision,
    }
}
