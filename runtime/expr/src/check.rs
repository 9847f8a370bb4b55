//! From the parsed tree to the typed one.
