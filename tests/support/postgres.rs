//! A real PostgreSQL server of the test's own, on a Unix socket in a temporary folder. A shell keeps it and ends it with
//! the process of the test, however that ends.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(60);

// The shell reads until the test closes its end or dies. SIGQUIT is an immediate shutdown.
const KEEP: &str = r#"
trap '' INT TERM
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c max_connections=200 >"$2/log" 2>&1 &
cat >/dev/null
kill -QUIT $! 2>/dev/null
wait
[ "$3" = remove ] && rm -rf "$2"
"#;

/// A server. It goes when it is dropped.
pub(crate) struct Postgres {
    programs: PathBuf,
    folder: tempfile::TempDir,
    /// The ids of the user that it runs as, if this is not the current user.
    user: Option<(u32, u32)>,
    is_static: bool,
    process: Option<Child>,
    databases: AtomicU32,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Postgres {
    pub(crate) fn start() -> Self {
        Self::begin(false)
    }

    /// `is_static`: the value is never dropped, so that the shell has to remove the folder.
    fn begin(is_static: bool) -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new().prefix("faye-pg").tempdir().unwrap();
        let user = other_user();
        if let Some((user, group)) = user {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let mut server =
            Self { programs, folder, user, is_static, process: None, databases: AtomicU32::new(0) };
        let data = server.folder.path().join("data");
        let mut initdb = server.command("initdb");
        initdb.arg("-D").arg(&data).args([
            "-U",
            "postgres",
            "--auth=trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        ]);
        expect(&initdb.output().unwrap());
        server.resume();
        server
    }

    /// The server that the tests of one program share.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::begin(true))
    }

    /// Makes a database and returns its URL.
    pub(crate) fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// The URL of a database.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("postgres:///{name}?host={}&user=postgres", self.folder.path().display())
    }

    /// Runs SQL in a database, and returns the rows as psql writes them, columns separated by `|`.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let mut psql = self.command("psql");
        psql.arg("-h").arg(self.folder.path()).args(["-U", "postgres", "-d", database, "-XAtqc", sql]);
        let output = psql.output().unwrap();
        expect(&output);
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Ends the server at once, as a crash does.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            drop(process.stdin.take());
            let _ = process.wait();
        }
    }

    /// Starts the server after [`stop`](Self::stop), with the same data.
    pub(crate) fn resume(&mut self) {
        let mut shell = Command::new("sh");
        shell.args(["-c", KEEP, "sh"]).arg(&self.programs).arg(self.folder.path());
        shell.arg(if self.is_static { "remove" } else { "keep" }).stdin(Stdio::piped());
        self.process = Some(self.as_user(shell).spawn().unwrap());
        let since = Instant::now();
        while !self.is_ready() {
            let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(since.elapsed() < PATIENCE, "PostgreSQL does not start:\n{}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn is_ready(&self) -> bool {
        let mut ready = self.command("pg_isready");
        ready.arg("-q").arg("-h").arg(self.folder.path());
        ready.status().is_ok_and(|status| status.success())
    }

    fn command(&self, program: &str) -> Command {
        self.as_user(Command::new(self.programs.join(program)))
    }

    fn as_user(&self, mut command: Command) -> Command {
        command.current_dir("/");
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }
}

/// The folder of the programs: that in `PATH`, or the newest of Debian's.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has_server = |folder: &Path| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    if let Some(folder) =
        std::env::split_paths(&path).find(|folder| has_server(folder) && folder.join("psql").is_file())
    {
        return folder;
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> =
        versions.map(|version| version.path().join("bin")).filter(|folder| has_server(folder)).collect();
    folders.sort();
    folders.pop().expect("PostgreSQL is missing: install it (apt-get install postgresql) or run make tools")
}

/// The user `postgres`, if the tests run as root, which PostgreSQL refuses.
fn other_user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().unwrap();
        expect(&output);
        String::from_utf8_lossy(&output.stdout).trim().parse::<u32>().unwrap()
    };
    (id(&["-u"]) == 0).then(|| (id(&["-u", "postgres"]), id(&["-g", "postgres"])))
}

fn expect(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
