//! A guest that opens files it was not given.
