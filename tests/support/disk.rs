//! A small disk, to be filled.

use std::path::Path;
use std::process::Command;

/// A small disk. Mounting it takes root, or sudo without a password, as the installation of the test tools does.
pub(crate) struct Disk(tempfile::TempDir);

/// Runs a command as root. False if that is not allowed.
fn as_root(command: &[&str]) -> bool {
    let run = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
    };
    run(command[0], &command[1..]) || run("sudo", &[&["-n"], command].concat())
}

impl Disk {
    /// A disk of this size, such as `64k`.
    pub(crate) fn make(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let options = format!("size={size},mode=1777");
        let is_mounted = as_root(&["mount", "-t", "tmpfs", "-o", &options, "tmpfs", path]);
        assert!(
            is_mounted,
            "a small disk cannot be mounted: run the tests as root, or allow sudo without a password"
        );
        Self(folder)
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        as_root(&["umount", "-l", self.0.path().to_str().unwrap()]);
    }
}
