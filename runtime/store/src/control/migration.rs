//! Migrations of the control plane, oldest first. A migration that was released is never changed; a new one is added.

use sea_orm_migration::prelude::*;

/// All migrations.
pub(super) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(First), Box::new(Lanes), Box::new(TestClocks), Box::new(Notes)]
    }
}

/// Tenants, people, sessions, tokens.
struct First;

impl MigrationName for First {
    fn name(&self) -> &str {
        "m2026_11_22_first"
    }
}

fn table(name: &'static str) -> TableCreateStatement {
    Table::create().table(name).if_not_exists().to_owned()
}

fn column(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).not_null().to_owned()
}

fn optional(name: &'static str) -> ColumnDef {
    ColumnDef::new(name)
}

#[async_trait::async_trait]
impl MigrationTrait for First {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [tenants(), users(), user_roles(), departments(), sessions(), tokens(), failures()] {
            manager.create_table(table).await?;
        }
        for (name, table, columns, unique) in [
            ("users_login", "users", ["tenant_id", "login"].as_slice(), true),
            ("departments_tenant", "departments", &["tenant_id"], false),
            ("sessions_user", "sessions", &["user_id"], false),
            ("sessions_expiry", "sessions", &["expires_at"], false),
            ("tokens_tenant", "tokens", &["tenant_id"], false),
        ] {
            let mut index = Index::create().name(name).table(table).if_not_exists().to_owned();
            columns.iter().for_each(|column| {
                index.col(*column);
            });
            if unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

/// Leases of lanes.
struct Lanes;

impl MigrationName for Lanes {
    fn name(&self) -> &str {
        "m2026_11_23_lanes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Lanes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(lanes()).await?;
        for (name, column) in [("lanes_lease", "lease_until"), ("lanes_next", "next_due")] {
            let index = Index::create().name(name).table("lanes").col(column).if_not_exists().to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

/// Tenants whose time can be moved.
struct TestClocks;

impl MigrationName for TestClocks {
    fn name(&self) -> &str {
        "m2026_11_24_test_clocks"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for TestClocks {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = optional("clock_ahead").big_integer().to_owned();
        manager.alter_table(Table::alter().table("tenants").add_column(column).to_owned()).await
    }
}

/// What nodes have to agree on, and what tenants that are not open have left undone.
struct Notes;

impl MigrationName for Notes {
    fn name(&self) -> &str {
        "m2026_11_25_notes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Notes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(notes()).await?;
        for name in ["waiting", "parked", "unsent", "dead"] {
            let column = column(name).big_integer().default(0).to_owned();
            manager.alter_table(Table::alter().table("lanes").add_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

fn notes() -> TableCreateStatement {
    table("notes").col(column("name").string().primary_key()).col(column("value").string()).to_owned()
}

fn lanes() -> TableCreateStatement {
    table("lanes")
        .col(column("tenant_id").uuid().primary_key())
        .col(optional("holder").uuid())
        .col(column("epoch").big_integer())
        .col(optional("lease_until").timestamp_with_time_zone())
        .col(optional("next_due").timestamp_with_time_zone())
        .col(column("active").boolean())
        .to_owned()
}

fn tenants() -> TableCreateStatement {
    table("tenants")
        .col(column("id").uuid().primary_key())
        .col(column("slug").string().unique_key())
        .col(column("name").string())
        .col(optional("host").string().unique_key())
        .col(column("language").string())
        .col(column("time_zone").string())
        .col(column("placement").string())
        .col(column("suspended").boolean())
        .col(column("created_at").timestamp_with_time_zone())
        .to_owned()
}

fn users() -> TableCreateStatement {
    table("users")
        .col(column("id").uuid().primary_key())
        .col(column("tenant_id").uuid())
        .col(column("login").string())
        .col(column("name").string())
        .col(optional("email").string())
        .col(optional("phone").string())
        .col(optional("password_hash").string())
        .col(column("active").boolean())
        .col(column("administrator").boolean())
        .col(optional("language").string())
        .col(optional("department_id").uuid())
        .col(optional("supervisor_id").uuid())
        .col(column("version").big_integer())
        .col(column("created_at").timestamp_with_time_zone())
        .col(column("updated_at").timestamp_with_time_zone())
        .to_owned()
}

fn user_roles() -> TableCreateStatement {
    table("user_roles")
        .col(column("user_id").uuid())
        .col(column("role").string())
        .primary_key(Index::create().col("user_id").col("role"))
        .to_owned()
}

fn departments() -> TableCreateStatement {
    table("departments")
        .col(column("id").uuid().primary_key())
        .col(column("tenant_id").uuid())
        .col(column("name").string())
        .col(optional("parent_id").uuid())
        .col(column("position").integer())
        .to_owned()
}

fn sessions() -> TableCreateStatement {
    table("sessions")
        .col(column("hash").string().primary_key())
        .col(column("tenant_id").uuid())
        .col(column("user_id").uuid())
        .col(column("created_at").timestamp_with_time_zone())
        .col(column("expires_at").timestamp_with_time_zone())
        .col(optional("ip").string())
        .col(optional("device").string())
        .to_owned()
}

fn tokens() -> TableCreateStatement {
    table("tokens")
        .col(column("id").uuid().primary_key())
        .col(column("hash").string().unique_key())
        .col(column("tenant_id").uuid())
        .col(column("user_id").uuid())
        .col(column("name").string())
        .col(column("scopes").string())
        .col(column("created_at").timestamp_with_time_zone())
        .col(optional("expires_at").timestamp_with_time_zone())
        .to_owned()
}

fn failures() -> TableCreateStatement {
    table("sign_in_failures")
        .col(column("key").string().primary_key())
        .col(column("count").integer())
        .col(column("last_at").timestamp_with_time_zone())
        .to_owned()
}
