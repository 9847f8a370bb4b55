//! Tenants: one row for each organisation served.

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
}

/// Rows are joined by hand where that is needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
