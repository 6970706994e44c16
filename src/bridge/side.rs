//! One of the two servers: its client, and its name in marks.

use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use hyper::http::Uri;
use parking_lot::Mutex;
use rustls::ClientConfig;
use sha2::{Digest, Sha256};

use super::echo::Echo;
use super::{Fault, Server};
use crate::client::{Failure, Publisher};

/// Bytes of a digest that form a name: few, since a name is sent with each message.
const NAME: usize = 9;

pub(super) struct Side {
    pub(super) url: String,
    pub(super) ext: Option<String>,
    /// The certificate authorities to trust.
    pub(super) tls: Arc<ClientConfig>,
    /// The same name for all bridges with the same URL of the server. It does not reveal the URL.
    pub(super) name: String,
    pub(super) publisher: Publisher,
    pub(super) echo: Mutex<Echo>,
}

impl Side {
    pub(super) fn new(server: &Server) -> Result<Self, Fault> {
        let url = server.url.clone();
        let publisher = Publisher::new(&url, &server.tls).map_err(Fault::Client)?;
        let name = name(&url).ok_or_else(|| Fault::Client(Failure::Url(url.clone())))?;
        let (ext, tls) = (server.ext.clone(), Arc::clone(&server.tls));
        Ok(Self { name, publisher, ext, tls, echo: Mutex::default(), url })
    }
}

/// Returns the name of the server at a URL. The scheme is ignored, since a server may support both.
fn name(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let port = match uri.scheme_str()? {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let port = uri.port_u16().unwrap_or(port);
    let host = uri.host()?.to_ascii_lowercase();
    let place = format!("{host}:{port}{}", uri.path().trim_end_matches('/'));
    let digest = Sha256::digest(place);
    digest.first_chunk::<NAME>().map(|digest| BASE64URL_NOPAD.encode(digest))
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_server_has_one_name_however_its_url_is_spelt() {
        let one = name("http://example.com:80/faye").unwrap();
        for same in ["http://Example.COM/faye", "http://example.com/faye/", "http://example.com/faye?x=1"] {
            assert_eq!(name(same).as_ref(), Some(&one), "{same}");
        }
        for other in ["https://example.com/faye", "http://example.com/", "http://example.com:8000/faye"] {
            assert_ne!(name(other).unwrap(), one, "{other}");
        }
        for bad in ["", "example.com/faye", "ftp://example.com/faye", "ws://example.com/faye"] {
            assert_eq!(name(bad), None, "{bad}");
        }
    }
}
