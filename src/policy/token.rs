//! JSON Web Tokens (RFC 7519): whether one is good, and what its holder may do.
//!
//! A key is good for one algorithm only, whatever a token says of itself (RFC 8725, section 3.1). It knows no messages.

use std::collections::HashMap;
use std::sync::Arc;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::seconds_now;
use crate::config;
use crate::router::Grant;

/// Bytes that a token may have.
const LONGEST: usize = 8 * 1024;
/// Good tokens that are remembered, twice at most; checking a signature takes far longer than finding it again.
const REMEMBERED: usize = 8 * 1024;
/// What RFC 7518 wants of a secret for HS256 (section 3.2).
const SHORTEST_SECRET: usize = 32;

/// Why a token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is over.
    #[error("Token expired")]
    Expired,
    /// It is no token, of another key or algorithm, for somebody else, not good yet, or without an end.
    #[error("Token invalid")]
    Invalid,
}

/// One string, or an array of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Texts {
    /// A string alone.
    One(String),
    /// An array.
    Many(Vec<String>),
}

impl Default for Texts {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Texts {
    fn into_patterns(self) -> Vec<Box<str>> {
        match self {
            Self::One(text) => vec![text.into()],
            Self::Many(texts) => texts.into_iter().map(Into::into).collect(),
        }
    }
}

/// The claims that mean something here.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
pub struct Claims {
    /// Who the holder is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Channels and patterns to which the holder may subscribe.
    #[serde(default)]
    pub subscribe: Texts,
    /// Channels and patterns to which the holder may publish.
    #[serde(default)]
    pub publish: Texts,
    /// The second since 1970 in which the token expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<serde_json::Number>,
}

/// The keys of all tokens.
pub struct Tokens {
    keys: Vec<Key>,
    leeway: u64,
    good: Mutex<[HashMap<[u8; 32], Arc<Grant>>; 2]>,
}

struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
    validation: Validation,
}

impl Tokens {
    /// Reads the keys of the settings.
    ///
    /// # Errors
    /// What is wrong with which key.
    pub fn new(settings: &config::Token, keys: &[config::TokenKey]) -> Result<Self, String> {
        let leeway = settings.leeway.as_secs();
        let read = |(at, key): (usize, &config::TokenKey)| {
            Key::new(settings, key, leeway).map_err(|error| format!("key[{}]: {error}", at + 1))
        };
        let keys = keys.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { keys, leeway, good: Mutex::default() })
    }

    /// Whether there is any key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What the holder of a token may do.
    ///
    /// # Errors
    /// [`TokenError`] if the token is not good, or not any more.
    pub fn verify(&self, token: &str) -> Result<Arc<Grant>, TokenError> {
        if token.len() > LONGEST {
            return Err(TokenError::Invalid);
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some(grant) = self.remembered(&digest) {
            return if seconds_now() < grant.expires { Ok(grant) } else { Err(TokenError::Expired) };
        }
        let grant = Arc::new(self.decode(token, digest)?);
        self.remember(&grant);
        Ok(grant)
    }

    fn remembered(&self, digest: &[u8; 32]) -> Option<Arc<Grant>> {
        let good = self.good.lock();
        good.iter().find_map(|good| good.get(digest)).cloned()
    }

    fn remember(&self, grant: &Arc<Grant>) {
        let mut good = self.good.lock();
        if good[0].len() >= REMEMBERED {
            good[1] = std::mem::take(&mut good[0]);
        }
        good[0].insert(grant.digest, Arc::clone(grant));
    }

    fn decode(&self, token: &str, digest: [u8; 32]) -> Result<Grant, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        // Of a key that is named there is one; of those without a name the right one is tried out.
        let fits = |key: &&Key| key.algorithm == header.alg && key.id == header.kid;
        let mut error = TokenError::Invalid;
        for key in self.keys.iter().filter(fits) {
            match jsonwebtoken::decode::<Claims>(token, &key.key, &key.validation) {
                Ok(data) => {
                    let expires = data
                        .claims
                        .exp
                        .and_then(|exp| exp.as_f64())
                        .map_or(u64::MAX, |exp| (exp as u64).saturating_add(self.leeway));
                    return Ok(Grant {
                        subject: data.claims.sub.map(Into::into),
                        subscribe: data.claims.subscribe.into_patterns(),
                        publish: data.claims.publish.into_patterns(),
                        expires,
                        digest,
                    });
                }
                Err(wrong) if matches!(wrong.kind(), ErrorKind::ExpiredSignature) => {
                    error = TokenError::Expired;
                }
                Err(wrong) => tracing::debug!(error = %wrong, "a token is not good"),
            }
        }
        Err(error)
    }
}

/// Makes a token with a key of the settings, whose private half is given unless it is a secret.
///
/// # Errors
/// What the key is not good for.
pub fn sign(
    claims: &Claims,
    key: &config::TokenKey,
    private: Option<&[u8]>,
    settings: &config::Token,
) -> Result<String, String> {
    #[derive(Serialize)]
    struct All<'a> {
        #[serde(flatten)]
        claims: &'a Claims,
        #[serde(skip_serializing_if = "Option::is_none")]
        iss: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        aud: Option<&'a str>,
    }
    let pem = || {
        private.ok_or_else(|| format!("{} signs with a private key; name it by --private-key", key.algorithm))
    };
    let wrong = |error| format!("the private key is not one in PEM for {} ({error})", key.algorithm);
    let (algorithm, encoding) = match (key.algorithm.as_str(), &key.secret) {
        ("HS256", Some(secret)) => (Algorithm::HS256, EncodingKey::from_secret(secret.expose().as_bytes())),
        ("RS256", _) => (Algorithm::RS256, EncodingKey::from_rsa_pem(pem()?).map_err(wrong)?),
        ("ES256", _) => (Algorithm::ES256, EncodingKey::from_ec_pem(pem()?).map_err(wrong)?),
        ("EdDSA", _) => (Algorithm::EdDSA, EncodingKey::from_ed_pem(pem()?).map_err(wrong)?),
        _ => return Err(format!("a key for {} has nothing to sign with", key.algorithm)),
    };
    let header = Header { kid: key.id.clone(), ..Header::new(algorithm) };
    let all = All { claims, iss: settings.issuer.as_deref(), aud: settings.audience.as_deref() };
    jsonwebtoken::encode(&header, &all, &encoding).map_err(|error| format!("cannot sign: {error}"))
}

impl Key {
    fn new(settings: &config::Token, key: &config::TokenKey, leeway: u64) -> Result<Self, String> {
        let secret = || match (&key.secret, &key.public_key) {
            (Some(secret), None) if secret.expose().len() >= SHORTEST_SECRET => {
                Ok(secret.expose().as_bytes())
            }
            (Some(_), None) => {
                Err(format!("the secret is short; write one of at least {SHORTEST_SECRET} bytes"))
            }
            _ => Err("HS256 needs a secret, and no public_key".to_owned()),
        };
        let public = || match (&key.secret, &key.public_key) {
            (None, Some(public)) => Ok(public.expose().as_bytes()),
            _ => Err(format!("{} needs a public_key, and no secret", key.algorithm)),
        };
        let pem = |error| format!("the public_key is not one in PEM for {} ({error})", key.algorithm);
        let (algorithm, decoding) = match key.algorithm.as_str() {
            "HS256" => (Algorithm::HS256, DecodingKey::from_secret(secret()?)),
            "RS256" => (Algorithm::RS256, DecodingKey::from_rsa_pem(public()?).map_err(pem)?),
            "ES256" => (Algorithm::ES256, DecodingKey::from_ec_pem(public()?).map_err(pem)?),
            "EdDSA" => (Algorithm::EdDSA, DecodingKey::from_ed_pem(public()?).map_err(pem)?),
            other => return Err(format!("there is no algorithm {other}")),
        };
        let mut validation = Validation::new(algorithm);
        validation.leeway = leeway;
        validation.validate_nbf = true;
        validation.required_spec_claims.clear();
        if settings.expiry {
            validation.required_spec_claims.insert("exp".to_owned());
        }
        // Otherwise a token with an audience would be refused where none is asked for.
        validation.validate_aud = settings.audience.is_some();
        if let Some(audience) = &settings.audience {
            validation.set_audience(&[audience]);
            validation.required_spec_claims.insert("aud".to_owned());
        }
        if let Some(issuer) = &settings.issuer {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".to_owned());
        }
        Ok(Self { id: key.id.clone(), algorithm, key: decoding, validation })
    }
}
