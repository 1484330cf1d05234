//! What SQLite's C library expects of its host besides files: sleep, randomness, clock, local time.

use std::time::Duration;

use sensei_sdk::host;
use sqlite_wasm_rs::host::{Error, LocalTime, OK};

const NANOS_PER_MILLI: u64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Waits. The contract has no call that sleeps, so this watches the clock.
pub(crate) fn sleep(time: Duration) {
    let until = host::monotonic_nanos().saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    while host::monotonic_nanos() < until {
        std::hint::spin_loop();
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_millis() -> i64 {
    (host::now_nanos() / NANOS_PER_MILLI) as i64
}

#[unsafe(no_mangle)]
extern "C" fn rust_sqlite_wasm_host_sleep(seconds: u64, nanoseconds: u32) {
    sleep(Duration::new(seconds, nanoseconds));
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rust_sqlite_wasm_host_random(buffer: *mut u8, length: usize) -> usize {
    // SAFETY: SQLite passes a buffer of `length` bytes that is ours to fill.
    let buffer = unsafe { std::slice::from_raw_parts_mut(buffer, length) };
    buffer.copy_from_slice(&host::random_bytes(length as u32));
    length
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rust_sqlite_wasm_host_fill_entropy(buffer: *mut u8, length: usize) -> i32 {
    // SAFETY: the same contract.
    unsafe { rust_sqlite_wasm_host_random(buffer, length) };
    OK
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rust_sqlite_wasm_host_epoch_timestamp_in_ms(out: *mut i64) -> i32 {
    // SAFETY: SQLite passes a place for the answer.
    unsafe { out.write(now_millis()) };
    OK
}

/// Local time is UTC: a guest knows no time zone.
#[unsafe(no_mangle)]
unsafe extern "C" fn rust_sqlite_wasm_host_localtime(unix_seconds: i64, out: *mut LocalTime) -> i32 {
    let days = unix_seconds.div_euclid(SECONDS_PER_DAY);
    let second = unix_seconds.rem_euclid(SECONDS_PER_DAY) as i32;
    let Ok(days) = i32::try_from(days) else { return Error::InvalidTime as i32 };
    let (year, month, day) = crate::temporal::civil(days);
    let local = LocalTime {
        year,
        month: month as i32,
        day: day as i32,
        hour: second / 3600,
        minute: second / 60 % 60,
        second: second % 60,
        // 1970-01-01 was a Thursday.
        weekday: (days + 4).rem_euclid(7),
        yearday: days - crate::temporal::days(year, 1, 1),
        is_dst: 0,
        utc_offset_seconds: 0,
    };
    // SAFETY: SQLite passes a place for the answer.
    unsafe { out.write(local) };
    OK
}
