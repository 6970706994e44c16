//! Messages for connection errors: the cause and the remedy, with the address and without credentials.

use redis::RedisError;

use super::address::Address;

/// Describes why connecting to an address failed.
pub(super) fn connecting(error: &RedisError, address: &Address) -> String {
    format!("cannot connect to Redis at {}: {}", address.place(), plain(&error.to_string(), address))
}

/// Matches the text of an error: the library has several types for one cause and converts most of them to text.
fn plain(text: &str, address: &Address) -> String {
    let has = |part: &str| text.contains(part);
    let fixed = if has("NOAUTH") {
        "a password is required; write redis://:PASSWORD@host:port into redis.url, or env:NAME to read a variable"
    } else if has("WRONGPASS") {
        "wrong user or password; check redis.url"
    } else if has("UnknownIssuer") {
        "its certificate is self-signed or from an unknown CA; name the CA certificate in redis.tls_ca"
    } else if has("CaUsedAsEndEntity") {
        "its certificate is a CA certificate; give it one that your CA has signed, and name the CA in redis.tls_ca"
    } else if has("UnsupportedCertVersion") {
        "its certificate has X.509 version 1, which TLS does not support; create one of version 3"
    } else if has("not valid for name") {
        return text.replacen("invalid peer certificate: ", "its certificate is for another host: ", 1);
    } else if has("Expired") {
        "its certificate has expired"
    } else if has("corrupt message") || has("InvalidContentType") {
        "no TLS on this port; write redis:// instead of rediss://"
    } else if (has("timed out") || has("reset by peer") || has("unexpected end of file"))
        && address.is_secure()
    {
        "no response to TLS; if the port is without TLS, write redis:// instead of rediss://"
    } else if has("timed out") {
        "no response within redis.deadline"
    } else if has("reset by peer") || has("unexpected end of file") || has("Broken pipe") {
        "it closed the connection; if the port has TLS, write rediss:// instead of redis://"
    } else if has("Connection refused") {
        "connection refused; start Redis, or change redis.url"
    } else if has("lookup address") {
        "the name of the host has no address"
    } else if has("cluster support disabled") {
        "not a Redis Cluster; write redis:// instead of redis+cluster://"
    } else if has("not point to a sentinel") {
        "not a Sentinel; write the addresses of Sentinels, or redis:// instead of redis+sentinel://"
    } else if has("DB index is out of range") {
        "no database with this number; change the end of redis.url"
    } else if has("os error 2)") {
        "no such socket; start Redis, or change redis.url"
    } else if has("os error 13)") {
        "no permission for the socket; grant it to the user of the server"
    } else {
        return text.to_owned();
    };
    fixed.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_in_a_cause() {
        for url in [
            "redis://me:geheim@a:1",
            "rediss+sentinel://me:geheim@a,b:1/m",
            "redis+cluster://:geheim@[::1]:2",
        ] {
            let address = Address::parse(url, None).unwrap();
            let error = RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
            let said = connecting(&error, &address);
            assert!(!said.contains("geheim") && !said.contains("me:"), "{said}");
        }
        let place = |url| Address::parse(url, None).unwrap().place();
        assert_eq!(place("redis://:geheim@a:1/2"), "a:1");
        assert_eq!(place("redis+sentinel://a,b:1/m"), "a:26379,b:1");
        assert_eq!(place("redis+cluster://[::1]:2"), "[::1]:2");
        assert_eq!(place("redis+unix:///run/redis.sock"), "/run/redis.sock");
    }
}
