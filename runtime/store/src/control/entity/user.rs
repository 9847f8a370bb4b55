//! People who sign in, by tenant.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// Id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Tenant.
    pub tenant_id: Uuid,
    /// Name used to sign in, lower case.
    pub login: String,
    /// Name shown to people.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// Argon2id in PHC form; nobody can sign in by password without it.
    pub password_hash: Option<String>,
    /// May sign in and be given work.
    pub active: bool,
    /// May do everything in the tenant.
    pub administrator: bool,
    /// BCP 47 tag.
    pub language: Option<String>,
    /// Department.
    pub department_id: Option<Uuid>,
    /// Person they report to.
    pub supervisor_id: Option<Uuid>,
    /// Counts changes, for ETags.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it was last changed.
    pub updated_at: DateTimeUtc,
}

/// Rows are joined by hand where that is needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
