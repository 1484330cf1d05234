//! Sensei.
