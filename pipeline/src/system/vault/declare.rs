//! Has every stored credential known to those who decide: those that a release before them stored,
//! that came with a restored database, or whose declaration did not reach the log.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use api::{EntityReply, EntityRequest, PortError};
use futures::{StreamExt as _, TryStreamExt as _};
use sqlx::Row as _;

use super::{KIND, Store, request, unavailable, words};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Requests on their way at once.
const AT_ONCE: usize = 8;
/// Who does it.
const BY: &str = "vault";

impl Store {
    /// Declares them at once, and again where a later declaration failed.
    pub async fn declare_all(self: Arc<Self>) {
        loop {
            if self.undeclared.swap(false, Ordering::Relaxed)
                && let Err(error) = self.declare().await
            {
                tracing::debug!(%error, "credentials are declared later");
                self.undeclared.store(true, Ordering::Relaxed);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub(super) async fn declare(&self) -> Result<(), PortError> {
        let rows = sqlx::query("SELECT name, kind, version FROM credential ORDER BY name")
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        let declaration = |row: &sqlx::postgres::PgRow| {
            let (name, kind): (&str, &str) = (row.get("name"), row.get("kind"));
            // Those that are known stay as they are.
            request(name, kind, row.get("version"), Some(0), BY.to_owned())
        };
        let requests: Vec<EntityRequest> = rows.iter().map(declaration).collect();
        futures::stream::iter(requests)
            .map(|request| self.declare_one(request))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn declare_one(&self, request: EntityRequest) -> Result<(), PortError> {
        let name = request.id.clone();
        match self.entities.apply(request).await? {
            EntityReply::Applied { revision } => self.take_back(name, revision).await,
            EntityReply::Refused(problems) => {
                tracing::warn!(name, error = words(&problems), "a credential cannot be declared");
                Ok(())
            }
            EntityReply::Conflict { .. } | EntityReply::NotFound => Ok(()),
        }
    }

    /// Where it was removed meanwhile, nothing stays of it.
    async fn take_back(&self, name: String, revision: i64) -> Result<(), PortError> {
        let there: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM credential WHERE name = $1)")
                .bind(&name)
                .fetch_one(&self.pool)
                .await
                .map_err(unavailable)?;
        if there {
            return Ok(());
        }
        let (expected, by) = (Some(revision), BY.to_owned());
        let removal = EntityRequest { kind: KIND, id: name, expected, body: None, by };
        self.entities.apply(removal).await.map(drop)
    }
}
