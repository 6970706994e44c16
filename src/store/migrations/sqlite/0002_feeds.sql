-- Times are milliseconds since 1970, durations milliseconds, and truth values 0 or 1.

-- Row 0 is the state; the lock on row 1 orders additions of feeds, so that they are counted.
CREATE TABLE feed_state (
  id BIGINT NOT NULL PRIMARY KEY,
  -- The number of the last event. The lock on the row orders the commits of events.
  seq BIGINT NOT NULL,
  -- The instance that publishes entries, and the end of its claim.
  publish_claim BIGINT,
  publish_until BIGINT NOT NULL
);
INSERT INTO feed_state (id, seq, publish_claim, publish_until) VALUES (0, 0, NULL, 0), (1, 0, NULL, 0);

-- An operation that locks rows of several tables takes row 1 of feed_state first, then those of feeds, feed_subscriptions,
-- feed_state (row 0) and entries.
CREATE TABLE feeds (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  url TEXT NOT NULL,
  hub TEXT,
  -- The interval of the description; -1 is never.
  poll BIGINT,
  username TEXT,
  password TEXT,
  is_public BIGINT NOT NULL,
  title TEXT,
  -- config or store
  source TEXT NOT NULL,
  state TEXT NOT NULL,
  found_title TEXT,
  site TEXT,
  topic TEXT,
  -- Where the last content was, after redirects; its validators count there only.
  content_url TEXT,
  etag TEXT,
  last_modified TEXT,
  body BLOB,
  -- When the fetch is due. While it is claimed: when the claim ends.
  poll_due BIGINT,
  poll_claim BIGINT,
  -- Whether the feed is due again at the end of the claim: 0, 1, or 2 because of a push.
  poll_again BIGINT NOT NULL DEFAULT 0,
  poll_attempts BIGINT NOT NULL DEFAULT 0,
  poll_interval BIGINT,
  is_pushed BIGINT NOT NULL DEFAULT 0,
  is_backfilled BIGINT NOT NULL DEFAULT 0,
  -- Whether the URL had a feed once, so that a page is an error there.
  is_feed BIGINT NOT NULL DEFAULT 0,
  -- Whether an operator asks for new subscriptions.
  is_resubscribed BIGINT NOT NULL DEFAULT 0,
  is_unreliable BIGINT NOT NULL DEFAULT 0,
  missed BIGINT NOT NULL DEFAULT 0,
  missed_polls BIGINT NOT NULL DEFAULT 0,
  active_since BIGINT,
  -- When the feed was last subscribed again because of missed entries.
  resubscribed_at BIGINT,
  pushed_at BIGINT,
  polled_at BIGINT,
  entry_at BIGINT,
  failure TEXT,
  -- Entries that are shown, and rows of entries that are not.
  entries BIGINT NOT NULL DEFAULT 0,
  hidden BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX feeds_due ON feeds (poll_due) WHERE poll_due IS NOT NULL;
CREATE INDEX feeds_removed ON feeds (id) WHERE state = 'removed';

CREATE TABLE feed_subscriptions (
  id INTEGER PRIMARY KEY,
  feed_id BIGINT NOT NULL REFERENCES feeds (id) ON DELETE CASCADE,
  -- As the feed names it.
  hub TEXT NOT NULL,
  topic TEXT NOT NULL,
  callback TEXT NOT NULL UNIQUE,
  secret TEXT NOT NULL,
  verify_token TEXT,
  -- subscribe or unsubscribe
  mode TEXT NOT NULL,
  -- requested, active, unverified or denied
  state TEXT NOT NULL,
  -- Whether a request was claimed, so that the hub may know the subscription.
  is_sent BIGINT NOT NULL DEFAULT 0,
  -- When the request to the hub is due. While it is claimed: when the claim ends.
  call_due BIGINT,
  call_claim BIGINT,
  call_attempts BIGINT NOT NULL DEFAULT 0,
  -- Until when the verification of an accepted request is waited for, and how often that was too short in a row.
  wait_until BIGINT,
  waits BIGINT NOT NULL DEFAULT 0,
  lease_until BIGINT,
  -- When the feed is fetched so that the subscription can be requested again, and whether that fetch is under way.
  renew_at BIGINT,
  is_renewed BIGINT NOT NULL DEFAULT 0,
  denials BIGINT NOT NULL DEFAULT 0,
  failure TEXT,
  -- When it was no longer wanted.
  ended_at BIGINT
);
CREATE UNIQUE INDEX feed_subscriptions_hub ON feed_subscriptions (feed_id, hub) WHERE mode = 'subscribe';
CREATE INDEX feed_subscriptions_feed ON feed_subscriptions (feed_id);
CREATE INDEX feed_subscriptions_due ON feed_subscriptions (call_due) WHERE call_due IS NOT NULL;
CREATE INDEX feed_subscriptions_wait ON feed_subscriptions (wait_until) WHERE wait_until IS NOT NULL;
CREATE INDEX feed_subscriptions_renewal ON feed_subscriptions (renew_at) WHERE renew_at IS NOT NULL;
CREATE INDEX feed_subscriptions_lease ON feed_subscriptions (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX feed_subscriptions_end ON feed_subscriptions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE entries (
  id INTEGER PRIMARY KEY,
  -- The number of the last event.
  seq BIGINT NOT NULL UNIQUE,
  uuid TEXT NOT NULL UNIQUE,
  feed_id BIGINT NOT NULL REFERENCES feeds (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  -- In hexadecimal.
  fingerprint TEXT NOT NULL,
  updated BIGINT,
  published BIGINT,
  shown_at BIGINT NOT NULL,
  first_seen BIGINT NOT NULL,
  -- created, updated, deleted; or swept: only the key is left, so that the entry is not new again.
  change TEXT NOT NULL,
  via TEXT NOT NULL,
  kind TEXT NOT NULL,
  is_shown BIGINT NOT NULL,
  is_published BIGINT NOT NULL,
  sanitiser BIGINT NOT NULL,
  base TEXT,
  body TEXT NOT NULL,
  html TEXT,
  raw TEXT,
  UNIQUE (feed_id, key)
);
CREATE INDEX entries_unpublished ON entries (seq) WHERE is_published = 0;
CREATE INDEX entries_shown ON entries (shown_at, uuid) WHERE is_shown = 1;
CREATE INDEX entries_of_feed ON entries (feed_id, shown_at, uuid) WHERE is_shown = 1;
CREATE INDEX entries_events ON entries (feed_id, seq);
CREATE INDEX entries_hidden ON entries (feed_id, seq) WHERE is_shown = 0;
