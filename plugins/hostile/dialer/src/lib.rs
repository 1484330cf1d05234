//! A guest that connects where it was not allowed to.
