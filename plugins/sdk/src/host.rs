//! What every plugin gets: log, clock, randomness.

#[cfg(target_arch = "wasm32")]
use crate::bindings::sensei::plugin::{clock, log, random};
#[cfg(not(target_arch = "wasm32"))]
use crate::native::{clock, log, random};

pub use crate::bindings::sensei::plugin::log::Level;

/// Writes a line to the migration's log.
pub fn log(level: Level, message: &str) {
    log::write(level, message);
}

/// Nanoseconds since 1970.
#[must_use]
pub fn now_nanos() -> u64 {
    clock::now()
}

/// Nanoseconds since some fixed point; never goes back.
#[must_use]
pub fn monotonic_nanos() -> u64 {
    clock::monotonic()
}

/// Cryptographically secure bytes.
#[must_use]
pub fn random_bytes(length: u32) -> Vec<u8> {
    random::bytes(length)
}

/// `getrandom` has no randomness of its own on this target: ask the host.
#[cfg(target_arch = "wasm32")]
#[unsafe(no_mangle)]
unsafe extern "Rust" fn __getrandom_v03_custom(dest: *mut u8, len: usize) -> Result<(), getrandom::Error> {
    // SAFETY: getrandom passes a buffer of `len` bytes that is ours to fill.
    let dest = unsafe { std::slice::from_raw_parts_mut(dest, len) };
    dest.copy_from_slice(&random_bytes(len as u32));
    Ok(())
}
