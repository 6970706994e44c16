//! One suite for every broker: in memory, on Redis, and on a Redis Cluster of three masters.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::support::WATCHDOG;
use bytes::Bytes;
use faye_server::bayeux::{PageStart, Partition, Publication};
use faye_server::broker::{Broker, Deliver, Memory, PageRequest, PublishOptions, Recent, Redis, Span};
use faye_server::cluster::{RequestHandler, Rpc};
use faye_server::config::{self, Ack, History, HistoryStore, Overflow};
use faye_server::metrics::Metrics;
use faye_server::redis::{Client, NodeId};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// What a node received: channel and object.
#[derive(Default)]
struct Received {
    all: Mutex<Vec<Arc<Publication>>>,
    changed: Notify,
}

impl Received {
    fn add(&self, publications: &[Arc<Publication>]) {
        self.all.lock().extend_from_slice(publications);
        self.changed.notify_one();
    }

    async fn wait_for(&self, count: usize) -> Vec<Arc<Publication>> {
        let waiting = async {
            while self.all.lock().len() < count {
                self.changed.notified().await;
            }
        };
        let came = tokio::time::timeout(WATCHDOG, waiting).await;
        let all = self.all.lock().clone();
        assert!(came.is_ok(), "{} of {count} came", all.len());
        all
    }
}

impl Deliver for Received {
    type Pending = ();

    fn deliver(&self, publication: &Arc<Publication>, _: Overflow, (): &mut ()) {
        self.add(std::slice::from_ref(publication));
    }

    fn receive(&self, publications: &[Arc<Publication>], _: bool) {
        self.add(publications);
    }

    fn is_interested_in(&self, _: Partition) -> bool {
        true
    }

    fn history(&self, _: &str) -> Option<History> {
        None
    }

    fn has_replay_id(&self, _: &str) -> bool {
        false
    }

    fn lost(&self, _: Partition) {}
}

/// The publications of a history after an offset.
struct Replay {
    publications: Vec<Arc<Publication>>,
    is_complete: bool,
}

static SERIAL: AtomicU64 = AtomicU64::new(0);
const AGE: Duration = Duration::from_secs(3600);

struct Node {
    broker: Broker<Received>,
    received: Arc<Received>,
    metrics: Metrics,
    /// The RPC of the node and its identifier; `None` in memory.
    rpc: Option<(Arc<Rpc>, NodeId)>,
    _tasks: tokio::task::JoinSet<()>,
}

impl Node {
    fn in_memory() -> Self {
        let received = Arc::<Received>::default();
        Self {
            broker: Broker::Memory(Memory::new(&HistoryStore::default(), Arc::clone(&received))),
            received,
            metrics: Metrics::default(),
            rpc: None,
            _tasks: tokio::task::JoinSet::new(),
        }
    }

    async fn on(redis: &crate::support::redis::Redis) -> Self {
        let node = Self::publishing_to(&redis.url());
        node.join().await;
        node
    }

    /// A node without subscribers.
    fn publishing_to(url: &str) -> Self {
        // Nothing but what the tests do shall reach Redis.
        Self::probing(url, Duration::from_secs(600))
    }

    /// A node without subscribers that probes so often.
    fn probing(url: &str, probe: Duration) -> Self {
        let url = Some(config::Secret::from(url));
        let settings = config::Redis { url, probe, deadline: WATCHDOG, ..config::Redis::default() };
        let (received, metrics) = (Arc::<Received>::default(), Metrics::default());
        let client = Arc::new(Client::new(&settings, metrics.clone()).unwrap());
        let handler: RequestHandler =
            Arc::new(|_, request| Box::pin(async move { [b"received ", &request[..]].concat() }));
        let rpc = Arc::new(Rpc::new(Arc::clone(&client), handler));
        let receiving = Arc::clone(&rpc);
        let on_rpc = Arc::new(move |payload: &[u8]| receiving.receive(payload));
        let id = client.me();
        let broker =
            Arc::new(Redis::new(client, 1 << 20, &HistoryStore::default(), Arc::clone(&received), on_rpc));
        let mut tasks = tokio::task::JoinSet::new();
        broker.run(&mut tasks);
        Self { broker: Broker::Redis(broker), received, metrics, rpc: Some((rpc, id)), _tasks: tasks }
    }

    async fn join(&self) {
        assert!(self.broker.join(std::iter::once("/**")).await, "the partitions are not received");
    }

    async fn publish(&self, channel: &str, data: usize, history: Option<History>) {
        let object = format!("{{\"channel\":\"{channel}\",\"data\":{data}}}");
        let publication = Publication::encoded(channel, None, object.as_bytes());
        let options =
            PublishOptions { history, overflow: Overflow::DropNewest, ack: Ack::Cluster, appended: None };
        self.broker.publish(publication, options, &mut ()).outcome().await.unwrap();
    }

    async fn recent(&self, channel: &str, span: Span) -> Recent {
        self.broker.recent(channel, span).await.unwrap()
    }

    /// Reads all pages of a replay from an offset on, and whether they are complete.
    async fn replay(&self, pattern: &str, since: u64) -> Replay {
        self.replay_of(pattern, since, AGE).await
    }

    async fn replay_of(&self, pattern: &str, since: u64, age: Duration) -> Replay {
        let mut replay = Replay { publications: Vec::new(), is_complete: true };
        let (seen, partitions) = (HashMap::new(), Partition::of_pattern(pattern));
        // Concurrent readers of the same range share a read.
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        for partition in partitions {
            let mut start = Some(PageStart::after(since));
            let mut is_first = true;
            while let Some(from) = start.take() {
                let request = PageRequest {
                    partition,
                    pattern,
                    start: &from,
                    until: (1 << 53) - 1 - serial,
                    age: &|_| age,
                    newest: None,
                    seen: &seen,
                    is_first,
                    messages: 64,
                    bytes: 256 * 1024,
                };
                let page = self.broker.page(request).await.unwrap();
                assert!(page.publications.len() <= 64);
                replay.publications.extend(page.publications);
                replay.is_complete &= page.is_complete;
                (start, is_first) = (page.next, false);
            }
        }
        replay
    }
}

fn number(publication: &Publication) -> u64 {
    publication.position().expect("it has a place").offset
}

/// The number in the data of a publication, whose offset may follow.
fn data(publication: &Publication) -> usize {
    let message: serde_json::Value = serde_json::from_slice(publication.object()).unwrap();
    message["data"].as_u64().unwrap() as usize
}

/// All that any broker has to do.
async fn suite(nodes: &[Node]) {
    everybody_hears_everything_once_in_one_order(nodes).await;
    history_is_kept_by_count_and_a_replay_says_whether_it_is_complete(nodes).await;
    history_is_kept_by_age(nodes).await;
    the_newest_of_a_history_come_first_within_bounds(nodes).await;
    a_position_of_the_future_is_lost(nodes).await;
    a_change_of_the_rules_is_not_complete(nodes).await;
    a_quiet_channel_next_to_a_busy_one_is_complete(nodes).await;
    more_than_ten_thousand_publications_are_complete(nodes).await;
    more_than_sixteen_megabytes_are_complete(nodes).await;
}

async fn everybody_hears_everything_once_in_one_order(nodes: &[Node]) {
    const EACH: usize = 100;
    let channels = ["/one", "/two/deep", "/three"];
    let publishing = nodes.iter().enumerate().flat_map(|(at, node)| {
        channels.iter().map(move |channel| async move {
            for count in 0..EACH {
                node.publish(channel, at * EACH + count, None).await;
            }
        })
    });
    futures_util::future::join_all(publishing).await;
    let total = nodes.len() * channels.len() * EACH;
    let mut orders: Vec<HashMap<String, Vec<usize>>> = Vec::new();
    for node in nodes {
        let received = node.received.wait_for(total).await;
        assert_eq!(received.len(), total, "nothing comes twice");
        let mut order = HashMap::<String, Vec<usize>>::new();
        let mut numbers = HashMap::<Partition, u64>::new();
        for publication in &received {
            order.entry(publication.channel().to_owned()).or_default().push(data(publication));
            let before = numbers.insert(Partition::of(publication.channel()), number(publication));
            assert!(before.is_none_or(|before| before < number(publication)), "numbers grow");
        }
        for (at, _) in nodes.iter().enumerate() {
            for one in order.values() {
                let own: Vec<_> = one.iter().filter(|data| **data / EACH == at).copied().collect();
                let sent: Vec<_> = (at * EACH..(at + 1) * EACH).collect();
                assert_eq!(own, sent, "first in, first out for each publisher");
            }
        }
        orders.push(order);
    }
    assert!(orders.windows(2).all(|pair| pair[0] == pair[1]), "one order for all");
    nodes.iter().for_each(|node| node.received.all.lock().clear());
}

async fn history_is_kept_by_count_and_a_replay_says_whether_it_is_complete(nodes: &[Node]) {
    let rule = Some(History { messages: 3, age: Duration::from_secs(60) });
    let (first, last) = (&nodes[0], nodes.last().unwrap());
    for count in 0..5 {
        first.publish("/kept", count, rule).await;
        first.publish("/other", count, rule).await;
        first.publish("/not/kept", count, None).await;
    }
    let received = last.received.wait_for(15).await;
    let places: Vec<_> =
        received.iter().filter(|one| one.channel() == "/kept").map(|one| number(one)).collect();
    let seen = |replay: &Replay| replay.publications.iter().map(|one| data(one)).collect::<Vec<_>>();
    let all = last.replay("/kept", 0).await;
    assert_eq!((seen(&all), all.is_complete), (vec![2, 3, 4], false));
    let behind = last.replay("/kept", places[1]).await;
    assert_eq!((seen(&behind), behind.is_complete), (vec![2, 3, 4], true));
    let behind = last.replay("/kept", places[3]).await;
    assert_eq!((seen(&behind), behind.is_complete), (vec![4], true));
    assert!(number(&behind.publications[0]) == places[4]);
    let nothing = last.replay("/kept", places[4]).await;
    assert_eq!((seen(&nothing), nothing.is_complete), (vec![], true));
    assert!(last.replay("/not/kept", places[4]).await.publications.is_empty());
    nodes.iter().for_each(|node| node.received.all.lock().clear());
}

async fn the_newest_of_a_history_come_first_within_bounds(nodes: &[Node]) {
    let history = History { messages: 200, age: Duration::from_secs(600) };
    let all = Span { since: 0, history, bytes: 1 << 20 };
    let (first, last) = (&nodes[0], nodes.last().unwrap());
    let none = last.recent("/recent", all).await;
    assert!(none.publications.is_empty() && none.oldest.is_none());
    // More than what Redis is asked for at once.
    for count in 0..150 {
        first.publish("/recent", count, Some(history)).await;
    }
    let found = last.recent("/recent", all).await;
    let counts = |found: &Recent| -> Vec<_> {
        found.publications.iter().map(|kept| data(&kept.publication)).collect()
    };
    assert_eq!(counts(&found), (0..150).rev().collect::<Vec<_>>());
    assert_eq!(found.oldest, Some(found.publications[149].number()));
    assert!(found.publications.is_sorted_by_key(|kept| u64::MAX - kept.at), "they have their times");
    assert_eq!(found.publications[0].data().as_deref(), Some(&b"149"[..]));
    let times: Vec<_> = found.publications.iter().map(|kept| kept.at).collect();
    let again = first.recent("/recent", all).await;
    assert_eq!(
        again.publications.iter().map(|kept| kept.at).collect::<Vec<_>>(),
        times,
        "which do not change"
    );
    let since = found.publications[2].number();
    let behind = last.recent("/recent", Span { since, ..all }).await;
    assert_eq!((counts(&behind), behind.oldest), (vec![149, 148], found.oldest));
    let since = found.publications[0].number();
    let nothing = last.recent("/recent", Span { since, ..all }).await;
    assert_eq!((counts(&nothing), nothing.oldest), (vec![], found.oldest));
    let few = History { messages: 3, ..history };
    assert_eq!(counts(&last.recent("/recent", Span { history: few, ..all }).await), [149, 148, 147]);
    let size = found.publications[0].publication.object().len();
    let small = Span { bytes: 2 * size + 10, ..all };
    assert_eq!(counts(&last.recent("/recent", small).await), [149, 148]);
    assert_eq!(
        counts(&last.recent("/recent", Span { bytes: 1, ..all }).await),
        [149],
        "the newest one always"
    );
}

async fn history_is_kept_by_age(nodes: &[Node]) {
    let rule = History { messages: 10, age: Duration::from_millis(50) };
    let node = &nodes[0];
    node.publish("/short", 1, Some(rule)).await;
    let watching = async {
        while !node.replay_of("/short", 0, rule.age).await.publications.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(WATCHDOG, watching).await.expect("it gets too old");
    assert!(!node.replay("/short", 0).await.is_complete, "there was one");
}

async fn nodes_on(redis: &crate::support::redis::Redis) -> Vec<Node> {
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(Node::on(redis).await);
    }
    nodes
}

#[tokio::test]
async fn in_memory() {
    suite(&[Node::in_memory()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis() {
    let redis = crate::support::redis::Redis::start();
    suite(&nodes_on(&redis).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_redis_cluster() {
    let redis = crate::support::redis::Redis::start_cluster();
    suite(&nodes_on(&redis).await).await;
}

/// A publication is one command, kept or not, however many hear it; several at once are fewer.
#[tokio::test(flavor = "multi_thread")]
async fn a_publication_is_one_command() {
    let redis = crate::support::redis::Redis::start();
    let nodes = nodes_on(&redis).await;
    let rule = Some(History { messages: 3, age: Duration::from_secs(60) });
    nodes[0].publish("/a", 0, rule).await;
    let commands = || redis.calls_of("evalsha") + redis.calls_of("eval");
    let before = commands();
    for count in 0..100 {
        nodes[0].publish("/a", count, rule.filter(|_| count % 2 == 0)).await;
    }
    assert_eq!(commands() - before, 100);
    let before = commands();
    let many = (0..1000).map(|count| nodes[0].publish("/a", count, None));
    futures_util::future::join_all(many).await;
    assert!(commands() - before <= 20, "{} commands for 1000 at once", commands() - before);
    nodes[2].received.wait_for(1101).await;
}

/// What comes from Redis is not trusted: what is no frame is counted, and the rest goes on.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_frame_is_counted() {
    let redis = crate::support::redis::Redis::start();
    let node = Node::on(&redis).await;
    let channel = format!("faye:{{partition-{}}}:publications", Partition::of("/a").index());
    for payload in ["rubbish", "2_m_ff_9", "1_m"] {
        assert_eq!(redis.ask(&format!("SPUBLISH {channel} {payload}")).trim(), ":1");
    }
    node.publish("/a", 7, None).await;
    assert_eq!(data(&node.received.wait_for(1).await[0]), 7);
    assert_eq!(node.metrics.redis.malformed.get(), 3);
}

/// Instances ask each other by Redis.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_answers_another() {
    let redis = crate::support::redis::Redis::start_cluster();
    let nodes = nodes_on(&redis).await;
    let [Some((rpc, _)), Some((_, other))] = [&nodes[0].rpc, &nodes[1].rpc] else { unreachable!() };
    let answer = rpc.call(*other, b"this", WATCHDOG).await.unwrap();
    assert_eq!(answer, Bytes::from_static(b"received this"));
}

const KEPT: Option<History> = Some(History { messages: 10, age: Duration::from_secs(600) });

fn key_of(channel: &str) -> String {
    format!("faye:{{partition-{}}}", Partition::of(channel).index())
}

/// Publishes 0 and 1 to `/a`, and takes the offsets of the partition as far ahead of the clock as if that had been ahead by
/// years. The node has received both.
async fn publish_ahead_of_the_clock(redis: &crate::support::redis::Redis, node: &Node) {
    node.publish("/a", 0, KEPT).await;
    node.received.wait_for(1).await;
    let raised = redis.ask(&format!("HINCRBY {} number 1000000000000000", key_of("/a")));
    assert!(raised.starts_with(':'), "{raised}");
    node.publish("/a", 1, KEPT).await;
    node.received.wait_for(2).await;
}

/// The publications to a channel that a node has received, by their data.
fn received_on(channel: &str, received: &[Arc<Publication>]) -> Vec<usize> {
    received.iter().filter(|one| one.channel() == channel).map(|one| data(one)).collect()
}

/// The first publisher to an empty Redis whose clock is behind does not know the offsets that others have received.
#[tokio::test(flavor = "multi_thread")]
async fn publications_below_the_known_offsets_are_delivered() {
    let redis = crate::support::redis::Redis::start();
    let (node, publisher) = (Node::on(&redis).await, Node::publishing_to(&redis.url()));
    publish_ahead_of_the_clock(&redis, &node).await;
    redis.ask("FLUSHALL");
    publisher.publish("/a", 2, KEPT).await;
    publisher.publish("/a", 3, None).await;
    node.publish("/a", 4, KEPT).await;
    publisher.publish("/a", 5, None).await;
    let received = node.received.wait_for(6).await;
    assert_eq!(received_on("/a", &received), [0, 1, 2, 3, 4, 5]);
    // It is counted after the delivery.
    while node.metrics.redis.epoch_resets.get() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(node.metrics.redis.epoch_resets.get(), 1);
}

/// The same while a node is cut off: it recovers what the history has, and so does an instance that adopts a session.
#[tokio::test(flavor = "multi_thread")]
async fn a_history_below_the_known_offsets_is_recovered() {
    let redis = crate::support::redis::Redis::start();
    let gate = crate::support::gate::Gate::start(&redis.address());
    let (node, publisher) = (Node::publishing_to(&gate.url()), Node::publishing_to(&redis.url()));
    node.join().await;
    publish_ahead_of_the_clock(&redis, &node).await;
    let position = number(&node.received.wait_for(2).await[1]);
    gate.close_at(b"/marker");
    let marker = async { node.publish("/marker", 0, None).await };
    let replaced = async {
        tokio::task::block_in_place(|| gate.wait_until_closed());
        redis.ask("FLUSHALL");
        redis.ask("CLIENT KILL TYPE pubsub");
        publisher.publish("/a", 2, KEPT).await;
        publisher.publish("/a", 3, KEPT).await;
        let Broker::Redis(broker) = &publisher.broker else { unreachable!() };
        let kept = broker.kept(Partition::of("/a"), position).await.unwrap();
        assert_eq!(received_on("/a", &kept), [2, 3]);
        gate.open();
    };
    tokio::join!(marker, replaced);
    let recovered = async {
        while received_on("/a", &node.received.all.lock().clone()).len() < 4 {
            node.received.changed.notified().await;
        }
    };
    let came = tokio::time::timeout(WATCHDOG, recovered).await;
    let received = node.received.all.lock().clone();
    assert_eq!(received_on("/a", &received), [0, 1, 2, 3], "{came:?}");
    publisher.publish("/a", 4, None).await;
    let came = async {
        while received_on("/a", &node.received.all.lock().clone()).len() < 5 {
            node.received.changed.notified().await;
        }
    };
    tokio::time::timeout(WATCHDOG, came).await.expect("the next one is delivered");
}

/// Redis has lost the state of a partition and not its histories, as by an eviction, and its clock is behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_outlives_the_state_of_its_partition_goes_on() {
    let redis = crate::support::redis::Redis::start();
    let (node, publisher) = (Node::on(&redis).await, Node::publishing_to(&redis.url()));
    publish_ahead_of_the_clock(&redis, &node).await;
    let seen = |replay: &Replay| replay.publications.iter().map(|one| data(one)).collect::<Vec<_>>();
    assert_eq!(redis.ask(&format!("DEL {}", key_of("/a"))), ":1\r\n");
    publisher.publish("/a", 2, KEPT).await;
    assert_eq!(seen(&publisher.replay("/a", 0).await), [0, 1, 2]);
    // The index too: the history has to begin again.
    assert_eq!(redis.ask(&format!("DEL {0} {0}:recent", key_of("/a"))), ":2\r\n");
    let third = Node::publishing_to(&redis.url());
    third.publish("/a", 3, KEPT).await;
    assert_eq!(seen(&third.replay("/a", 0).await), [3]);
    let received = node.received.wait_for(4).await;
    assert_eq!(received_on("/a", &received), [0, 1, 2, 3]);
}

const LARGE: Option<History> = Some(History { messages: 20_000, age: Duration::from_secs(3600) });

async fn a_position_of_the_future_is_lost(nodes: &[Node]) {
    nodes[0].publish("/future", 1, KEPT).await;
    let newest = nodes[0].replay("/future", 0).await.publications[0].position().unwrap().offset;
    assert!(nodes[0].replay("/future", newest).await.is_complete);
    assert!(!nodes[0].replay("/future", newest + 1).await.is_complete);
}

/// Publications in between may not have been kept.
async fn a_change_of_the_rules_is_not_complete(nodes: &[Node]) {
    let node = &nodes[0];
    node.publish("/rules", 1, KEPT).await;
    let first = number(&node.replay("/rules", 0).await.publications[0]);
    node.broker.set_rules(7);
    node.publish("/rules", 2, None).await;
    node.broker.set_rules(8);
    node.publish("/rules", 3, KEPT).await;
    let replay = node.replay("/rules", first).await;
    assert_eq!((data(&replay.publications[0]), replay.is_complete), (3, false));
    let last = number(&replay.publications[0]);
    node.publish("/rules", 4, KEPT).await;
    let replay = node.replay("/rules", last).await;
    assert_eq!((data(&replay.publications[0]), replay.is_complete), (4, true));
    nodes.iter().for_each(|node| node.broker.set_rules(8));
}

/// Another channel of the same partition.
fn neighbour(channel: &str) -> String {
    let is_neighbour = |name: &String| Partition::of(name) == Partition::of(channel);
    (0..).map(|number| format!("/busy{number}")).find(is_neighbour).unwrap()
}

async fn a_quiet_channel_next_to_a_busy_one_is_complete(nodes: &[Node]) {
    let (node, age) = (&nodes[0], Duration::from_millis(50));
    let rule = Some(History { messages: 10, age });
    node.publish("/quiet", 1, rule).await;
    let seen = number(&node.replay("/quiet", 0).await.publications[0]);
    let busy = neighbour("/quiet");
    let watching = async {
        while !node.replay_of("/quiet", 0, age).await.publications.is_empty() {
            node.publish(&busy, 1, LARGE).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(WATCHDOG, watching).await.expect("it gets too old");
    node.publish(&busy, 2, LARGE).await;
    assert!(node.replay_of("/quiet", seen, age).await.is_complete);
    assert!(!node.replay_of("/quiet", seen - 1, age).await.is_complete);
}

async fn more_than_ten_thousand_publications_are_complete(nodes: &[Node]) {
    const COUNT: usize = 10_001;
    let node = &nodes[0];
    node.publish("/many/0", 0, LARGE).await;
    let first = number(&node.replay("/many/0", 0).await.publications[0]);
    let publish = |count: usize| async move { node.publish("/many/0", count, LARGE).await };
    for chunk in (1..=COUNT).collect::<Vec<_>>().chunks(500) {
        futures_util::future::join_all(chunk.iter().map(|count| publish(*count))).await;
    }
    let replay = nodes.last().unwrap().replay("/many/0", first).await;
    let all: Vec<_> = replay.publications.iter().map(|one| data(one)).collect();
    assert_eq!((all.len(), replay.is_complete), (COUNT, true));
    assert!(all.is_sorted());
    // A pattern reads several channels of a partition.
    node.publish("/many/1", 0, LARGE).await;
    let pattern = nodes.last().unwrap().replay("/many/*", 0).await;
    assert_eq!(pattern.publications.len(), COUNT + 2);
    let of_first = pattern.publications.iter().filter(|one| one.channel() == "/many/0");
    assert!(of_first.map(|one| number(one)).is_sorted());
}

async fn more_than_sixteen_megabytes_are_complete(nodes: &[Node]) {
    let node = &nodes[0];
    node.publish("/large", 0, LARGE).await;
    let first = number(&node.replay("/large", 0).await.publications[0]);
    let text = "x".repeat(900_000);
    for count in 1..=20 {
        let object = format!("{{\"channel\":\"/large\",\"data\":{count},\"text\":\"{text}\"}}");
        let publication = Publication::encoded("/large", None, object.as_bytes());
        let options = PublishOptions {
            history: LARGE,
            overflow: Overflow::DropNewest,
            ack: Ack::Cluster,
            appended: None,
        };
        node.broker.publish(publication, options, &mut ()).outcome().await.unwrap();
    }
    let replay = nodes.last().unwrap().replay("/large", first).await;
    assert_eq!((replay.publications.len(), replay.is_complete), (20, true));
}

/// What Redis has lost is not complete: with all keys, with those of the partition, or with the list of its channels.
#[tokio::test(flavor = "multi_thread")]
async fn what_redis_has_lost_is_not_complete() {
    let redis = crate::support::redis::Redis::start();
    let node = Node::on(&redis).await;
    for lost in
        ["FLUSHALL".to_owned(), format!("DEL {}", key_of("/a")), format!("DEL {}:recent", key_of("/a"))]
    {
        node.publish("/a", 1, KEPT).await;
        node.publish("/a", 2, KEPT).await;
        let kept = node.replay("/a", 0).await;
        let (first, second) = (number(&kept.publications[0]), number(kept.publications.last().unwrap()));
        assert!(node.replay("/a", second).await.is_complete, "{lost}");
        redis.ask(&lost);
        assert!(!node.replay("/a", first).await.is_complete, "{lost}: at once");
        node.publish("/a", 3, KEPT).await;
        assert!(!node.replay("/a", first).await.is_complete, "{lost}: and later");
        let newest = number(node.replay("/a", 0).await.publications.last().unwrap());
        assert!(node.replay("/a", newest).await.is_complete, "{lost}");
        assert!(newest > second + 10_000 || lost.ends_with("recent"), "{lost}");
    }
}

/// Expired publications stay in a history until others are appended. More of them than a page has do not hide those behind.
#[tokio::test(flavor = "multi_thread")]
async fn expired_publications_do_not_hide_later_ones() {
    let redis = crate::support::redis::Redis::start();
    let (node, age) = (Node::on(&redis).await, Duration::from_secs(1));
    let publishing = (0..1_200).map(|count| node.publish("/aged", count, LARGE));
    futures_util::future::join_all(publishing).await;
    let expired = async {
        while !node.replay_of("/aged", 0, age).await.publications.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(WATCHDOG, expired).await.expect("all of them expire");
    let found = async {
        // On a slow machine one expires before it is read.
        loop {
            node.publish("/aged", 1_200, LARGE).await;
            let replays = [node.replay_of("/aged", 0, age).await, node.replay_of("/*", 0, age).await];
            if replays.iter().all(|replay| !replay.publications.is_empty()) {
                return replays;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    for replay in tokio::time::timeout(WATCHDOG, found).await.expect("the later one is returned") {
        assert!(replay.publications.iter().all(|one| data(one) == 1_200));
        assert!(!replay.is_complete);
    }
}

/// A thousand clients that come back with the same cursor cost as much as one.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_replay_is_read_once() {
    let redis = crate::support::redis::Redis::start();
    let node = Node::on(&redis).await;
    for count in 0..3 {
        node.publish("/shared/a", count, KEPT).await;
    }
    let kept = node.replay("/shared/a", 0).await;
    // Redis has both scripts now.
    node.replay("/shared/*", 0).await;
    let (first, last) = (number(&kept.publications[0]), number(&kept.publications[2]));
    let (start, seen) = (PageStart::after(first), HashMap::new());
    for (pattern, scripts) in [("/shared/a", 1), ("/shared/**", 1)] {
        let request = PageRequest {
            partition: Partition::of("/shared/a"),
            pattern,
            start: &start,
            until: last,
            age: &|_| AGE,
            newest: None,
            seen: &seen,
            is_first: true,
            messages: 64,
            bytes: 256 * 1024,
        };
        let before = redis.calls_of("evalsha");
        let pages = futures_util::future::join_all((0..1_000).map(|_| node.broker.page(request))).await;
        // The pattern reads the list of channels, and shares the history with the channel if that was a moment ago.
        let cost = redis.calls_of("evalsha") - before;
        assert!((scripts..=2).contains(&cost), "{pattern}: {cost} scripts");
        for page in pages {
            let page = page.unwrap();
            assert_eq!(page.publications.iter().map(|one| data(one)).collect::<Vec<_>>(), [1, 2]);
            assert!(page.is_complete && page.next.is_none());
        }
    }
}

/// The list of channels expires if only channels without a history are busy. Who has seen the newest kept publication misses
/// nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_channels_that_expires_loses_nothing_behind_the_newest_kept() {
    let redis = crate::support::redis::Redis::start();
    let node = Node::on(&redis).await;
    node.publish("/a", 1, KEPT).await;
    node.publish("/a", 2, KEPT).await;
    let newest = number(&node.replay("/a", 0).await.publications[1]);
    node.publish("/a", 3, None).await;
    assert_eq!(redis.ask(&format!("PEXPIRE {}:recent 0", key_of("/a"))), ":1\r\n");
    for step in ["at once", "after the next publication"] {
        for pattern in ["/a", "/*"] {
            let partition = Partition::of("/a");
            let is_complete = async |after| {
                let (start, seen) = (PageStart::after(after), HashMap::new());
                let request = PageRequest {
                    partition,
                    pattern,
                    start: &start,
                    // No other read is shared.
                    until: (1 << 53) - 1 - SERIAL.fetch_add(1, Ordering::Relaxed),
                    age: &|_| AGE,
                    newest: None,
                    seen: &seen,
                    is_first: true,
                    messages: 64,
                    bytes: 256 * 1024,
                };
                node.broker.page(request).await.unwrap().is_complete
            };
            assert!(is_complete(newest).await, "{pattern} {step}");
            assert!(!is_complete(newest - 1).await, "{pattern} {step}");
        }
        node.publish("/a", 4, None).await;
    }
    node.publish("/a", 5, KEPT).await;
    let replay = node.replay("/a", newest).await;
    assert_eq!((data(&replay.publications[0]), replay.is_complete), (5, true));
    assert!(!node.replay("/a", newest - 1).await.is_complete);
}

/// Whether a node that receives what another publishes learns from the frame that a history has it. By its own rules, none has.
async fn tells_what_is_kept(from: &Node, to: &Node) -> bool {
    to.received.all.lock().clear();
    from.publish("/told", 1, KEPT).await;
    from.publish("/told", 2, None).await;
    let received = to.received.wait_for(2).await;
    assert!(!received[1].is_kept(), "it is in no history");
    received[0].is_kept()
}

/// An instance of the first version has a lease and no note of the format, and publishes frames of the first version. Both are
/// written here as it writes them; no old binary runs.
#[tokio::test(flavor = "multi_thread")]
async fn records_and_frames_of_the_first_version_are_understood_in_an_upgrade() {
    let redis = crate::support::redis::Redis::start();
    let nodes = [(); 2].map(|()| Node::probing(&redis.url(), Duration::from_millis(20)));
    for node in &nodes {
        node.join().await;
    }
    let becomes = async |is_told: bool| {
        let changed = async {
            while tells_what_is_kept(&nodes[0], &nodes[1]).await != is_told {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(WATCHDOG, changed).await.expect("the format changes");
    };
    becomes(true).await;
    // The last lease in milliseconds that Redis counts exactly.
    let old = "0123456789abcdef0123456789abcdef";
    assert_eq!(redis.ask(&format!("ZADD faye:{{nodes}} 9007199254740991 {old}")), ":1\r\n");
    becomes(false).await;

    // It publishes: its identifier, a counter, and each part behind its length.
    nodes[1].received.all.lock().clear();
    let newest = number(nodes[0].replay("/told", 0).await.publications.last().unwrap()) + 1;
    let epoch = redis.ask(&format!("HGET {} epoch", key_of("/told")));
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    let (channel, object) = (&b"/told"[..], &br#"{"channel":"/told","data":9}"#[..]);
    let part = |part: &[u8]| [&u32::try_from(part.len()).unwrap().to_be_bytes()[..], part].concat();
    let body = [&[7; 16][..], &1_u64.to_be_bytes(), &part(channel), &part(object)].concat();
    let key = key_of("/told");
    assert_eq!(redis.ask(&format!("HINCRBY {key} number 1")), format!(":{}\r\n", newest + 1));
    let line = format!("1 m {epoch} {}\n", newest + 1);
    let frame = hex(&[line.as_bytes(), &body].concat());
    assert_eq!(redis.ask(&format!("SPUBLISH {key}:publications \"{frame}\"")).trim(), ":2");
    let received = nodes[1].received.wait_for(1).await;
    assert_eq!((data(&received[0]), received[0].is_kept()), (9, false));

    // It has gone.
    assert_eq!(redis.ask(&format!("ZREM faye:{{nodes}} {old}")), ":1\r\n");
    becomes(true).await;
    assert!(nodes.iter().all(|node| node.metrics.redis.malformed.get() == 0));
}
