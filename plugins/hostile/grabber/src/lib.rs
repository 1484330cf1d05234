//! A guest that imports files though its configuration names none.
