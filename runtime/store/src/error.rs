//! What can go wrong with a database, named so that callers can act on it.

/// An error of the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Two living records would have the same value.
    #[error("value is not unique ({0})")]
    Unique(
        /// The index, or `table.column` list, as the database names it.
        String,
    ),
    /// The database refused or failed; the text is for the log.
    #[error("database: {0}")]
    Database(String),
    /// A result is larger than the place for it.
    #[error("a number is out of range")]
    OutOfRange,
    /// Stored bytes are not what the definitions say.
    #[error("stored data: {0}")]
    Corrupt(String),
    /// A file could not be read or written.
    #[error("file: {0}")]
    Io(String),
    /// A unique index cannot be made, because living records have the same values; nothing was changed.
    #[error("{count} values of {entity} ({fields}) are there more than once")]
    Repeated {
        /// Key of the entity.
        entity: String,
        /// Names of the fields.
        fields: String,
        /// Values that several records have.
        count: i64,
    },
    /// Values are too large for the places that a field gets; nothing was changed.
    #[error("{count} values of {entity}.{field} are too large")]
    TooLarge {
        /// Key of the entity.
        entity: String,
        /// Name of the field.
        field: String,
        /// Values that do not fit.
        count: i64,
    },
    /// A migration cannot be done; nothing was changed.
    #[error("migration: {0}")]
    Migration(String),
    /// The tenant's tables were made by a newer program; nothing was changed.
    #[error("the data is of version {stored}, this program knows versions up to {known}: use a newer one")]
    Newer {
        /// Version of the data.
        stored: i64,
        /// Newest version that this program knows.
        known: i64,
    },
    /// What is given as the secret key of the installation is none.
    #[error("a secret key is 32 bytes in base64, and there is at least one and no more than a handful")]
    KeyUnreadable,
    /// Secrets are sealed, and there is no key here.
    #[error("secrets are sealed with the key {sealed_with}, and there is none here")]
    KeyMissing {
        /// Name of the key.
        sealed_with: String,
    },
    /// Secrets are sealed with another key than the one here.
    #[error("secrets are sealed with the key {sealed_with}, and the one here is {here}")]
    KeyWrong {
        /// Name of the key that is needed.
        sealed_with: String,
        /// Name of the key that is here.
        here: String,
    },
    /// A secret was sealed with a key that is not here, or for another place.
    #[error("a secret cannot be opened with the keys of this installation")]
    Locked,
    /// Somebody else works off this tenant's events now; nothing was written.
    #[error("the lane was taken over")]
    Fenced,
    /// The tenant is closing; nothing was written.
    #[error("closing")]
    Closed,
    /// The write panicked; its changes were undone.
    #[error("write failed unexpectedly: {0}")]
    Panicked(String),
}

/// Result of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        if let rusqlite::Error::SqliteFailure(code, Some(message)) = &error
            && code.code == rusqlite::ErrorCode::ConstraintViolation
            && let Some((_, what)) = message.split_once("UNIQUE constraint failed: ")
        {
            return Error::Unique(what.to_owned());
        }
        match &error {
            // SQLite has no code of its own for a sum that does not fit.
            rusqlite::Error::SqliteFailure(_, Some(message)) if message == "integer overflow" => {
                Error::OutOfRange
            }
            _ => Error::Database(error.to_string()),
        }
    }
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        if out_of_range(&error) {
            return Error::OutOfRange;
        }
        let text = error.to_string();
        // SQLite: `(code: 2067) UNIQUE constraint failed: table.column`.
        if let Some((_, what)) = text.split_once("UNIQUE constraint failed: ") {
            return Error::Unique(what.to_owned());
        }
        // PostgreSQL: `duplicate key value violates unique constraint "name"`.
        match text.split_once("violates unique constraint \"").and_then(|(_, rest)| rest.split_once('"')) {
            Some((index, _)) => Error::Unique(index.to_owned()),
            None => Error::Database(text),
        }
    }
}

/// PostgreSQL's `numeric_value_out_of_range`.
fn out_of_range(error: &sea_orm::DbErr) -> bool {
    use sea_orm::{DbErr, RuntimeErr, sqlx};
    let (DbErr::Query(RuntimeErr::SqlxError(error)) | DbErr::Exec(RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    matches!(&**error, sqlx::Error::Database(error) if error.code().as_deref() == Some("22003"))
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error::Io(error.to_string())
    }
}

impl From<object_store::Error> for Error {
    fn from(error: object_store::Error) -> Self {
        Error::Io(error.to_string())
    }
}
