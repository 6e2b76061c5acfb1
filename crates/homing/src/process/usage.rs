//! What a process and the kernel use, as Linux tells it.

use std::io;

/// Clock ticks per second in `/proc/PID/stat`: 100 on every Linux that user space sees (`USER_HZ`).
const MICROS_PER_TICK: u64 = 10_000;

/// What a process used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory, in bytes.
    pub resident: u64,
    /// Processor time of user and kernel since its start, in microseconds.
    pub cpu_micros: u64,
}

impl Usage {
    /// Of a process.
    ///
    /// # Errors
    /// When there is no such process, or no `/proc`.
    pub fn of_process(id: u32) -> io::Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
        Self::parse(&status, &stat).ok_or_else(|| io::Error::other(format!("/proc/{id} is not as expected")))
    }

    fn parse(status: &str, stat: &str) -> Option<Self> {
        // The second field is the program's name in brackets and may hold anything; counting starts after it.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut ticks = fields.split_whitespace().skip(11);
        let user: u64 = ticks.next()?.parse().ok()?;
        let system: u64 = ticks.next()?.parse().ok()?;
        Some(Self { resident: kibibytes(status, "VmRSS:")? * 1_024, cpu_micros: (user + system) * MICROS_PER_TICK })
    }
}

/// Memory that the kernel holds for sockets and the like, of the whole machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelMemory {
    /// Slab caches, in bytes: socket structures are here.
    pub slab: u64,
    /// Socket buffers of TCP and UDP, in bytes.
    pub socket_buffers: u64,
}

impl KernelMemory {
    /// As it is now.
    ///
    /// # Errors
    /// When there is no `/proc`.
    pub fn now() -> io::Result<Self> {
        let memory = std::fs::read_to_string("/proc/meminfo")?;
        let sockets = std::fs::read_to_string("/proc/net/sockstat")?;
        Ok(Self {
            slab: kibibytes(&memory, "Slab:").unwrap_or(0) * 1_024,
            socket_buffers: socket_pages(&sockets) * 4_096,
        })
    }
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The sum of the `mem` numbers of the TCP and UDP lines.
fn socket_pages(sockstat: &str) -> u64 {
    let after_mem = |line: &str| {
        let mut words = line.split_whitespace().skip_while(|word| *word != "mem").skip(1);
        words.next().and_then(|pages| pages.parse::<u64>().ok())
    };
    sockstat.lines().filter(|line| line.starts_with("TCP:") || line.starts_with("UDP:")).filter_map(after_mem).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_any_program_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 9 0 100 1000 500";
        let usage = Usage::parse("Name:\tx\nVmRSS:\t   2048 kB\n", stat).unwrap();
        assert_eq!(usage, Usage { resident: 2_097_152, cpu_micros: 3_000_000 });
        assert_eq!(Usage::parse("", stat), None);
    }

    #[test]
    fn pages_of_both_protocols_count() {
        let text = "sockets: used 9\nTCP: inuse 1 orphan 0 tw 0 alloc 2 mem 3\nUDP: inuse 1 mem 4\nRAW: inuse 0\n";
        assert_eq!(socket_pages(text), 7);
    }

    #[test]
    fn this_process_uses_something() {
        let usage = Usage::of_process(std::process::id()).unwrap();
        assert!(usage.resident > 100_000, "{usage:?}");
        assert!(KernelMemory::now().unwrap().slab > 0);
    }
}
