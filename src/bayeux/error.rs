//! The `error` field of a reply: the exact texts of Faye, and those of our limits in the same grammar
//! `code:arguments:text` (Bayeux 1.0, section 3.14).

use std::fmt;

/// The reason why a message was not executed. `Display` is the text on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BayeuxError {
    /// None of the connection types is supported.
    ConnectionTypes(String),
    /// No session has the identifier of the message.
    ClientUnknown(UnknownClient),
    /// A field is missing.
    ParameterMissing(&'static str),
    /// The channel exists, but not for clients.
    ChannelForbidden(String),
    /// Only the server publishes on the channel.
    ServerOnly(String),
    /// The text is not a channel.
    ChannelInvalid(String),
    /// The name of a channel has more bytes than this limit.
    ChannelTooLong(usize),
    /// A channel has more segments than this limit.
    TooManySegments(usize),
    /// The message is nested more deeply than this limit.
    TooDeep(usize),
    /// The session has as many subscriptions as this limit.
    TooManySubscriptions(usize),
    /// The server has as many sessions as this limit.
    TooManySessions(usize),
    /// The broker did not accept a publication.
    Unaccepted,
    /// The instance with the session, or the directory, does not respond now.
    Unreachable,
    /// The number of messages that wait for an extension has reached this limit.
    TooManyWaiting(usize),
    /// There is no JavaScript engine for the extensions.
    NoEngine,
    /// A token is needed for the channel.
    TokenRequired(String),
    /// The token does not allow the operation on the channel.
    TokenLacks(String),
    /// The token is none, or not of this server.
    TokenInvalid,
    /// The token is over.
    TokenExpired,
    /// Operations that require a token are not allowed over JSON-P, whose responses any page may read.
    CallbackForbidden(String),
    /// A page of a foreign origin presented a secret.
    OriginForbidden,
    /// A rate limit is exceeded; the client has to wait for this number of milliseconds.
    TooOften(u64),
    /// The position of a replay, in braces, is invalid, or its publications are not kept any more.
    ReplayInvalid(String),
    /// A text of the settings or the application.
    Text(String),
    /// An internal error; the details are logged.
    Internal,
}

/// The text for an unknown session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnknownClient {
    /// That of Faye, with the identifier.
    Faye(String),
    /// That of Salesforce, which some of its clients compare with.
    Salesforce,
}

/// The rest of Salesforce's text, which its clients read.
const REPLAY_IDS: &str =
    "  Please provide a valid ID, -2 to replay all events, or -1 to replay only new events.";

impl fmt::Display for BayeuxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionTypes(types) => write!(f, "301:{types}:Connection types not supported"),
            Self::ClientUnknown(UnknownClient::Faye(id)) => write!(f, "401:{id}:Unknown client"),
            Self::ClientUnknown(UnknownClient::Salesforce) => f.write_str("403::Unknown client"),
            Self::ParameterMissing(name) => write!(f, "402:{name}:Missing required parameter"),
            Self::ChannelForbidden(channel) => write!(f, "403:{channel}:Forbidden channel"),
            Self::ServerOnly(channel) => write!(f, "403:{channel}:Only the server publishes here"),
            Self::ChannelInvalid(channel) => write!(f, "405:{channel}:Invalid channel"),
            Self::ChannelTooLong(limit) => write!(f, "413:{limit}:Channel name too long"),
            Self::TooManySegments(limit) => write!(f, "413:{limit}:Too many segments in the channel"),
            Self::TooDeep(limit) => write!(f, "413:{limit}:Message nested too deeply"),
            Self::TooManySubscriptions(limit) => write!(f, "413:{limit}:Too many subscriptions"),
            Self::TokenRequired(channel) => write!(f, "403:{channel}:Token required"),
            Self::TokenLacks(channel) => write!(f, "403:{channel}:Forbidden by the token"),
            Self::TokenInvalid => f.write_str("403::Token invalid"),
            Self::TokenExpired => f.write_str("403::Token expired"),
            Self::CallbackForbidden(channel) => write!(f, "403:{channel}:Forbidden over callback-polling"),
            Self::OriginForbidden => f.write_str("403::Forbidden origin"),
            Self::TooOften(wait) => write!(f, "429:{wait}:Too often, wait"),
            Self::ReplayInvalid(position) => {
                write!(f, "400::The replayId {position} you provided was invalid.{REPLAY_IDS}")
            }
            Self::Text(text) => f.write_str(text),
            Self::Internal => f.write_str("500::Internal server error"),
            Self::TooManyWaiting(limit) => write!(f, "503:{limit}:Too many messages wait for an extension"),
            Self::NoEngine => f.write_str("503::Extensions unavailable, try again"),
            Self::Unaccepted => f.write_str("503::Not accepted, try again"),
            Self::Unreachable => f.write_str("503::Session out of reach, try again"),
            Self::TooManySessions(limit) => write!(f, "503:{limit}:Too many sessions"),
        }
    }
}

impl std::error::Error for BayeuxError {}
