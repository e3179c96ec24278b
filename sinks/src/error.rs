//! What went wrong, in terms of what the caller does next.

use sqlx::error::DatabaseError;

/// A record that can never be written. It belongs into the dead letters; the batch goes on without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poison {
    /// Of the sink's topic.
    pub partition: i32,
    /// Which record.
    pub offset: i64,
    /// A word of the dead letters' closed list: `truncated`, `unknown_schema`, `wrong_type`,
    /// `malformed`, `future`, `series_collision`, `rejected`.
    pub reason: &'static str,
    /// What is wrong, and the remedy where there is one.
    pub error: String,
}

/// Why a batch was not written. In every case the database holds nothing of it, except that after
/// [`SinkError::Retry`] the last commit may have arrived: the positions show it.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The database is away or busy: wait, read the positions again, seek, go on.
    #[error("database: {0}; will be tried again")]
    Retry(String),
    /// Another copy of this sink has moved the position: read it again and seek.
    #[error(
        "the position of {topic}/{partition} is no longer {expected}: another copy of sink {sink} wrote"
    )]
    Moved {
        /// Which sink.
        sink: &'static str,
        /// Its topic.
        topic: String,
        /// The first partition that did not match.
        partition: i32,
        /// What this copy took it for.
        expected: String,
    },
    /// The database refuses these records: dead-letter them, remove them from the batch
    /// ([`crate::Prepared::remove`]) and write it again.
    #[error("the database refuses {} record(s): {}", .0.len(), first(.0))]
    Poison(Vec<Poison>),
    /// A person must act: the words say what.
    #[error("database: {0}")]
    Fatal(String),
}

fn first(poison: &[Poison]) -> String {
    poison
        .first()
        .map_or_else(String::new, |p| format!("first {}/{}: {}", p.partition, p.offset, p.error))
}

/// What an SQL error means to a writer.
#[derive(Debug)]
pub(crate) enum Class {
    /// Heals by itself.
    Retry(String),
    /// A lock was not had within `lock_timeout`.
    Locked(String),
    /// A row that is there already.
    Duplicate(String),
    /// A value the database cannot hold.
    Data(String),
    /// Heals by a person only.
    Fatal(String),
}

pub(crate) fn classify(error: &sqlx::Error) -> Class {
    if let sqlx::Error::Database(inner) = error {
        return classify_code(&inner.code().unwrap_or_default(), describe(inner.as_ref()));
    }
    // A value of ours that cannot be read or written is a fault of this program. What is left of
    // sqlx's open list is the connection: I/O, TLS, protocol, pool.
    if matches!(
        error,
        sqlx::Error::Configuration(_)
            | sqlx::Error::InvalidArgument(_)
            | sqlx::Error::RowNotFound
            | sqlx::Error::TypeNotFound { .. }
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Encode(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::Migrate(_)
    ) {
        Class::Fatal(error.to_string())
    } else {
        Class::Retry(error.to_string())
    }
}

/// What an SQL error means to who keeps the tables in order.
pub(crate) fn failed(error: &sqlx::Error) -> SinkError {
    match classify(error) {
        Class::Retry(words) | Class::Locked(words) => SinkError::Retry(words),
        Class::Duplicate(words) | Class::Data(words) | Class::Fatal(words) => {
            SinkError::Fatal(words)
        }
    }
}

/// By SQLSTATE (PostgreSQL, appendix A).
fn classify_code(code: &str, words: String) -> Class {
    match code {
        "23505" => Class::Duplicate(words),
        "55P03" => Class::Locked(words),
        // 25006 is a replica; 57014 a time-out; 40xxx a conflict with another transaction; 55000 a
        // database that an administrator lets nobody into.
        "25006" | "57014" | "55000" | "55006" | "42P05" | "26000" => Class::Retry(words),
        "3D000" | "28000" | "28P01" | "42501" => Class::Fatal(format!(
            "{words}; fix: see that the role of the database URL exists and may write"
        )),
        "42P01" | "42703" | "42883" => Class::Fatal(format!("{words}; fix: opsconductor migrate")),
        _ => match code.get(..2).unwrap_or_default() {
            "08" | "40" | "53" | "57" | "58" => Class::Retry(words),
            "22" | "23" | "54" | "21" => Class::Data(words),
            _ => Class::Fatal(words),
        },
    }
}

fn describe(error: &dyn DatabaseError) -> String {
    let code = error.code().unwrap_or_default();
    let mut words = format!("{} (SQLSTATE {code}", error.message());
    for (label, value) in [("table", error.table()), ("constraint", error.constraint())] {
        if let Some(value) = value {
            words.push_str(&format!(", {label} {value}"));
        }
    }
    words.push(')');
    if code == "53100" {
        words.push_str("; fix: make room on the database's disk");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(codes: &[&str], expected: fn(&Class) -> bool) {
        for code in codes {
            let class = classify_code(code, "words".to_owned());
            assert!(expected(&class), "{code} is {class:?}");
        }
    }

    #[test]
    fn codes_say_what_to_do() {
        // Connection lost, administrator's shutdown, crash, starting up, disk full, too many
        // connections, serialization, deadlock, read only, time-out, I/O, nobody let in.
        check(
            &[
                "08006", "57P01", "57P02", "57P03", "53100", "53300", "40001", "40P01", "25006",
                "57014", "58030", "55000",
            ],
            |class| matches!(class, Class::Retry(_)),
        );
        check(&["55P03"], |class| matches!(class, Class::Locked(_)));
        check(&["23505"], |class| matches!(class, Class::Duplicate(_)));
        // NUL in text, out of range, not null, check, index row too large.
        check(&["22021", "22003", "22008", "23502", "23514", "54000"], |class| {
            matches!(class, Class::Data(_))
        });
        check(&["42501", "42P01", "28P01", "3D000", "XX001"], |class| {
            matches!(class, Class::Fatal(_))
        });
    }

    #[test]
    fn a_lost_connection_is_tried_again() {
        let broken = sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        assert!(matches!(classify(&broken), Class::Retry(_)));
        assert!(matches!(classify(&sqlx::Error::PoolTimedOut), Class::Retry(_)));
    }
}
