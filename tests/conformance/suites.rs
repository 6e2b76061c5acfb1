//! One suite per port.

pub(crate) mod apps;
pub(crate) mod audiences;
pub(crate) mod changes;
pub(crate) mod claims;
pub(crate) mod devices;
pub(crate) mod events;
pub(crate) mod feeds;
pub(crate) mod gateways;
pub(crate) mod ledger;
pub(crate) mod mailbox_races;
pub(crate) mod mailboxes;
pub(crate) mod messages;
pub(crate) mod notices;
pub(crate) mod overdue;
pub(crate) mod queue_dead_letters;
pub(crate) mod queues;
pub(crate) mod releases;
pub(crate) mod settings;
pub(crate) mod statistics;
pub(crate) mod throttles;
pub(crate) mod timers;
pub(crate) mod upstreams;
pub(crate) mod vendor_channels;
pub(crate) mod vendor_tokens;

/// Makes a test of each function of each suite for one adapter. With a list, of those in the list: for what only some adapters
/// promise.
macro_rules! suites {
    ($adapter:ty) => {
        suites! { $adapter:
            apps {
                create_is_once
                replace_names_the_revision_it_read
                pages_are_in_the_order_of_ids
                delete_may_be_repeated
            }
            settings {
                defaults_before_anything_was_set
                replace_names_the_revision_it_read
            }
            statistics {
                a_batch_is_added_once_per_app
                a_series_is_read_from_a_time_to_another
                every_number_comes_back
                versions_are_named_while_there_is_room
            }
            audiences {
                create_is_once
                every_field_comes_back
                an_apps_lists_come_in_pages
                members_are_on_a_list_once
                a_segment_begins_and_ends_where_its_keys_do
                what_is_finished_is_not_counted_again
                concurrent_uploads_lose_nobody
                who_is_a_member_is_answered_in_order
                a_list_whose_time_is_over_is_gone
                a_deleted_list_takes_no_members
            }
            changes {
                of_an_unknown_message_nothing_is_changed
                before_the_release
                while_it_runs
                as_many_holds_as_there_may_be
                everything_of_a_message_is_amended
                a_recurring_message_goes_from_time_to_time
                a_message_is_overdue_by_its_new_time
                held_parts_are_overdue_before_the_close
                concurrent_changes_all_hold
                of_cancel_and_release_one_wins
                of_amend_and_release_the_release_has_one_content
                changes_lose_no_segment
                a_recall_and_a_completion_both_hold
            }
            devices {
                create_is_once
                every_field_comes_back
                many_are_answered_in_order
                a_touch_is_no_change
                replace_names_the_revision_it_read
                the_user_index_follows_the_device
                devices_of_a_user_come_latest_first
                an_apps_devices_come_by_segment_and_page
                delete_takes_the_device_out_of_every_list
            }
            mailboxes {
                create_is_once
                a_device_without_a_mailbox
                enqueue_answers_in_order
                enqueue_repeats
                an_enqueue_says_whether_there_is_a_vendor
                every_kind_of_entry_comes_back
                a_takeover_says_when_the_device_was_seen
                take_over_is_fenced_by_the_connection_number
                the_owner_tombstones_trims_and_detaches
                a_fenced_owner_changes_nothing
                trim_elsewhere_changes_nothing
                withdraw_marks_or_buries
                bind_withdraws_what_was_for_another
                revoke_is_repeatable
                overflow_is_told_then_merged
            }
            mailbox_races {
                no_message_falls_between_takeover_and_enqueue
                a_vendor_and_enqueues_all_hold
                of_equal_takeovers_one_wins
                concurrent_enqueues_get_dense_numbers
            }
            messages {
                accept_is_once
                every_kind_of_audience_comes_back
                every_field_comes_back
                concurrent_accepts_of_one_id_have_one_winner
                an_apps_messages_come_newest_first_in_pages
                release_begins_once
                the_last_segment_releases
                a_shard_is_put_once
                every_field_of_a_target_comes_back
                every_delivery_policy_comes_back
                shards_come_in_pages
            }
            releases {
                what_may_enter_a_feed_does
                a_release_into_a_feed_begins_once
                the_message_is_judged_as_it_stands
                of_amend_and_release_the_feed_has_what_may_enter
                a_recurring_message_is_never_released
                what_is_in_a_feed_only_is_one_segment
            }
            feeds {
                an_offset_is_put_once
                every_field_comes_back
                entries_come_in_pages
                a_trim_leaves_the_head
                of_two_writers_one_puts
            }
            claims {
                a_claim_is_the_models
                a_row_that_is_there_keeps_what_it_has
                what_has_ended_is_not_claimed
                a_released_claim_is_free
                of_many_at_once_one_is_granted
            }
            overdue {
                an_accepted_message_until_it_moves_on
                a_scheduled_message_after_its_time
                a_released_message_from_its_expiry_until_it_is_completed
                they_come_in_the_order_of_their_time
            }
            ledger {
                the_first_end_wins_but_over_a_delivery
                a_row_with_many_receipts_is_answered_once
                every_field_of_a_row_comes_back
                a_batch_counts_once_per_message
                a_shards_targets_count_once
                concurrent_repeats_count_once
                deliveries_come_in_pages
                nothing_is_known_of_an_unknown_message
            }
            queues {
                what_is_sent_is_received_whole
                an_item_is_hidden_while_it_is_worked_on
                a_late_delete_works_until_the_next_receive
                a_void_handle_is_ignored
                a_delayed_item_waits
                a_retry_hides_for_its_delay
                receive_waits_for_the_first_item
                receive_gives_up_after_its_wait
                at_most_max_items_come
                queues_do_not_mix
                many_consumers_lose_nothing
            }
            queue_dead_letters {
                what_is_given_up_is_a_dead_letter_at_once
                a_void_handle_gives_nothing_up
                a_redriven_item_is_new
                redrive_of_nothing_is_nothing
                what_is_never_settled_is_given_up
            }
            timers {
                a_near_one_ticks
                a_far_one_ticks
                a_time_that_is_over_ticks_at_once
                setting_it_twice_is_harmless
            }
            events {
                every_kind_is_taken
                any_number_is_taken
            }
            notices {
                they_arrive_in_whole
                an_unknown_incarnation_swallows
                take_waits_for_the_first
            }
            gateways {
                a_lease_is_renewed
                an_older_incarnation_never_comes_back
                an_ended_lease_is_not_valid
            }
            vendor_channels {
                replace_names_the_revision_it_read
                of_many_at_once_one_replaces
                delete_may_be_repeated
                pages_are_in_the_order_of_apps_and_channels_names
            }
            throttles {
                replace_names_the_revision_it_read
                nobody_takes_what_another_took
            }
            vendor_tokens {
                the_last_who_reported_it_has_it
                a_claim_that_is_repeated_is_answered_the_same
                only_the_owner_releases
                tokens_do_not_mix
                of_many_at_once_each_is_told_of_another
            }
            upstreams {
                once_per_device_and_number
                they_are_read_on_from_a_position
                concurrent_repeats_are_stored_once
            }
        }
    };
    ($adapter:ty: $($suite:ident { $($test:ident)+ })+) => {
        $(
            mod $suite {
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $test() {
                        let installation = <$adapter as $crate::adapter::Adapter>::start().await;
                        $crate::suites::$suite::$test(&installation).await;
                    }
                )+
            }
        )+
    };
}
