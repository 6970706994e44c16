//! The CPU and memory of a process and its children, from `/proc` (Linux only).

use std::fs;
use std::time::Duration;

use super::Failure;

/// The usage since the start of a process.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    /// CPU time in user mode.
    pub(super) user: Duration,
    /// CPU time in the kernel.
    pub(super) system: Duration,
    /// Resident memory, in bytes.
    pub(super) resident: u64,
    /// Peak resident memory, in bytes.
    pub(super) peak: u64,
}

impl Usage {
    /// Returns the usage of a process and its children; `None` if the system does not report it.
    pub(super) fn of(pid: Option<u32>) -> Result<Option<Self>, Failure> {
        let Some(pid) = pid else { return Ok(None) };
        if !cfg!(target_os = "linux") {
            return Ok(None);
        }
        let mut all = Self::default();
        for (index, member) in tree(pid).into_iter().enumerate() {
            match Self::of_one(member) {
                Some(one) => all.add(one),
                None if index == 0 => return Err(Failure::Process(pid)),
                None => {}
            }
        }
        Ok(Some(all))
    }

    /// Returns the usage of this process.
    pub(super) fn own() -> Option<Self> {
        Self::of_one(std::process::id())
    }

    /// CPU time in user mode and in the kernel.
    pub(super) fn cpu(&self) -> Duration {
        self.user + self.system
    }

    fn add(&mut self, other: Self) {
        self.user += other.user;
        self.system += other.system;
        self.resident += other.resident;
        self.peak += other.peak;
    }

    fn of_one(pid: u32) -> Option<Self> {
        let stat = Stat::read(pid)?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let kilobytes = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim_start_matches(':').trim().split(' ').next()?.parse().ok()
        };
        Some(Self {
            user: ticks(stat.user),
            system: ticks(stat.system),
            resident: kilobytes("VmRSS").unwrap_or_default() * 1024,
            peak: kilobytes("VmHWM").unwrap_or_default() * 1024,
        })
    }
}

fn ticks(count: u64) -> Duration {
    Duration::from_secs_f64(count as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// The used fields of `/proc/PID/stat` (proc(5)).
struct Stat {
    parent: u32,
    user: u64,
    system: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may contain spaces and brackets; the fields after its last bracket do not.
        let (_, rest) = text.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        let parent = fields.nth(1)?.parse().ok()?;
        let user = fields.nth(9)?.parse().ok()?;
        let system = fields.next()?.parse().ok()?;
        Some(Self { parent, user, system })
    }
}

/// Returns a process and all its descendants.
fn tree(root: u32) -> Vec<u32> {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parents: Vec<(u32, u32)> = pids.filter_map(|pid| Some((pid, Stat::read(pid)?.parent))).collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_and_its_children_are_found() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let usage = Usage::of(Some(std::process::id())).unwrap().unwrap();
        let members = tree(std::process::id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(members.contains(&child.id()), "{members:?}");
        assert!(usage.resident > 100_000 && usage.peak >= usage.resident, "{usage:?}");
        assert!(matches!(Usage::of(Some(0x7fff_fff0)), Err(Failure::Process(_))));
    }
}
