//! The contract of the store: cases that run on every database.

#![cfg(feature = "store")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails there")]

mod place;
#[path = "../support/postgres.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod server;

mod deliveries;
mod entries;
mod feeds;
mod fetches;
mod follow;
mod kills;
mod outages;
mod postgres;
mod requests;
mod sqlite;
mod sweeps;
mod times;

use place::Kind;

/// The cases, one test for each case and database.
macro_rules! contract {
    (@on $database:ident, $kind:expr, $($theme:ident: $($case:ident)+;)+) => {
        mod $database {
            use super::*;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    $theme::$case(&place::Place::new($kind).await).await;
                }
            )+)+
        }
    };
    ($($theme:ident: $($case:ident)+;)+) => {
        contract!(@on on_a_file, Kind::File, $($theme: $($case)+;)+);
        contract!(@on in_memory, Kind::Memory, $($theme: $($case)+;)+);
        contract!(@on on_postgres, Kind::Postgres, $($theme: $($case)+;)+);
    };
}

contract! {
    requests:
        a_verified_request_begins_a_subscription
        a_newer_request_replaces_a_waiting_one
        a_refused_request_changes_nothing
        a_new_secret_counts_when_it_is_verified
        a_poorer_request_downgrades_nothing
        an_unsubscription_leaves_a_waiting_subscription
        a_request_waits_for_the_verification_of_an_older_one
        an_unsubscription_is_verified_too
        an_unknown_subscription_is_ended_like_any
        a_check_comes_before_the_verification
        a_topic_that_was_found_to_name_the_hub_needs_no_check
        a_denied_request_is_told
        a_denied_request_leaves_the_subscription
        a_topic_that_is_no_longer_accepted_ends
        a_retried_request_waits
        a_postponed_request_counts_no_attempt
        busy_hosts_are_left_out_of_requests
        an_expired_claim_of_a_request_is_lost
        a_request_may_be_claimed_by_the_caller
        bounds_are_kept
        strangers_do_not_use_up_the_bounds
        a_finished_request_makes_room
        texts_of_subscribers_are_kept_byte_for_byte
        a_status_tells_each_state;
    fetches:
        a_ping_makes_a_topic_due
        a_ping_of_an_unknown_topic_is_ignored
        a_ping_during_a_fetch_makes_the_topic_due_again
        a_ping_waits_for_its_delay
        new_content_is_queued_for_all
        unchanged_content_is_not_queued
        a_failed_fetch_is_tried_again
        a_postponed_fetch_counts_no_attempt
        contents_are_compressed_and_bounded
        hosts_take_turns_and_busy_ones_are_left_out_of_fetches
        a_fetch_that_fails_for_good_denies_the_waiting
        an_expired_claim_of_a_fetch_is_lost
        one_topic_is_claimed_by_name
        a_publication_is_queued_without_a_fetch;
    deliveries:
        a_delivered_row_is_gone
        a_newer_version_replaces_a_waiting_one
        a_newer_version_waits_for_the_claimed_one
        a_claimed_delivery_is_not_claimed_again
        an_expired_claim_of_a_delivery_is_lost
        readers_that_a_callback_reports_count
        a_retried_delivery_waits_and_counts
        a_delivery_that_is_given_up_leaves_the_subscription
        a_gone_callback_ends_the_subscription
        busy_hosts_are_left_out_of_deliveries
        claims_are_bounded
        content_is_kept_while_a_delivery_waits
        operators_make_deliveries_due
        operators_see_pages_of_topics_and_subscriptions
        workers_are_notified
        concurrent_claims_are_disjoint;
    feeds:
        feeds_of_the_settings_are_those_that_are_followed
        an_operator_adds_and_removes_feeds
        a_feed_that_is_added_again_has_its_entries
        additions_of_feeds_are_counted_exactly
        feeds_are_due_by_the_rates_of_the_settings
        a_feed_is_known_to_be_one_until_its_url_changes
        topics_are_those_of_subscriptions_at_a_hub
        a_purge_deletes_entries
        a_fetch_during_a_purge_is_a_backfill
        a_page_before_the_first_feed_is_no_backfill
        a_feed_without_entries_is_a_backfill
        a_poll_that_is_asked_for_is_due;
    follow:
        a_new_feed_is_due
        a_feed_without_a_hub_is_polled
        a_failed_fetch_counts_and_waits
        an_expired_claim_of_a_feed_is_lost
        a_poll_during_a_fetch_makes_the_feed_due_again
        hubs_of_a_feed_are_asked_for_subscriptions
        a_verified_subscription_is_active
        a_verification_before_the_reply_counts
        a_request_that_is_not_verified_is_sent_again
        a_hub_that_never_verifies_is_taken_to_push
        a_failed_request_is_tried_again
        an_older_hub_gets_a_token
        a_hub_that_refuses_leaves_the_feed_polled
        a_hub_that_denies_leaves_the_feed_polled
        a_renewal_begins_with_a_fetch
        a_renewal_goes_on_after_a_failed_fetch
        a_hub_that_is_no_longer_named_is_told
        a_topic_that_has_changed_is_subscribed_to
        an_operator_subscribes_a_feed_again
        a_push_without_content_makes_the_feed_due
        missed_entries_make_a_hub_unreliable
        a_removed_feed_ends_its_subscriptions
        an_end_that_is_not_verified_is_not_waited_for
        a_lease_that_is_over_is_requested_again
        an_unknown_callback_has_no_subscription
        old_entries_are_swept_and_do_not_come_back
        entries_beyond_the_bound_are_swept
        a_removed_feed_is_swept_when_nothing_is_left
        claims_of_feeds_are_given_back_when_a_store_closes;
    entries:
        new_entries_are_numbered_from_the_oldest
        a_known_entry_is_no_event
        a_changed_entry_is_an_event
        a_tombstone_deletes_an_entry
        a_rewritten_feed_is_no_event
        an_event_that_waits_is_published_after_a_backfill
        a_date_in_the_future_keeps_no_version_out
        the_first_fetch_is_not_published
        entries_that_are_older_than_the_backfill_never_become_new
        an_entry_stands_where_it_was_published
        an_entry_that_is_only_dated_as_updated_stands_there
        entries_are_read_in_pages
        entries_of_few_feeds_among_many_are_read_in_order
        raw_contents_are_read_apart
        one_instance_publishes_at_a_time
        odd_texts_of_entries_are_kept
        one_batch_has_a_key_once
        a_removed_feed_gets_no_entries
        publishers_are_notified;
    sweeps:
        a_lease_ends
        a_legacy_subscription_is_verified_again
        a_renewal_that_is_refused_ends_the_subscription
        a_renewal_that_is_denied_ends_the_subscription
        topics_without_subscriptions_are_removed
        a_check_that_was_forgotten_becomes_due
        counts_agree_with_the_rows
        claims_are_given_back_when_a_store_closes;
}

// Cases that change the times in the database from outside, as if time had passed.
contract! {
    @on on_a_file_later, Kind::File,
    times:
        a_fetch_follows_the_delay_of_the_last_ping
        a_check_leaves_a_delayed_ping
        a_synchronous_check_leaves_a_delayed_ping
        pings_use_up_no_retries
        misses_within_an_hour_count_once
        a_found_link_forgets_the_misses
        a_clock_that_goes_back_delays_no_ping;
}
contract! {
    @on on_postgres_later, Kind::Postgres,
    times:
        a_fetch_follows_the_delay_of_the_last_ping
        a_check_leaves_a_delayed_ping
        a_synchronous_check_leaves_a_delayed_ping
        pings_use_up_no_retries
        misses_within_an_hour_count_once
        a_found_link_forgets_the_misses
        a_clock_that_goes_back_delays_no_ping;
}
