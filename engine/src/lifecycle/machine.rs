//! What this process uses of its machine, as the kernel tells (proc(5)).

use std::fs;
use std::time::Instant;

/// Link speed where no interface tells its own, in bits a second. 10 Gbit/s: what servers and clouds commonly have.
const LINK_BITS: u64 = 10_000_000_000;
/// Ticks of a processor's clock in a second: what `/proc/self/stat` counts in, on every Linux (USER_HZ).
const TICKS: f64 = 100.0;

/// What is used at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usage {
    /// Of all processors.
    pub(super) cpu_percent: f64,
    pub(super) memory_bytes: u64,
    /// Of the machine's memory.
    pub(super) memory_percent: f64,
}

/// Looks at the process now and then.
#[derive(Debug)]
pub(super) struct Machine {
    processors: f64,
    memory_total: u64,
    /// Bytes a second that the fastest link carries.
    pub(super) link_bytes: f64,
    last: (Instant, f64),
    usage: Usage,
}

impl Machine {
    pub(super) fn new() -> Self {
        let speeds = fs::read_dir("/sys/class/net").into_iter().flatten().filter_map(|entry| {
            let text = fs::read_to_string(entry.ok()?.path().join("speed")).ok()?;
            text.trim().parse::<u64>().ok().map(|megabits| megabits * 1_000_000)
        });
        let link = speeds.max().unwrap_or(LINK_BITS);
        Self {
            processors: std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64),
            memory_total: kilobytes("/proc/meminfo", "MemTotal:").unwrap_or(0),
            link_bytes: link as f64 / 8.0,
            last: (Instant::now(), cpu_seconds().unwrap_or(0.0)),
            usage: Usage { cpu_percent: 0.0, memory_bytes: 0, memory_percent: 0.0 },
        }
    }

    /// What is used, over the time since it was last asked.
    pub(super) fn look(&mut self) -> Usage {
        let (now, cpu) = (Instant::now(), cpu_seconds().unwrap_or(self.last.1));
        let elapsed = now.duration_since(self.last.0).as_secs_f64();
        if elapsed > 0.0 {
            self.usage.cpu_percent = ((cpu - self.last.1) / elapsed / self.processors * 100.0).clamp(0.0, 100.0);
            self.last = (now, cpu);
        }
        self.usage.memory_bytes = kilobytes("/proc/self/status", "VmRSS:").unwrap_or(0);
        if self.memory_total > 0 {
            self.usage.memory_percent = self.usage.memory_bytes as f64 / self.memory_total as f64 * 100.0;
        }
        self.usage
    }
}

/// A line such as `VmRSS:    1234 kB`, in bytes.
fn kilobytes(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kb| kb * 1024)
}

/// Processor time of this process, user and system.
fn cpu_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses and may hold anything.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok());
    Some((ticks(11)? + ticks(12)?) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_uses_memory_and_time() {
        let mut machine = Machine::new();
        let began = Instant::now();
        while began.elapsed().as_millis() < 60 {
            std::hint::black_box(began.elapsed());
        }
        let usage = machine.look();
        assert!(usage.memory_bytes > 1 << 20, "{usage:?}");
        assert!(usage.memory_percent > 0.0 && usage.memory_percent < 100.0, "{usage:?}");
        assert!(usage.cpu_percent > 0.0 && usage.cpu_percent <= 100.0, "{usage:?}");
        assert!(machine.link_bytes > 0.0);
    }
}
