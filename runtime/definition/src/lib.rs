//! The app language: typed artifacts, their JSON Schemas, cross-reference checks, semantic diff and overlays.
