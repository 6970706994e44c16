//! A server with two extensions of its own, and its monitoring events on the screen.
//!
//! `cargo run --example extension`, then publish without and with the password:
//!
//! ```sh
//! curl http://127.0.0.1:8000/faye -d '{"channel": "/hello", "data": "refused"}'
//! curl http://127.0.0.1:8000/faye -d '{"channel": "/hello", "data": "accepted", "ext": {"password": "secret"}}'
//! ```

#![allow(clippy::print_stdout, reason = "it is there to show something")]

use std::sync::Arc;

use faye_server::app::App;
use faye_server::bayeux::{Field, Message, Verb, json};
use faye_server::config::Config;
use faye_server::extension::{Extension, Stages, Verdict};
use faye_server::peer::Peer;

/// Only who knows the password may publish.
struct PushOnly {
    password: &'static str,
}

impl Extension for PushOnly {
    fn name(&self) -> &str {
        "push only"
    }

    fn stages(&self) -> Stages {
        Stages { incoming: true, ..Stages::default() }
    }

    fn incoming<'a>(&'a self, mut message: Message, _peer: &'a Arc<Peer>) -> Verdict<'a> {
        // The verb is read once from the channel, so no spelling of it gets past.
        if message.verb() == Verb::Publish {
            let given = message.get(Field::Ext).and_then(|ext| json::member(ext, "password"));
            // A real one compares in constant time.
            if given.and_then(json::as_text).as_deref() != Some(self.password) {
                message.refuse("403::Password required");
            }
            // Nobody who is subscribed gets to see the password.
            message.remove(Field::Ext);
        }
        message.into()
    }
}

/// Asks somebody else who may subscribe; here it is a timer that always says yes.
struct Slow;

impl Extension for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    fn stages(&self) -> Stages {
        Stages { incoming: true, ..Stages::default() }
    }

    fn incoming<'a>(&'a self, message: Message, _peer: &'a Arc<Peer>) -> Verdict<'a> {
        if message.verb() != Verb::Subscribe {
            return message.into();
        }
        Verdict::Wait(Box::pin(async move {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            Some(message)
        }))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let extensions: [Arc<dyn Extension>; 2] = [Arc::new(PushOnly { password: "secret" }), Arc::new(Slow)];
    let app = App::bind(&Config::default(), &extensions).await?;
    println!("listening on {}", app.url()?);
    let mut events = app.events();
    tokio::spawn(async move {
        while let Ok(event) = events.recv().await {
            println!("{event:?}");
        }
    });
    app.run(async {
        // If there is no Ctrl-C to wait for, the server stops.
        let _ = tokio::signal::ctrl_c().await;
    })
    .await;
    Ok(())
}
