//! The address of Redis (`redis.url`), and connections to it.

use std::path::PathBuf;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion,
    PushInfo, RedisConnectionInfo, RedisError, TlsCertificates, TlsMode, Value,
};
use tokio::io::{AsyncRead, AsyncWrite};

/// Receives push messages (RESP3).
pub(crate) type OnPush = std::sync::Arc<dyn Fn(PushInfo) + Send + Sync>;

/// The address of Redis, with credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    kind: Kind,
    is_secure: bool,
    user: Option<String>,
    password: Option<String>,
    database: i64,
    /// The CA certificate in PEM.
    authority: Option<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Single(String, u16),
    Socket(PathBuf),
    /// Sentinels, and the name of the master.
    Sentinel(Vec<(String, u16)>, String),
    Cluster(Vec<(String, u16)>),
}

/// A multiplexed connection.
#[derive(Clone)]
pub(crate) enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

impl Address {
    /// Parses a URL.
    ///
    /// # Errors
    /// A text that does not contain the URL, which may hold a password.
    pub(super) fn parse(url: &str, authority: Option<Vec<u8>>) -> Result<Self, String> {
        let forms = "write redis://, rediss://, redis+unix://, redis+sentinel:// or redis+cluster://";
        let (scheme, rest) = url.split_once("://").ok_or_else(|| format!("not a URL; {forms}"))?;
        let (is_secure, kind) = match scheme.split_once('+') {
            None if scheme == "redis" => (false, ""),
            None if scheme == "rediss" => (true, ""),
            Some(("redis", kind)) => (false, kind),
            Some(("rediss", kind)) => (true, kind),
            _ => return Err(format!("unknown scheme {scheme}://; {forms}")),
        };
        let (credentials, rest) = rest.rsplit_once('@').map_or((None, rest), |(who, rest)| (Some(who), rest));
        let (user, password) = match credentials.map(|who| who.split_once(':').unwrap_or((who, ""))) {
            None => (None, None),
            Some((user, password)) => (decoded(user)?, decoded(password)?),
        };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (kind, database) = match kind {
            "unix" => (Kind::Socket(PathBuf::from(format!("/{path}"))), ""),
            "sentinel" => {
                let (name, database) = path.split_once('/').unwrap_or((path, ""));
                if name.is_empty() {
                    return Err("no name of the master; write redis+sentinel://host:26379/mymaster".into());
                }
                (Kind::Sentinel(all(hosts, SENTINEL_PORT)?, name.to_owned()), database)
            }
            "cluster" => (Kind::Cluster(all(hosts, PORT)?), path),
            "" => {
                let (host, port) = one(hosts, PORT)?;
                (Kind::Single(host, port), path)
            }
            _ => return Err(format!("unknown scheme {scheme}://; {forms}")),
        };
        let database = if database.is_empty() { Ok(0) } else { database.parse() };
        let database = database
            .map_err(|_| "the path is not the number of a database; write for example redis://host:6379/0")?;
        if matches!(kind, Kind::Cluster(_)) && database != 0 {
            return Err("Redis Cluster has no databases; remove the path".into());
        }
        Ok(Self { kind, is_secure, user, password, database, authority })
    }

    /// Whether connections use TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// Returns the hosts and ports, without user and password.
    pub(super) fn place(&self) -> String {
        let one = |(host, port): &(String, u16)| {
            if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
        };
        match &self.kind {
            Kind::Single(host, port) => one(&(host.clone(), *port)),
            Kind::Socket(path) => path.display().to_string(),
            Kind::Sentinel(hosts, _) | Kind::Cluster(hosts) => {
                hosts.iter().map(one).collect::<Vec<_>>().join(",")
            }
        }
    }

    /// Connects. `on_push` receives the push messages in their order, on the task of the connection.
    pub(super) async fn connect(
        &self,
        deadline: Duration,
        on_push: Option<OnPush>,
    ) -> Result<Connection, RedisError> {
        match &self.kind {
            Kind::Cluster(hosts) => {
                let infos = hosts.iter().map(|(host, port)| self.info(self.tcp(host, *port)));
                let mut builder = ClusterClientBuilder::new(infos.collect::<Result<Vec<_>, _>>()?)
                    .use_protocol(ProtocolVersion::RESP3)
                    .connection_timeout(deadline)
                    .response_timeout(deadline)
                    .overall_response_timeout(Some(deadline))
                    .retries(3);
                if self.is_secure {
                    builder = builder.tls(TlsMode::Secure).certs(self.certificates());
                }
                if let Some(on_push) = on_push {
                    builder = builder.push_sender(sender(on_push));
                }
                builder.build()?.get_async_connection().await.map(Connection::Cluster)
            }
            _ => {
                let (client, config) = (self.client().await?, config(deadline, on_push));
                client.get_multiplexed_async_connection_with_config(&config).await.map(Connection::Single)
            }
        }
    }

    /// Connects over a byte stream to the master. It ends with the last clone of the connection.
    pub(super) async fn connect_over(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        deadline: Duration,
        on_push: Option<OnPush>,
    ) -> Result<Connection, RedisError> {
        let (login, config) = (self.login(), config(deadline, on_push));
        let (connection, driver) = MultiplexedConnection::new_with_config(&login, stream, config).await?;
        tokio::spawn(driver);
        Ok(Connection::Single(connection))
    }

    async fn client(&self) -> Result<Client, RedisError> {
        match &self.kind {
            Kind::Sentinel(hosts, name) => self.sentinel(hosts, name)?.async_get_client().await,
            Kind::Socket(path) => Client::open(self.info(ConnectionAddr::Unix(path.clone()))?),
            Kind::Single(host, port) if self.is_secure => {
                Client::build_with_tls(self.info(self.tcp(host, *port))?, self.certificates())
            }
            Kind::Single(host, port) => Client::open(self.info(self.tcp(host, *port))?),
            Kind::Cluster(_) => Err((redis::ErrorKind::InvalidClientConfig, "a cluster has many").into()),
        }
    }

    fn sentinel(&self, hosts: &[(String, u16)], name: &str) -> Result<SentinelClient, RedisError> {
        let hosts: Vec<_> = hosts.iter().map(|(host, port)| self.tcp(host, *port)).collect();
        let mut builder = SentinelClientBuilder::new(hosts, name, SentinelServerType::Master)?
            .set_client_to_redis_protocol(ProtocolVersion::RESP3)
            .set_client_to_redis_db(self.database);
        if let Some(user) = &self.user {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = &self.password {
            builder = builder.set_client_to_redis_password(password);
        }
        if self.is_secure {
            builder = builder
                .set_client_to_redis_tls_mode(TlsMode::Secure)
                .set_client_to_redis_certificates(self.certificates())
                .set_client_to_sentinel_tls_mode(TlsMode::Secure)
                .set_client_to_sentinel_certificates(self.certificates());
        }
        builder.build()
    }

    fn tcp(&self, host: &str, port: u16) -> ConnectionAddr {
        let host = host.to_owned();
        if self.is_secure {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        }
    }

    fn info(&self, address: ConnectionAddr) -> Result<ConnectionInfo, RedisError> {
        Ok(address.into_connection_info()?.set_redis_settings(self.login()))
    }

    /// The protocol, the database and the credentials.
    fn login(&self) -> RedisConnectionInfo {
        let mut settings =
            RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3).set_db(self.database);
        if let Some(user) = &self.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &self.password {
            settings = settings.set_password(password);
        }
        settings
    }

    fn certificates(&self) -> TlsCertificates {
        TlsCertificates { client_tls: None, root_cert: self.authority.clone() }
    }
}

impl Connection {
    /// Sends a command and waits for its reply.
    pub(crate) async fn run(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        match self {
            Self::Single(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }

    /// Whether the library reconnects and resubscribes when a node of Redis is lost.
    pub(crate) fn reconnects_itself(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }
}

fn config(deadline: Duration, on_push: Option<OnPush>) -> AsyncConnectionConfig {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(deadline))
        .set_response_timeout(Some(deadline));
    match on_push {
        Some(on_push) => config.set_push_sender(sender(on_push)),
        None => config,
    }
}

fn sender(on_push: OnPush) -> impl Fn(PushInfo) -> Result<(), redis::aio::SendError> {
    move |info| {
        on_push(info);
        Ok(())
    }
}

fn decoded(text: &str) -> Result<Option<String>, String> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| "the user or the password is not UTF-8")?;
    Ok(Some(decoded.into_owned()).filter(|text| !text.is_empty()))
}

fn all(hosts: &str, port: u16) -> Result<Vec<(String, u16)>, String> {
    hosts.split(',').map(|host| one(host, port)).collect()
}

fn one(host: &str, port: u16) -> Result<(String, u16), String> {
    let wrong = || "a host or a port is missing; write host:port".to_owned();
    // An IPv6 address is in brackets.
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port.parse().map_err(|_| wrong())?),
        _ => (host, port),
    };
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    if name.is_empty() { Err(wrong()) } else { Ok((name.to_owned(), port)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Address {
        Address::parse(url, None).unwrap()
    }

    #[test]
    fn forms() {
        let host = |name: &str, port| (name.to_owned(), port);
        assert_eq!(parsed("redis://a").kind, Kind::Single("a".into(), 6379));
        assert_eq!(parsed("redis://[::1]:7000/3").kind, Kind::Single("::1".into(), 7000));
        assert_eq!(parsed("redis://[::1]").kind, Kind::Single("::1".into(), 6379));
        assert_eq!(parsed("redis://a:1/3").database, 3);
        assert!(parsed("rediss://a").is_secure && !parsed("redis://a").is_secure);
        assert_eq!(parsed("redis+unix:///run/redis.sock").kind, Kind::Socket("/run/redis.sock".into()));
        let sentinel = parsed("rediss+sentinel://a,b:1/mymaster/2");
        assert_eq!(sentinel.kind, Kind::Sentinel(vec![host("a", 26379), host("b", 1)], "mymaster".into()));
        assert!(sentinel.is_secure && sentinel.database == 2);
        assert_eq!(parsed("redis+cluster://a:1,b:2").kind, Kind::Cluster(vec![host("a", 1), host("b", 2)]));
        let secret = parsed("redis://me:p%40ss@word@a:1");
        assert_eq!((secret.user.as_deref(), secret.password.as_deref()), (Some("me"), Some("p@ss@word")));
        let bare = parsed("redis://:secret@a");
        assert_eq!((bare.user, bare.password.as_deref()), (None, Some("secret")));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for url in [
            "localhost:6379",
            "http://me:secret@a",
            "redis://me:secret@",
            "redis://me:secret@a:port",
            "redis://me:secret@a/name",
            "redis+sentinel://me:secret@a",
            "redis+cluster://me:secret@a/1",
            "redis+other://me:secret@a",
        ] {
            let error = Address::parse(url, None).unwrap_err();
            assert!(!error.contains("secret"), "{url}: {error}");
        }
    }
}
