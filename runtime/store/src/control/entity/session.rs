//! Sessions of browsers. The cookie itself is never stored, only its SHA-256.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    /// SHA-256 of the cookie, hex.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    /// Tenant.
    pub tenant_id: Uuid,
    /// Person.
    pub user_id: Uuid,
    /// When they signed in.
    pub created_at: DateTimeUtc,
    /// When the session ends unless it is used again.
    pub expires_at: DateTimeUtc,
    /// Address of the device at sign-in.
    pub ip: Option<String>,
    /// What the device said about itself.
    pub device: Option<String>,
}

/// Rows are joined by hand where that is needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
