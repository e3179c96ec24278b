//! What can go wrong, in the API's own terms. HTTP is spoken of in `problem` only.

use schemas::EntityProblem;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ports::PortError;

/// One thing wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// Name of the field or parameter.
    pub(crate) field: String,
    /// What is wrong and what would be right.
    pub(crate) detail: String,
}

impl FieldError {
    pub(crate) fn new(field: &str, detail: impl Into<String>) -> Self {
        Self { field: field.to_owned(), detail: detail.into() }
    }
}

/// Why a request was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The request cannot be read at all.
    #[error("{0}")]
    Malformed(String),
    /// Fields or parameters are wrong: all of them, not only the first.
    #[error("{} field(s) are wrong", .0.len())]
    Invalid(Vec<FieldError>),
    /// The body is not JSON.
    #[error("the body must be JSON: send Content-Type: application/json")]
    NotJson,
    /// The body is larger than allowed.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// Nobody is signed in.
    #[error("sign in first, or send a bearer token")]
    Unauthenticated,
    /// Name or password is wrong; which of them is not said.
    #[error("user name or password is wrong")]
    WrongPassword,
    /// A browser sent this from another site.
    #[error("{0}")]
    CrossSite(String),
    /// Signed in, but not in the way that this takes.
    #[error("{0}")]
    Forbidden(String),
    /// No such thing.
    #[error("there is no {what} {id}")]
    NotFound {
        /// E.g. `device`.
        what: &'static str,
        /// As asked for.
        id: String,
    },
    /// The schema registry's API has codes of its own for what is not there.
    #[error("{message}")]
    Registry {
        /// The HTTP status and two digits more.
        code: u32,
        /// For people.
        message: String,
    },
    /// The path takes other methods only.
    #[error("this path does not take {0}")]
    Method(String),
    /// It is in the way of something that exists.
    #[error("{0}")]
    Conflict(String),
    /// A field names something that exists already.
    #[error("{detail}")]
    Taken {
        /// Name of the field.
        field: &'static str,
        /// What has it, and what to do.
        detail: String,
    },
    /// Somebody changed it after it was read.
    #[error("{detail}")]
    Changed {
        /// When, by whom, and what to do.
        detail: String,
        /// Its revision now.
        revision: i64,
    },
    /// Too many tries; again after so many seconds.
    #[error("too many failed attempts; try again in {retry_after_s} s")]
    TooMany {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// Something behind the API is away or full: try again later.
    #[error("{0}")]
    Unavailable(String),
    /// It took too long.
    #[error("no answer within {0} s")]
    Timeout(u64),
    /// A fault of ours: the cause is logged, not sent.
    #[error("internal error: {0}")]
    Internal(String),
}

impl ApiError {
    pub(crate) fn field(field: &str, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, detail)])
    }
}

impl From<EntityProblem> for FieldError {
    fn from(problem: EntityProblem) -> Self {
        Self { field: problem.field, detail: problem.detail }
    }
}

impl From<PortError> for ApiError {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Unavailable(detail) => Self::Unavailable(detail),
            PortError::Refused(detail) => Self::Conflict(detail),
        }
    }
}

/// SQLSTATE classes that mean "the server is away, full or shutting down", not "the query is
/// wrong": connection exception, insufficient resources, operator intervention, system error; and
/// the state of a database that an administrator lets nobody into.
const AWAY: [&str; 5] = ["08", "53", "57", "58", "55000"];

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|database| database.code());
        let away = matches!(
            error,
            sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
        ) || code.is_some_and(|code| AWAY.iter().any(|class| code.starts_with(class)));
        if away {
            tracing::warn!(%error, "the database does not answer");
            Self::Unavailable("the database does not answer; try again shortly".to_owned())
        } else {
            Self::Internal(format!("database: {error}"))
        }
    }
}
