//! The memory limit of this process: the memory of the machine, or a lower limit of a cgroup or of the process.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, getrlimit};

/// Returns the memory limit of this process in bytes: the smallest of the machine's memory, the limits of its cgroup
/// and of the parent cgroups (cgroup v2 `memory.max` and `memory.high`, v1 `memory.limit_in_bytes`), and the limits of
/// its address space and data (`RLIMIT_AS`, `RLIMIT_DATA`). 1 GiB if none of them can be read.
#[must_use]
pub fn available() -> usize {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let groups = cgroups(&own).into_iter().filter_map(|path| limit(&fs::read_to_string(path).ok()?));
    let process = [Resource::As, Resource::Data]
        .into_iter()
        .filter_map(|resource| usize::try_from(getrlimit(resource).current?).ok());
    machine.into_iter().chain(groups).chain(process).min().unwrap_or(1 << 30)
}

/// Returns `MemTotal` of `/proc/meminfo`.
fn total(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Returns the number in a file of a cgroup; `None` for `max`. In v1, no limit is a number close to 2^63, which is
/// never the minimum.
fn limit(text: &str) -> Option<usize> {
    text.trim().parse().ok()
}

/// Returns the files with the memory limits of a process, given its `/proc/self/cgroup`: of its cgroup and of each
/// parent.
fn cgroups(own: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in own.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (root, names): (_, &[&str]) = match controllers {
            "" => ("/sys/fs/cgroup", &["memory.max", "memory.high"]),
            _ if controllers.split(',').any(|controller| controller == "memory") => {
                ("/sys/fs/cgroup/memory", &["memory.limit_in_bytes"])
            }
            _ => continue,
        };
        for group in Path::new(path).ancestors() {
            let group = group.to_string_lossy();
            files.extend(names.iter().map(|name| format!("{root}{}/{name}", group.trim_end_matches('/'))));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_memory() {
        assert_eq!(total("MemFree: 1 kB\nMemTotal:       24576 kB\n"), Some(24 << 20));
        assert!(available() > 1 << 20);
    }

    #[test]
    fn every_group_above_counts() {
        let unified = cgroups("0::/system.slice/faye.service\n");
        assert!(unified.contains(&"/sys/fs/cgroup/system.slice/faye.service/memory.max".to_owned()));
        assert!(unified.contains(&"/sys/fs/cgroup/system.slice/memory.high".to_owned()));
        assert!(unified.contains(&"/sys/fs/cgroup/memory.max".to_owned()), "{unified:?}");
        let split = cgroups("5:cpu,cpuacct:/a\n4:memory:/docker/1\n");
        assert_eq!(split[0], "/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes");
        assert_eq!(split.len(), 3);
    }

    #[test]
    fn no_limit_is_none() {
        assert_eq!(limit("max\n"), None);
        assert_eq!(limit("1048576\n"), Some(1 << 20));
    }
}
