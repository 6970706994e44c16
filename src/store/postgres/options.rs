//! How `store.url` reads as a way to a PostgreSQL server.

use std::net::IpAddr;
use std::str::FromStr;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// Parses a `postgres:` URL. The default of `sslmode` for a host other than loopback is `verify-full`.
///
/// # Errors
/// A text without the URL, because it may contain a password.
pub(super) fn read(url: &str) -> Result<PgConnectOptions, String> {
    let options = PgConnectOptions::from_str(url).map_err(|error| format!("store.url: {error}"))?;
    let has_mode = url.split_once('?').is_some_and(|(_, query)| {
        query.split('&').any(|pair| matches!(pair.split('=').next(), Some("sslmode" | "ssl-mode")))
    });
    let mode = match (has_mode, is_local(&options)) {
        (true, _) => options.get_ssl_mode(),
        (false, true) => PgSslMode::Prefer,
        (false, false) => PgSslMode::VerifyFull,
    };
    Ok(options.ssl_mode(mode).application_name("faye").disable_statement_logging())
}

/// Whether the server is on this machine: a Unix socket or a loopback address.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    options.get_socket().is_some()
        || host.starts_with('/')
        || host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Returns the server and the database, without user and password, for texts.
pub(super) fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    match options.get_socket() {
        Some(socket) => format!("PostgreSQL at {} (database {database})", socket.display()),
        None => format!("PostgreSQL at {}:{} (database {database})", options.get_host(), options.get_port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> String {
        format!("{:?}", read(url).expect("a valid URL").get_ssl_mode())
    }

    #[test]
    fn a_host_beyond_loopback_has_to_prove_its_name() {
        assert_eq!(mode("postgres://faye@db.example/faye"), "VerifyFull");
        assert_eq!(mode("postgres://faye@192.0.2.7:5433/faye?application_name=x"), "VerifyFull");
        assert_eq!(mode("postgres://faye@localhost.example/faye"), "VerifyFull");
        assert_eq!(mode("postgres://faye@localhost/faye?host=db.example"), "VerifyFull");
        for local in ["localhost", "127.0.0.1", "127.8.9.1", "[::1]", "[::ffff:127.0.0.1]"] {
            assert_eq!(mode(&format!("postgres://faye@{local}/faye")), "Prefer", "{local}");
        }
        assert_eq!(mode("postgres:///faye?host=/run/postgresql"), "Prefer");
        assert_eq!(mode("postgres://faye@%2Frun%2Fpostgresql/faye"), "Prefer");
        assert_eq!(mode("postgres://faye@db.example/faye?sslmode=disable"), "Disable");
        assert_eq!(mode("postgres://faye@db.example/faye?a=b&sslmode=require"), "Require");
    }

    #[test]
    fn texts_do_not_contain_the_password() {
        let text = place(&read("postgres://faye:hunter2@db.example/hub").expect("a valid URL"));
        assert_eq!(text, "PostgreSQL at db.example:5432 (database hub)");
        let error = read("postgres://faye:hunter2@db.example:port/hub").expect_err("no valid URL");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
