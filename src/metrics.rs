//! Every metric of the server as a field of one struct, and their exposition for Prometheus.
//!
//! There is no global; the struct is passed to the code that counts.

mod cluster;
mod feeds;
mod histories;
mod hub;

use std::ops::Deref;
use std::sync::Arc;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The reason of a refusal: a limit, or an invalid input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(missing_docs, reason = "each bears the name of its setting in [limits], or of one in [extensions]")]
#[allow(non_camel_case_types, reason = "the names are the values of the label")]
pub enum Reason {
    connections,
    connections_by_address,
    descriptors,
    body,
    body_time,
    frame,
    message,
    batch,
    depth,
    header,
    header_time,
    subscriptions,
    memory,
    sessions,
    channel,
    segments,
    callback,
    extension_cpu_limit,
    extension_timeout,
    extension_max_pending,
    extension_memory,
    /// Lines that extensions printed.
    extension_log_rate,
    /// A message without an engine for extensions.
    extension_unavailable,
    handshakes,
    messages,
    publications,
    /// Requests for the page of feeds and its lists.
    lifestream_rate,
    /// A page that is not among `browsers.origins`.
    origin,
    /// JSON-P while it is disabled.
    jsonp,
    /// An operation that the rules deny.
    forbidden,
    /// A message that does not prove that it owns its session.
    unproven,
    /// A request or frame that is no payload: bad JSON, bad UTF-8, no `message`, a wrong method.
    syntax,
    /// A WebSocket that broke RFC 6455.
    websocket,
    /// A TLS handshake that failed or exceeded its deadline.
    tls,
}

/// Label of [`Instruments::refused`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Refused {
    /// The reason.
    pub reason: Reason,
}

/// The cause of an eviction: the setting in `[limits]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(missing_docs, reason = "each bears the name of its setting in [limits]")]
#[allow(non_camel_case_types, reason = "the names are the values of the label")]
pub enum Cause {
    memory,
    sessions,
    unconnected_by_address,
}

/// Label of [`Instruments::sessions_evicted`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Evicted {
    /// The exceeded setting.
    pub cause: Cause,
}

/// Messages received, by their verb.
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "the names of the verbs")]
pub struct Messages {
    pub handshake: Counter,
    pub connect: Counter,
    pub subscribe: Counter,
    pub unsubscribe: Counter,
    pub publish: Counter,
    pub disconnect: Counter,
    pub unknown: Counter,
}

/// HTTP requests and WebSocket upgrades, by their transport.
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "the names of the transports")]
pub struct Requests {
    pub long_polling: Counter,
    pub cross_origin_long_polling: Counter,
    pub callback_polling: Counter,
    pub websocket: Counter,
    pub eventsource: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Verb {
    verb: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Transport {
    transport: &'static str,
}

/// All counters and gauges. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Instruments>);

impl Deref for Metrics {
    type Target = Instruments;

    fn deref(&self) -> &Instruments {
        &self.0
    }
}

/// Every counter and gauge.
#[derive(Debug, Default)]
pub struct Instruments {
    /// Connections accepted.
    pub connections_accepted: Counter,
    /// Connections open.
    pub connections: Gauge,
    /// WebSockets open.
    pub websockets: Gauge,
    /// EventSource streams open.
    pub eventsource_streams: Gauge,
    /// Held connects (long-polls).
    pub held_connects: Gauge,
    /// HTTP requests and WebSocket upgrades, by transport.
    pub requests: Requests,
    /// Requests for the client's script or a source map.
    pub script_requests: Counter,
    /// Messages received, by verb.
    pub messages: Messages,
    /// Replies with an error.
    pub error_replies: Counter,
    /// Refused input, by reason.
    pub refused: Family<Refused, Counter>,
    /// Live sessions.
    pub sessions: Gauge,
    /// Sessions that expired without a connect.
    pub sessions_expired: Counter,
    /// Evicted sessions, by the exceeded setting.
    pub sessions_evicted: Family<Evicted, Counter>,
    /// Bytes of memory used for clients, as of the last second.
    pub memory_used: Gauge,
    /// `limits.memory` in bytes.
    pub memory_limit: Gauge,
    /// Live subscriptions.
    pub subscriptions: Gauge,
    /// Subscriptions that ended because their token expired.
    pub subscriptions_expired: Counter,
    /// Publications accepted.
    pub publications: Counter,
    /// Publications put into mailboxes.
    pub deliveries: Counter,
    /// Publications written to a live connection.
    pub deliveries_written: Counter,
    /// Publications that were queued again because the connection was lost before they were written.
    pub deliveries_requeued: Counter,
    /// Publications sent again in connect replies, because the client had not acknowledged them.
    pub ack_resent: Counter,
    /// Publications of histories that were sent to returning and new subscribers.
    pub replayed: Counter,
    /// Notices of gaps.
    pub replay_gaps: Counter,
    /// Sessions ended because their mailbox was full.
    pub mailbox_disconnects: Counter,
    /// Publications dropped because a mailbox was full.
    pub mailbox_dropped: Counter,
    /// Connections cut because a ping had no response.
    pub ping_timeouts: Counter,
    /// Connections that were closed because the client read nothing.
    pub write_timeouts: Counter,
    /// TLS handshakes that were completed.
    pub tls_handshakes: Counter,
    /// Certificates reloaded.
    pub certificate_reloads: Counter,
    /// Certificates that could not be loaded or obtained; the current one stays in use.
    pub certificate_failures: Counter,
    /// Messages passed to JavaScript extensions.
    pub extension_calls: Counter,
    /// Errors of JavaScript extensions: exceptions, and callbacks with a value that is not a message.
    pub extension_errors: Counter,
    /// Callbacks that an extension called more than once.
    pub extension_repeated_callbacks: Counter,
    /// Restarts of the JavaScript engine; extensions lost their variables.
    pub extension_restarts: Counter,
    /// 1 while no JavaScript engine runs.
    pub extensions_unavailable: Gauge,
    /// Hook requests sent.
    pub hook_requests: Counter,
    /// Decisions reused from the hook cache.
    pub hook_cache_hits: Counter,
    /// Hook requests that failed or had a malformed response.
    pub hook_errors: Counter,
    /// Decisions made by `hook.on_error` while the circuit breaker was open.
    pub hook_breaker_rejections: Counter,
    /// Webhook events delivered.
    pub webhook_events: Counter,
    /// Webhook requests that failed; most are retried.
    pub webhook_errors: Counter,
    /// Webhook events dropped.
    pub webhook_dropped: Counter,
    /// Redis.
    pub redis: cluster::Redis,
    /// Sessions and messages that moved between instances.
    pub cluster: cluster::Cluster,
    /// The WebSub hub and the store.
    pub hub: hub::Hub,
    /// The feeds that are followed.
    pub feeds: feeds::Feeds,
    /// The histories in memory.
    pub histories: histories::Histories,
    /// Reloads of the settings.
    pub config_reloads: Counter,
    /// Panics; each is a bug.
    pub panics: Counter,
    /// Log lines dropped, because they could not be written or did not fit into the queue.
    pub log_dropped: Counter,
}

impl Messages {
    fn all(&self) -> [(&'static str, &Counter); 7] {
        [
            ("handshake", &self.handshake),
            ("connect", &self.connect),
            ("subscribe", &self.subscribe),
            ("unsubscribe", &self.unsubscribe),
            ("publish", &self.publish),
            ("disconnect", &self.disconnect),
            ("unknown", &self.unknown),
        ]
    }
}

impl Requests {
    fn all(&self) -> [(&'static str, &Counter); 5] {
        [
            ("long-polling", &self.long_polling),
            ("cross-origin-long-polling", &self.cross_origin_long_polling),
            ("callback-polling", &self.callback_polling),
            ("websocket", &self.websocket),
            ("eventsource", &self.eventsource),
        ]
    }
}

impl Metrics {
    /// Counts a refusal.
    pub fn refuse(&self, reason: Reason) {
        self.refused.get_or_create(&Refused { reason }).inc();
    }

    /// Counts an evicted session.
    pub fn evict(&self, cause: Cause) {
        self.sessions_evicted.get_or_create(&Evicted { cause }).inc();
    }

    /// Counts several refusals.
    pub fn refuse_all(&self, reason: Reason, count: u64) {
        self.refused.get_or_create(&Refused { reason }).inc_by(count);
    }

    /// Returns the metrics in the text format of OpenMetrics.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry());
        text
    }

    fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("faye");
        let mut add =
            |name: &str, help: &str, metric: &Counter| registry.register(name, help, metric.clone());
        add("connections_accepted", "Connections accepted", &self.connections_accepted);
        add("script_requests", "Requests for the client script or a source map", &self.script_requests);
        add("error_replies", "Replies with an error", &self.error_replies);
        add("sessions_expired", "Sessions expired: no connect in time", &self.sessions_expired);
        add("subscriptions_expired", "Subscriptions ended: token expired", &self.subscriptions_expired);
        add("publications", "Publications accepted", &self.publications);
        add("deliveries", "Publications queued in mailboxes", &self.deliveries);
        add("deliveries_written", "Publications written to a live connection", &self.deliveries_written);
        add(
            "deliveries_requeued",
            "Publications queued again: connection lost before they were written",
            &self.deliveries_requeued,
        );
        add("ack_resent", "Publications sent again: not acknowledged by the client", &self.ack_resent);
        add("replayed", "Publications of histories sent to new and returning subscribers", &self.replayed);
        add(
            "replay_gaps",
            "Notices to clients that messages of a subscription may be missing",
            &self.replay_gaps,
        );
        add("mailbox_disconnects", "Sessions ended: mailbox full", &self.mailbox_disconnects);
        add("mailbox_dropped", "Publications dropped: mailbox full", &self.mailbox_dropped);
        add("ping_timeouts", "Connections cut: no response to a ping", &self.ping_timeouts);
        add("write_timeouts", "Connections cut: client read nothing", &self.write_timeouts);
        add("tls_handshakes", "TLS handshakes completed", &self.tls_handshakes);
        add("certificate_reloads", "Certificates reloaded", &self.certificate_reloads);
        add(
            "certificate_failures",
            "Certificates that could not be loaded or obtained",
            &self.certificate_failures,
        );
        add("extension_calls", "Messages passed to JavaScript extensions", &self.extension_calls);
        add("extension_errors", "Errors of JavaScript extensions", &self.extension_errors);
        add(
            "extension_repeated_callbacks",
            "Callbacks that an extension called more than once",
            &self.extension_repeated_callbacks,
        );
        add("extension_restarts", "Restarts of the JavaScript engine", &self.extension_restarts);
        add("hook_requests", "Hook requests sent", &self.hook_requests);
        add("hook_cache_hits", "Decisions reused from the hook cache", &self.hook_cache_hits);
        add("hook_errors", "Hook requests failed", &self.hook_errors);
        add(
            "hook_breaker_rejections",
            "Decisions made by hook.on_error while the circuit breaker was open",
            &self.hook_breaker_rejections,
        );
        add("webhook_events", "Webhook events delivered", &self.webhook_events);
        add("webhook_errors", "Webhook requests failed; most are retried", &self.webhook_errors);
        add("webhook_dropped", "Webhook events dropped", &self.webhook_dropped);
        add("config_reloads", "Reloads of the settings", &self.config_reloads);
        add("panics", "Panics; each is a bug", &self.panics);
        add("log_dropped", "Log lines dropped", &self.log_dropped);
        let mut add = |name: &str, help: &str, metric: &Gauge| registry.register(name, help, metric.clone());
        add("connections", "Open connections", &self.connections);
        add("websockets", "Open WebSockets", &self.websockets);
        add("eventsource_streams", "Open EventSource streams", &self.eventsource_streams);
        add("held_connects", "Connects (long-polls) held open", &self.held_connects);
        add("sessions", "Open sessions", &self.sessions);
        add("subscriptions", "Active subscriptions", &self.subscriptions);
        add("extensions_unavailable", "1 while no JavaScript engine runs", &self.extensions_unavailable);
        add("memory_used_bytes", "Memory used for clients", &self.memory_used);
        add("memory_limit_bytes", "limits.memory", &self.memory_limit);
        registry.register(
            "sessions_evicted",
            "Sessions evicted, by the limit that was exceeded",
            self.sessions_evicted.clone(),
        );
        self.redis.register(&mut registry);
        self.cluster.register(&mut registry);
        self.hub.register(&mut registry);
        self.feeds.register(&mut registry);
        self.histories.register(&mut registry);
        let family = Family::<Transport, Counter>::default();
        for (transport, counter) in self.requests.all() {
            family.get_or_create(&Transport { transport }).inc_by(counter.get());
        }
        registry.register("requests", "HTTP requests and upgrades, by transport", family);
        let family = Family::<Verb, Counter>::default();
        for (verb, counter) in self.messages.all() {
            family.get_or_create(&Verb { verb }).inc_by(counter.get());
        }
        registry.register("messages", "Messages received, by verb", family);
        registry.register("refused", "Refused input, by reason", self.refused.clone());
        registry
    }
}
