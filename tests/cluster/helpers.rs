//! Helpers of several modules of this program.

use std::time::Duration;

use crate::support::*;
use serde_json::Value;
use sha1::{Digest, Sha1};

/// The hash by which an instance calls a script.
pub(crate) fn hash(script: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha1::digest(script))
}

/// Connects until the session can be reached, and returns the data of its messages.
pub(crate) fn fetch(faye: &Faye, client: &str) -> Vec<Value> {
    loop {
        let replies = faye.post(&connect_now(client, "long-polling"));
        let reply = replies.iter().find(|reply| reply["channel"] == "/meta/connect").expect("a reply");
        if reply["successful"] == true {
            return data(&delivered(&replies));
        }
        assert_eq!(reply["error"].as_str().map(|error| &error[..3]), Some("503"), "{reply}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Connects until a message with this data has come, and returns the data of all messages.
pub(crate) fn fetch_until(faye: &Faye, client: &str, last: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    while !all.contains(last) {
        all.extend(fetch(faye, client));
    }
    all
}
