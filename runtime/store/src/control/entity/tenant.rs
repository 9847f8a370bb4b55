//! Tenants: one row for each organisation served.

use chrono::TimeDelta;
use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tenants")]
pub struct Model {
    /// Id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Short name in addresses and of its database.
    #[sea_orm(unique)]
    pub slug: String,
    /// Name shown to people.
    pub name: String,
    /// Host that leads to it.
    #[sea_orm(unique)]
    pub host: Option<String>,
    /// BCP 47 tag used when a person has not chosen.
    pub language: String,
    /// IANA zone for days and local times.
    pub time_zone: String,
    /// Which database holds its data: `sqlite` or `postgres`.
    pub placement: String,
    /// Not served.
    pub suspended: bool,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// Microseconds by which its time is ahead of the real one, which the operator may move on; none: it lives in real time.
    pub clock_ahead: Option<i64>,
}

/// Rows are joined by hand where that is needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// By how much its time is ahead of the real one, where it has a clock of its own.
    pub fn ahead(&self) -> Option<TimeDelta> {
        self.clock_ahead.map(TimeDelta::microseconds)
    }
}
