//! One suite for every broker: in memory, on Redis, and on a Redis Cluster of three masters.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::support::WATCHDOG;
use bytes::Bytes;
use faye_server::bayeux::{Partition, Publication};
use faye_server::broker::{Broker, Deliver, Memory, PublishOptions, Recent, Redis, Replay, Span};
use faye_server::cluster::{RequestHandler, Rpc};
use faye_server::config::{self, Ack, History, HistoryStore, Overflow};
use faye_server::metrics::Metrics;
use faye_server::redis::{Client, NodeId};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The publications that a node received.
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
}

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
        let url = Some(config::Secret::from(url));
        // Nothing but what the tests do shall reach Redis.
        let probe = Duration::from_secs(600);
        let settings = config::Redis { url, probe, deadline: WATCHDOG, ..config::Redis::default() };
        let (received, metrics) = (Arc::<Received>::default(), Metrics::default());
        let client = Arc::new(Client::new(&settings, metrics.clone()).unwrap());
        let handler: RequestHandler =
            Arc::new(|_, request| Box::pin(async move { [b"received ", &request[..]].concat() }));
        let rpc = Arc::new(Rpc::new(Arc::clone(&client), handler));
        let receiving = Arc::clone(&rpc);
        let on_rpc = Arc::new(move |payload: &[u8]| receiving.receive(payload));
        let id = client.me();
        let broker = Arc::new(Redis::new(client, 1 << 20, Arc::clone(&received), on_rpc));
        let mut tasks = tokio::task::JoinSet::new();
        broker.run(&mut tasks);
        Self { broker: Broker::Redis(broker), received, metrics, rpc: Some((rpc, id)), _tasks: tasks }
    }

    async fn join(&self) {
        assert!(self.broker.join(std::iter::once("/**")).await, "the partitions are not joined");
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

    async fn replay(&self, channel: &str, since: u64) -> Replay {
        self.broker.replay(channel, since).await.unwrap()
    }
}

fn number(publication: &Publication) -> u64 {
    publication.position().expect("it has a place").offset
}

fn data(publication: &Publication) -> usize {
    let text = std::str::from_utf8(publication.object()).unwrap();
    text.rsplit(':').next().unwrap().trim_end_matches('}').parse().unwrap()
}

/// All that any broker has to do.
async fn suite(nodes: &[Node]) {
    everybody_hears_everything_once_in_one_order(nodes).await;
    history_is_kept_by_count_and_a_replay_says_whether_it_is_complete(nodes).await;
    history_is_kept_by_age(nodes).await;
    the_newest_of_a_history_come_first_within_bounds(nodes).await;
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
    assert!(last.replay("/kept", 0).await.is_complete, "nothing was there");
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
    let rule = Some(History { messages: 10, age: Duration::from_millis(50) });
    let node = &nodes[0];
    node.publish("/short", 1, rule).await;
    let watching = async {
        while !node.replay("/short", 0).await.publications.is_empty() {
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
