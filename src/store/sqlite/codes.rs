//! By which numbers the files write what there are few of. They never change their meaning.

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::store::{ConsentState, StopKind};

impl ToSql for StopKind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let code: i64 = match self {
            Self::Restriction => 0,
            Self::Objection => 1,
        };
        Ok(code.into())
    }
}

impl FromSql for StopKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(match i64::column_result(value)? {
            0 => Self::Restriction,
            _ => Self::Objection,
        })
    }
}

impl ToSql for ConsentState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let code: i64 = match self {
            Self::Given => 0,
            Self::Refused => 1,
            Self::Withdrawn => 2,
        };
        Ok(code.into())
    }
}

impl FromSql for ConsentState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(match i64::column_result(value)? {
            0 => Self::Given,
            1 => Self::Refused,
            // INVARIANT: a state that this gateway does not know is not a consent.
            _ => Self::Withdrawn,
        })
    }
}
