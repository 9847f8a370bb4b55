//! Values of PostgreSQL as they come over the wire, bound again as they are: nothing is decoded that nobody looks at.

use anyhow::Result;
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgColumn, PgRow, PgTypeInfo, PgValueFormat};
use sqlx::{Column, Postgres, Row, Type, ValueRef};
use uuid::Uuid;

use super::Bound;

/// A value with its type.
#[derive(Clone)]
pub(crate) struct Raw {
    kind: PgTypeInfo,
    bytes: Option<Vec<u8>>,
}

impl Raw {
    fn new<T: Type<Postgres> + ?Sized>(bytes: &[u8]) -> Self {
        Self { kind: T::type_info(), bytes: Some(bytes.to_vec()) }
    }

    /// All values of a row that a prepared statement gave.
    pub(crate) fn row(row: &PgRow) -> Result<Vec<Self>> {
        let value = |column: &PgColumn| -> Result<Self> {
            let value = row.try_get_raw(column.ordinal())?;
            anyhow::ensure!(
                value.format() == PgValueFormat::Binary,
                "a prepared statement answers in binary"
            );
            let bytes = match value.is_null() {
                true => None,
                false => Some(value.as_bytes().map_err(anyhow::Error::from_boxed)?.to_vec()),
            };
            Ok(Self { kind: column.type_info().clone(), bytes })
        };
        row.columns().iter().map(value).collect()
    }
}

impl Bound for Raw {
    fn int(value: i64) -> Self {
        Self::new::<i64>(&value.to_be_bytes())
    }

    fn flag(value: bool) -> Self {
        Self::new::<bool>(&[value.into()])
    }

    fn text(value: &str) -> Self {
        Self::new::<str>(value.as_bytes())
    }

    fn id(value: Uuid) -> Self {
        Self::new::<Uuid>(value.as_bytes())
    }

    fn to_int(&self) -> Option<i64> {
        let bytes = self.bytes.as_deref()?;
        Some(i64::from_be_bytes(bytes.try_into().ok()?))
    }
}

impl Type<Postgres> for Raw {
    /// Asked only for a value that does not say its own, and each does.
    fn type_info() -> PgTypeInfo {
        <[u8] as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for Raw {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let Some(bytes) = &self.bytes else { return Ok(IsNull::Yes) };
        buffer.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(self.kind.clone())
    }
}
