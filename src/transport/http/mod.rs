//! HTTP/1: requests and responses, long-polling, JSON-P, and the endpoints outside of the Bayeux mount.
//!
//! `serve` reads the requests of a connection; `routes` answers each by its path and method. A request that opens a push
//! transport ends HTTP on its connection: `push_request` returns the hand-over.

mod assets;
mod body;
mod call;
mod chunked;
pub(super) mod connection;
mod cookie;
pub(super) mod endpoint;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod headers;
mod jsonp;
mod long_polling;
pub(super) mod mount;
mod payload;
mod preflight;
mod push_request;
mod refusal;
pub(super) mod request;
mod response;
mod routes;
mod serve;
pub(super) mod site;
mod visitor;
