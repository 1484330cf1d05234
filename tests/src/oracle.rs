//! Compares two databases outside the engine.
