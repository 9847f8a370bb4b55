//! Databases: the control plane, tenants' tables and migrations, compiled queries, the audit chain and files.
