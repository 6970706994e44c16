//! What CometD's and Salesforce's servers do differently from Faye's, where the settings say so. This module must not
//! depend on single verbs.

use super::Server;
use crate::bayeux::{BayeuxError, Field, Grammar, Message, UnknownClient, Verb, json};
use crate::config::UnknownClientError;

impl Server {
    /// Returns the grammar of the channels that clients may name.
    pub(super) fn grammar(&self) -> Grammar {
        if self.dialect.dotted_channels { Grammar::Dotted } else { Grammar::Faye }
    }

    /// Adds `"data":null` to a publication without data, if such publications are accepted. Clients take a message without
    /// data for a reply, so subscribers must get some (Bayeux 1.0, section 5.2).
    pub(super) fn add_missing_data(&self, message: &mut Message) {
        let is_wanted = self.dialect.publish_without_data;
        if is_wanted && message.get(Field::Data).is_none() && message.verb() == Verb::Publish {
            message.set(Field::Data, *b"null");
        }
    }

    /// Returns the error for a message that names no session.
    pub(super) fn client_unknown(&self, message: &Message) -> BayeuxError {
        BayeuxError::ClientUnknown(match self.dialect.unknown_client {
            UnknownClientError::Faye => {
                let id = json::printed(message.get(Field::ClientId).unwrap_or_default());
                UnknownClient::Faye(id.into_owned())
            }
            UnknownClientError::Salesforce => UnknownClient::Salesforce,
        })
    }
}
