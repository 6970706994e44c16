//! Why a connection to a server failed: classifies the errors of the resolver, of the system and of rustls. It opens no
//! connection.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::time::Duration;

use rustls::CertificateError;

/// Why a connection to a server failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The host name has no address.
    #[error("the host name cannot be resolved ({0})")]
    Name(String),
    /// No program listens on the port.
    #[error("connection refused")]
    Refused,
    /// The deadline passed without a response.
    #[error("no response within {0:?}")]
    Timeout(Duration),
    /// The response to the TLS handshake is not TLS.
    #[error("the server does not use TLS on this port")]
    NotTls,
    /// The certificate is signed by an unknown authority.
    #[error("the server's certificate is signed by an authority that is not trusted here")]
    Untrusted,
    /// The certificate is for another name.
    #[error("the server's certificate is not valid for this host name ({0})")]
    WrongName(String),
    /// The certificate has expired, or is not valid yet.
    #[error("the server's certificate has expired or is not valid yet")]
    Expired,
    /// The certificate has another defect.
    #[error("the server's certificate is not accepted ({0})")]
    Certificate(String),
    /// The TLS handshake failed for another reason.
    #[error("the TLS handshake failed ({0})")]
    Tls(String),
    /// Any other failure.
    #[error("{0}")]
    Other(String),
}

/// An error of the resolver, marked so that [`ConnectError::of`] finds it within other errors.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NameError(String);

/// Marks an error of the resolver.
pub fn name_error(error: &io::Error) -> io::Error {
    let text = error.to_string();
    let reason = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    io::Error::other(NameError(reason.to_owned()))
}

impl ConnectError {
    /// Classifies an error by itself and its sources.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let mut innermost = error;
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = Self::known(error) {
                return found;
            }
            innermost = error;
            next = error.source();
        }
        Self::Other(innermost.to_string())
    }

    fn known(error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(NameError(reason)) = error.downcast_ref() {
            return Some(Self::Name(reason.clone()));
        }
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(Self::of_tls(error));
        }
        let error = error.downcast_ref::<io::Error>()?;
        // `source` of an I/O error skips the error that it wraps.
        match error.get_ref() {
            Some(wrapped) => Self::known(wrapped),
            None if error.kind() == ErrorKind::ConnectionRefused => Some(Self::Refused),
            None => None,
        }
    }

    fn of_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidMessage(_) => Self::NotTls,
            rustls::Error::InvalidCertificate(defect) => match defect {
                CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Untrusted,
                CertificateError::NotValidForName => Self::WrongName("it names others".to_owned()),
                CertificateError::NotValidForNameContext { presented, .. } => {
                    Self::WrongName(format!("it names {}", presented.join(", ")))
                }
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => Self::Expired,
                other => Self::Certificate(other.to_string()),
            },
            other => Self::Tls(other.to_string()),
        }
    }

    /// Returns a hint for the operator of a client, as a clause that follows the error.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Name(_) => "check the host name in the URL",
            Self::Refused | Self::Other(_) => "is the server running?",
            Self::Timeout(_) => "is the server overloaded, or a firewall in between?",
            Self::NotTls => "write http:// in place of https://",
            Self::Untrusted => "name a file with the certificate of that authority with --cacert",
            Self::WrongName(_) => "write a name of the certificate in the URL",
            Self::Expired => "renew the certificate, or correct the clock of this machine",
            Self::Certificate(_) | Self::Tls(_) => "check the TLS settings of the server",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_found_inside_other_errors() {
        let tls = |error| io::Error::new(ErrorKind::InvalidData, error);
        let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let cases = [
            (io::Error::from(ErrorKind::ConnectionRefused), ConnectError::Refused),
            (io::Error::other(tls(unknown)), ConnectError::Untrusted),
            (
                name_error(&io::Error::other("failed to lookup address information: no such name")),
                ConnectError::Name("no such name".to_owned()),
            ),
            (io::Error::other("odd"), ConnectError::Other("odd".to_owned())),
        ];
        for (error, expected) in cases {
            assert_eq!(ConnectError::of(&error), expected, "{error:?}");
        }
    }
}
