//! Routes that say what they demand. There is no other way to add one behind the door, so a route
//! without a permission does not build.

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::{Decision, Permission, Resource, decide};
use crate::auth::Principal;
use crate::http::ApiError;
use crate::state::ApiState;

/// The one tenant there is.
pub(crate) const TENANT: &str = schemas::DEFAULT_TENANT;

/// A router of routes with permissions.
#[derive(Default)]
pub(crate) struct Guarded(OpenApiRouter<ApiState>);

impl Guarded {
    /// Adds routes that demand a permission.
    pub(crate) fn routes(
        self,
        permission: Permission,
        (schemas, mut paths, methods): UtoipaMethodRouter<ApiState>,
    ) -> Self {
        for operation in paths.paths.values_mut().flat_map(operations) {
            let named = ExtensionsBuilder::new().add("x-permission", permission.name()).build();
            operation.extensions.get_or_insert_default().merge(named);
        }
        let methods =
            methods.route_layer(from_fn(move |request, next| demand(permission, request, next)));
        Self(self.0.routes((schemas, paths, methods)))
    }

    /// The routes, for the guard that finds out who asks.
    pub(crate) fn into_inner(self) -> OpenApiRouter<ApiState> {
        self.0
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, options, head, patch, trace, .. } = item;
    [get, put, post, delete, options, head, patch, trace].into_iter().flatten()
}

/// Lets a request through when its sender has the permission.
async fn demand(
    permission: Permission,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let principal = request.extensions().get::<Principal>().ok_or(ApiError::Unauthenticated)?;
    let tenant = match permission {
        Permission::Account | Permission::AccountRecover | Permission::SystemRead => None,
        Permission::InventoryRead
        | Permission::InventoryWrite
        | Permission::InventoryProbe
        | Permission::MonitoringRead
        | Permission::CredentialRead
        | Permission::CredentialWrite => Some(TENANT),
    };
    match decide(&principal.grants, permission, Resource { tenant }) {
        Decision::Allow => Ok(next.run(request).await),
        Decision::Lacks(permission) => Err(ApiError::Forbidden(format!(
            "this takes the permission {}, which {} does not have",
            permission.name(),
            principal.username
        ))),
        Decision::Hidden => {
            Err(ApiError::NotFound { what: "page", id: request.uri().path().to_owned() })
        }
    }
}
