//! The mortise binary: HTTP API, pages, sign-in and command line.
