//! A guest that attacks the host with what every guest has: time, memory, stack, log, its own answers.
