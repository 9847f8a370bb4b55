//! The typed tree that a checked expression becomes.
