-- Times are milliseconds since 1970, durations milliseconds, and truth values 0 or 1.

-- Sums of rows, so that a bound costs no scan. A transaction adds to one shard; the sum of all shards counts.
CREATE TABLE counters (
  shard BIGINT NOT NULL PRIMARY KEY,
  topics BIGINT NOT NULL,
  subscriptions BIGINT NOT NULL,
  -- Unfinished ones.
  requests BIGINT NOT NULL,
  -- Bytes of contents, as they are stored.
  contents BIGINT NOT NULL DEFAULT 0,
  probed_at BIGINT NOT NULL
);

CREATE TABLE topics (
  id INTEGER PRIMARY KEY,
  url TEXT NOT NULL UNIQUE,
  authority TEXT NOT NULL GENERATED ALWAYS AS
    (substr(substr(url, instr(url, '://') + 3), 1, instr(substr(url, instr(url, '://') + 3) || '/', '/') - 1)) VIRTUAL,
  -- Without a port and without a dot at its end.
  host TEXT NOT NULL GENERATED ALWAYS AS
    (rtrim(CASE WHEN substr(authority, 1, 1) = '[' THEN substr(authority, 1, instr(authority, ']'))
      ELSE substr(authority, 1, instr(authority || ':', ':') - 1) END, '.')) STORED,
  version BIGINT NOT NULL,
  etag TEXT,
  last_modified TEXT,
  fingerprint BLOB,
  -- When the fetch is due. While it is claimed: when the claim ends.
  fetch_due BIGINT,
  fetch_claim BIGINT,
  -- When the next fetch is due that was asked for during a claim, and its distance to that one.
  fetch_again BIGINT,
  -- The latest time for which a fetch was asked. If the next fetch is earlier, another one follows at this time.
  fetch_last BIGINT,
  fetch_gap BIGINT NOT NULL,
  fetch_attempts BIGINT NOT NULL,
  is_pinged BIGINT NOT NULL,
  fetched_at BIGINT,
  failure TEXT,
  -- When the topic was last found to name the hub, how often in a row it was found not to, and when the last such
  -- result counted.
  validated_at BIGINT,
  misses BIGINT NOT NULL,
  missed_at BIGINT,
  -- Since when the topic may be without subscriptions.
  unused_at BIGINT
);
CREATE INDEX topics_due ON topics (fetch_due, host) WHERE fetch_due IS NOT NULL;
CREATE INDEX topics_unused ON topics (unused_at) WHERE unused_at IS NOT NULL;

-- Content that deliveries wait for.
CREATE TABLE contents (
  topic_id BIGINT NOT NULL PRIMARY KEY REFERENCES topics (id) ON DELETE CASCADE,
  version BIGINT NOT NULL,
  content_type TEXT,
  hubs TEXT NOT NULL,
  self_url TEXT,
  -- Whether the body is compressed (zlib), and its bytes here.
  is_packed BIGINT NOT NULL,
  size BIGINT NOT NULL,
  body BLOB NOT NULL
);

CREATE TABLE subscriptions (
  id INTEGER PRIMARY KEY,
  topic_id BIGINT NOT NULL REFERENCES topics (id),
  callback TEXT NOT NULL,
  host TEXT NOT NULL,
  topic_spelt TEXT NOT NULL,
  secret BLOB,
  signature TEXT NOT NULL,
  lease BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  -- When a subscription made with hub.verify is verified again.
  renew_at BIGINT,
  is_legacy BIGINT NOT NULL,
  verify_token BLOB,
  token TEXT NOT NULL UNIQUE,
  failures BIGINT NOT NULL,
  failure TEXT,
  -- For how many readers the subscriber takes the content, as it last reported.
  readers BIGINT NOT NULL DEFAULT 1,
  UNIQUE (topic_id, callback)
);
CREATE INDEX subscriptions_host ON subscriptions (host);
CREATE INDEX subscriptions_expiry ON subscriptions (expires_at);
CREATE INDEX subscriptions_renewal ON subscriptions (renew_at) WHERE renew_at IS NOT NULL;

CREATE TABLE requests (
  id INTEGER PRIMARY KEY,
  mode TEXT NOT NULL,
  -- check, verify or deny; without work: refused, denied or ended.
  stage TEXT NOT NULL,
  topic TEXT NOT NULL,
  topic_spelt TEXT NOT NULL,
  callback TEXT NOT NULL,
  host TEXT NOT NULL,
  secret BLOB,
  signature TEXT NOT NULL,
  lease BIGINT NOT NULL,
  is_legacy BIGINT NOT NULL,
  is_renewal BIGINT NOT NULL,
  verify_token BLOB,
  token TEXT NOT NULL,
  -- When the request is due. While it is claimed: when the claim ends. Without work: when the row is removed.
  due_at BIGINT NOT NULL,
  claim BIGINT,
  attempts BIGINT NOT NULL,
  reason TEXT,
  created_at BIGINT NOT NULL,
  -- Whether an older request of the same mode is being verified, and this one waits for the result.
  is_queued BIGINT NOT NULL DEFAULT 0,
  -- The address of the client, or its network; empty if the hub made the request.
  client TEXT NOT NULL DEFAULT '',
  UNIQUE (topic, callback, mode, is_queued)
);
CREATE INDEX requests_queued ON requests (topic, callback) WHERE is_queued = 1;
CREATE INDEX requests_token ON requests (token);
CREATE INDEX requests_due ON requests (due_at, host) WHERE stage IN ('verify', 'deny');
CREATE INDEX requests_check ON requests (topic) WHERE stage = 'check';
CREATE INDEX requests_host ON requests (host, is_renewal) WHERE stage IN ('check', 'verify', 'deny');
CREATE INDEX requests_client ON requests (client, host) WHERE stage IN ('check', 'verify', 'deny');
CREATE INDEX requests_old ON requests (due_at) WHERE stage IN ('refused', 'denied', 'ended');

-- Finished rows are deleted.
CREATE TABLE deliveries (
  subscription_id INTEGER PRIMARY KEY REFERENCES subscriptions (id) ON DELETE CASCADE,
  topic_id BIGINT NOT NULL,
  version BIGINT NOT NULL,
  host TEXT NOT NULL,
  -- When the delivery is due. While it is claimed: when the claim ends.
  due_at BIGINT NOT NULL,
  claim BIGINT,
  attempts BIGINT NOT NULL,
  queued_at BIGINT NOT NULL
);
CREATE INDEX deliveries_due ON deliveries (due_at, host);
CREATE INDEX deliveries_topic ON deliveries (topic_id);

INSERT INTO counters (shard, topics, subscriptions, requests, probed_at)
VALUES (0, 0, 0, 0, 0), (1, 0, 0, 0, 0), (2, 0, 0, 0, 0), (3, 0, 0, 0, 0),
       (4, 0, 0, 0, 0), (5, 0, 0, 0, 0), (6, 0, 0, 0, 0), (7, 0, 0, 0, 0);
