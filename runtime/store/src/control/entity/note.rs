//! Notes of an installation: what its nodes have to agree on.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notes")]
pub struct Model {
    /// What it is about.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// What is agreed on.
    pub value: String,
}

/// Rows stand alone.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
