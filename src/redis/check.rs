//! The check of a Redis before a server uses it: reachable, new enough, and configured so that nothing is lost.

use redis::{FromRedisValue, Value};

use super::address::Connection;
use super::cause;
use super::client::{Client, address_of};
use super::link::{timed_out, value_of};
use crate::config;

/// The first version with sharded Pub/Sub.
const OLDEST: u32 = 7;
/// Bytes of output that Redis should buffer for a subscriber.
const BEHIND: u64 = 32 * 1024 * 1024;

impl Client {
    /// Connects, and returns warnings about the settings of Redis.
    ///
    /// # Errors
    /// Why this Redis cannot be used.
    pub async fn check(settings: &config::Redis) -> Result<Vec<String>, String> {
        let address = address_of(settings)?;
        let connecting = tokio::time::timeout(settings.deadline, address.connect(settings.deadline, None));
        let connected = connecting.await.unwrap_or_else(|_| Err(timed_out()));
        let mut connection =
            connected.map_err(|error| format!("redis.url: {}", cause::connecting(&error, &address)))?;
        let mut warnings = Vec::new();
        match text_of(&mut connection, &["INFO", "server"]).await {
            Ok(info) => {
                let version = value_of(&info, "redis_version").unwrap_or_default();
                let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
                // Valkey reports the version of Redis that it is compatible with.
                if major < OLDEST {
                    return Err(format!(
                        "redis.url: Redis {version} is too old; use {OLDEST} or later, or Valkey"
                    ));
                }
            }
            Err(why) => warnings.push(format!("cannot read the version of Redis ({why})")),
        }
        match setting(&mut connection, "maxmemory-policy").await {
            Ok(policy) if policy != "noeviction" => warnings.push(format!(
                "Redis can evict sessions and histories (maxmemory-policy is {policy}); set it to noeviction"
            )),
            Ok(_) => {}
            Err(why) => warnings.push(format!("cannot read the settings of Redis ({why})")),
        }
        if let Ok(limits) = setting(&mut connection, "client-output-buffer-limit").await
            && let Some(hard) = pubsub_limit(&limits).filter(|hard| (1..BEHIND).contains(hard))
        {
            warnings.push(format!(
                "Redis disconnects an instance that is {hard} bytes behind; set client-output-buffer-limit pubsub to {BEHIND} or \
                 more"
            ));
        }
        Ok(warnings)
    }
}

async fn text_of(connection: &mut Connection, words: &[&str]) -> Result<String, String> {
    let answer = ask(connection, words).await?;
    // A Redis Cluster replies with one entry for each node.
    let answer = match answer {
        Value::Map(mut nodes) if !nodes.is_empty() => nodes.swap_remove(0).1,
        answer => answer,
    };
    String::from_redis_value(answer).map_err(|error| error.to_string())
}

async fn setting(connection: &mut Connection, name: &str) -> Result<String, String> {
    let answer = ask(connection, &["CONFIG", "GET", name]).await?;
    let pairs = Vec::<(String, String)>::from_redis_value(answer).map_err(|error| error.to_string())?;
    pairs.into_iter().next().map(|(_, value)| value).ok_or_else(|| format!("no {name}"))
}

async fn ask(connection: &mut Connection, words: &[&str]) -> Result<Value, String> {
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(*word);
    }
    connection.run(&command).await.map_err(|error| error.to_string())
}

/// Finds the hard limit of the class `pubsub`. Each class has four words.
fn pubsub_limit(limits: &str) -> Option<u64> {
    let mut words = limits.split_whitespace();
    words.find(|word| *word == "pubsub")?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_says_is_read() {
        assert_eq!(value_of("# Server\r\nredis_version:7.0.15\r\n", "redis_version"), Some("7.0.15"));
        let limits = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60";
        assert_eq!(pubsub_limit(limits), Some(33_554_432));
    }
}
