//! JSON Web Tokens (RFC 7519): verification and grants.
//!
//! Each key accepts one algorithm only, regardless of the header of the token (RFC 8725, section 3.1). Must not know
//! messages.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use parking_lot::Mutex;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::claims::Unchecked;
pub use super::claims::{BadClaim, Claims, Texts};
use super::rejection::quoted;
pub use super::rejection::{Rejection, TokenError};
use super::{Grant, seconds_now};
use crate::config;

/// Maximum length of a token in bytes.
const LONGEST: usize = 8 * 1024;
/// Valid tokens in one generation of the cache, which has two. Verifying a signature takes far longer than a lookup.
const REMEMBERED: usize = 8 * 1024;
/// Minimum length in bytes of a secret for HS256 (RFC 7518, section 3.2).
const SHORTEST_SECRET: usize = 32;

/// The keys, and a cache of valid tokens.
pub struct Tokens {
    keys: Vec<Key>,
    leeway: u64,
    good: Mutex<[HashMap<[u8; 32], Arc<Grant>>; 2]>,
    /// The Unix time in seconds of the last refusal logged at INFO.
    logged: AtomicU64,
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
    /// A message that starts with the unusable key, such as `key[1].secret`.
    pub fn new(settings: &config::Token, keys: &[config::TokenKey]) -> Result<Self, String> {
        let leeway = settings.leeway.as_secs();
        let read = |(at, key): (usize, &config::TokenKey)| {
            let wrong = |(field, error)| format!("key[{}]{field}: {error}", at + 1);
            Key::new(settings, key, leeway).map_err(wrong)
        };
        let keys = keys.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { keys, leeway, good: Mutex::default(), logged: AtomicU64::new(0) })
    }

    /// Returns whether no key is configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Verifies a token and returns its grant. Logs refusals: at INFO at most once a second, otherwise, and for
    /// expired tokens, at DEBUG.
    ///
    /// # Errors
    /// [`TokenError`] for the client.
    pub fn verify(&self, token: &str) -> Result<Arc<Grant>, TokenError> {
        self.examine(token).map_err(|rejection| {
            let now = seconds_now();
            // Tokens expire in normal operation.
            let is_expired = matches!(rejection, Rejection::Expired);
            if is_expired || self.logged.swap(now, Ordering::Relaxed) == now {
                tracing::debug!(reason = %rejection, "token refused");
            } else {
                tracing::info!(reason = %rejection, "token refused");
            }
            rejection.error()
        })
    }

    /// Verifies a token and returns its grant.
    ///
    /// # Errors
    /// [`Rejection`], which names what an operator has to change.
    pub fn examine(&self, token: &str) -> Result<Arc<Grant>, Rejection> {
        if token.len() > LONGEST {
            return Err(Rejection::TooLong(token.len(), LONGEST));
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some(grant) = self.remembered(&digest) {
            return if seconds_now() < grant.expires { Ok(grant) } else { Err(Rejection::Expired) };
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

    fn decode(&self, token: &str, digest: [u8; 32]) -> Result<Grant, Rejection> {
        let header = jsonwebtoken::decode_header(token).map_err(Rejection::Malformed)?;
        if let Some(names) = &header.crit {
            return Err(Rejection::Critical(quoted(&names.join(", "))));
        }
        let of_its_name = |key: &&Key| key.id == header.kid;
        if !self.keys.iter().any(|key| of_its_name(&key)) {
            return Err(self.no_key(header.kid.as_deref()));
        }
        let mut rejection = Rejection::Algorithm(header.alg);
        // At most one key has the `kid`; keys without an id are tried in order.
        for key in self.keys.iter().filter(of_its_name).filter(|key| key.algorithm == header.alg) {
            match key.decode(token) {
                Ok(claims) => {
                    let expires = claims
                        .exp
                        .and_then(|exp| exp.as_f64())
                        .map_or(u64::MAX, |exp| (exp as u64).saturating_add(self.leeway));
                    return Ok(Grant {
                        subject: claims.sub.map(Into::into),
                        subscribe: claims.subscribe.into_patterns(),
                        publish: claims.publish.into_patterns(),
                        expires,
                        digest,
                    });
                }
                // A key that verifies the signature yields a more specific reason.
                Err(wrong @ Rejection::Signature) => {
                    if matches!(rejection, Rejection::Algorithm(_)) {
                        rejection = wrong;
                    }
                }
                Err(wrong) => rejection = wrong,
            }
        }
        Err(rejection)
    }

    fn no_key(&self, wanted: Option<&str>) -> Rejection {
        let ids: Vec<_> = self.keys.iter().filter_map(|key| key.id.as_deref()).map(quoted).collect();
        let known = if ids.is_empty() { "none with an id".to_owned() } else { ids.join(", ") };
        match wanted {
            Some(id) => Rejection::UnknownKey { wanted: quoted(id), known },
            None => Rejection::NoKeyId(known),
        }
    }
}

/// Signs a token with a key of the settings. All algorithms except HS256 need the private key.
///
/// # Errors
/// The reason why the key cannot sign.
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
        private.ok_or_else(|| {
            format!("{} signs with a private key; write its file after --private-key", key.algorithm)
        })
    };
    let wrong = |error| {
        format!(
            "not a private key in PEM for {} ({error}); write another file after --private-key",
            key.algorithm
        )
    };
    let (algorithm, encoding) = match (key.algorithm.as_str(), &key.secret) {
        ("HS256", Some(secret)) => (Algorithm::HS256, EncodingKey::from_secret(secret.expose().as_bytes())),
        ("RS256", _) => (Algorithm::RS256, EncodingKey::from_rsa_pem(pem()?).map_err(wrong)?),
        ("ES256", _) => (Algorithm::ES256, EncodingKey::from_ec_pem(pem()?).map_err(wrong)?),
        ("EdDSA", _) => (Algorithm::EdDSA, EncodingKey::from_ed_pem(pem()?).map_err(wrong)?),
        _ => return Err(format!("this {} key has no secret to sign with; write its secret", key.algorithm)),
    };
    let header = Header { kid: key.id.clone(), ..Header::new(algorithm) };
    let all = All { claims, iss: settings.issuer.as_deref(), aud: settings.audience.as_deref() };
    jsonwebtoken::encode(&header, &all, &encoding).map_err(|error| format!("cannot sign: {error}"))
}

impl Key {
    fn new(
        settings: &config::Token,
        key: &config::TokenKey,
        leeway: u64,
    ) -> Result<Self, (&'static str, String)> {
        let secret = || match (&key.secret, &key.public_key) {
            (Some(secret), None) if secret.expose().len() >= SHORTEST_SECRET => {
                Ok(secret.expose().as_bytes())
            }
            (Some(_), None) => {
                Err((".secret", format!("the secret is too short; write at least {SHORTEST_SECRET} bytes")))
            }
            _ => Err(("", "HS256 needs a secret and no public_key; write secret".to_owned())),
        };
        let public = || match (&key.secret, &key.public_key) {
            (None, Some(public)) => Ok(public.expose().as_bytes()),
            _ => Err(("", format!("{} needs a public_key and no secret; write public_key", key.algorithm))),
        };
        let pem = |error| {
            let text = format!(
                "not a public key in PEM for {} ({error}); write one that begins with \"-----BEGIN PUBLIC KEY-----\"",
                key.algorithm
            );
            (".public_key", text)
        };
        let (algorithm, decoding) = match key.algorithm.as_str() {
            "HS256" => (Algorithm::HS256, DecodingKey::from_secret(secret()?)),
            "RS256" => (Algorithm::RS256, DecodingKey::from_rsa_pem(public()?).map_err(pem)?),
            "ES256" => (Algorithm::ES256, DecodingKey::from_ec_pem(public()?).map_err(pem)?),
            "EdDSA" => (Algorithm::EdDSA, DecodingKey::from_ed_pem(public()?).map_err(pem)?),
            other => return Err((".algorithm", format!("unknown algorithm {other}"))),
        };
        let mut validation = Validation::new(algorithm);
        validation.leeway = leeway;
        validation.validate_nbf = true;
        validation.required_spec_claims.clear();
        if settings.require_expiry {
            validation.required_spec_claims.insert("exp".to_owned());
        }
        // By default, tokens with an audience are refused if none is configured.
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

    /// Returns the claims of a token that this key has signed and that is valid now and here.
    fn decode(&self, token: &str) -> Result<Claims, Rejection> {
        match jsonwebtoken::decode::<Unchecked>(token, &self.key, &self.validation) {
            Ok(data) => Ok(data.claims.check()?),
            // The library does not name a claim with an invalid type. The signature has been verified at this point.
            Err(error) if matches!(error.kind(), ErrorKind::Json(_)) => {
                insecure_decode_claims::<Unchecked>(token)?.check()?;
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }
}
