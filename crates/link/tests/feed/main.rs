//! Both ends of a link over the log of a feed, while links break at any byte, devices restart and reads fail: each message
//! reaches the app once, in the order of offsets, as a plain list says.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the whole binary is tests, and a test stops at the first surprise"
)]

mod world;

use std::collections::BTreeSet;

use homing_domain::MessageId;
use proptest::prelude::*;
use world::{Told, World};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A message for this device, or one for others.
    Bring {
        is_for_device: bool,
    },
    /// A message that takes the last one back.
    Recall,
    /// The last message is stopped.
    Stop,
    /// A message for the mailbox.
    Enqueue,
    /// The gateway hears of what is new.
    Hint,
    /// The store answers the oldest question, or fails.
    Answer {
        fails: bool,
    },
    /// So many bytes arrive.
    Down {
        bytes: usize,
    },
    Up {
        bytes: usize,
    },
    /// The device's disk is done.
    Write,
    /// So many milliseconds pass.
    Pass {
        millis: u64,
    },
    /// The link breaks, and what is under way is lost. The device may be gone with it, and all that is not on its disk.
    Break {
        restarts: bool,
    },
    Connect,
    /// The last message comes by the vendor's channel.
    Vendor,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => any::<bool>().prop_map(|is_for_device| Step::Bring { is_for_device }),
        1 => Just(Step::Recall),
        1 => Just(Step::Stop),
        2 => Just(Step::Enqueue),
        3 => Just(Step::Hint),
        6 => proptest::bool::weighted(0.2).prop_map(|fails| Step::Answer { fails }),
        6 => (1_usize..200).prop_map(|bytes| Step::Down { bytes }),
        6 => (1_usize..40).prop_map(|bytes| Step::Up { bytes }),
        4 => Just(Step::Write),
        3 => (1_u64..2_000).prop_map(|millis| Step::Pass { millis }),
        1 => any::<bool>().prop_map(|restarts| Step::Break { restarts }),
        2 => Just(Step::Connect),
        1 => Just(Step::Vendor),
    ]
}

fn run(steps: &[Step], keeps_offset: bool, window: u32) -> World {
    let mut world = World::new(keeps_offset, window);
    for step in steps {
        match *step {
            Step::Bring { is_for_device } => world.bring(is_for_device, false),
            Step::Recall => world.bring(true, true),
            Step::Stop => world.stop(),
            Step::Enqueue => world.enqueue(),
            Step::Hint => world.hint(),
            Step::Answer { fails } => world.answer(fails),
            Step::Down { bytes } => world.down(bytes),
            Step::Up { bytes } => world.up(bytes),
            Step::Write => world.write(),
            Step::Pass { millis } => world.pass(millis),
            Step::Break { restarts } => world.break_off(restarts),
            Step::Connect => world.connect(),
            Step::Vendor => world.vendor(),
        }
    }
    world.settle();
    world
}

/// What the app heard, compared with the list of what was brought.
fn check(world: &World) -> Result<(), TestCaseError> {
    let heard: Vec<_> = world.heard.iter().map(|(message, _)| *message).collect();
    let once: BTreeSet<_> = heard.iter().copied().collect();
    prop_assert_eq!(once.len(), heard.len(), "each once: {:?}", heard);
    let expected = world.brought.iter().filter(|entry| entry.is_for_device && !entry.is_stopped);
    for entry in expected {
        prop_assert!(once.contains(&entry.message), "{:?} did not come", entry);
    }
    for message in &world.enqueued {
        prop_assert!(once.contains(message), "{:?} of the mailbox did not come", message);
    }
    let offset = |message| world.brought.iter().find(|entry| entry.message == message);
    let by_link: Vec<_> = world.heard.iter().filter(|(_, told)| *told == Told::ByLink).collect();
    let in_feed: Vec<_> = by_link.iter().filter_map(|(message, _)| offset(*message)).collect();
    prop_assert!(in_feed.iter().all(|entry| entry.is_for_device), "none is another's");
    prop_assert!(in_feed.is_sorted_by_key(|entry| entry.offset), "{:?}", in_feed);
    Ok(())
}

proptest! {
    #[test]
    fn each_message_comes_once_and_in_order(
        steps in proptest::collection::vec(step(), 1..250),
        window in 1_u32..9,
    ) {
        let world = run(&steps, true, window);
        check(&world)?;
        let head = world.log.head();
        prop_assert_eq!(world.offset(), head, "the device is where the feed is");
        let counted: BTreeSet<_> = world.counted.iter().copied().collect();
        prop_assert_eq!(counted.len(), world.counted.len(), "none is counted twice");
        let is_brought = |message: &MessageId| world.brought.iter().any(|entry| entry.message == *message && entry.is_for_device);
        prop_assert!(counted.iter().all(is_brought));
        prop_assert!(world.ended.iter().all(|message| world.enqueued.contains(message)), "receipts are of the mailbox");
    }

    /// It gets everything again on each link, and knows it by its ids.
    #[test]
    fn a_device_of_the_last_release_gets_each_once_too(
        steps in proptest::collection::vec(step(), 1..250),
        window in 1_u32..9,
    ) {
        let world = run(&steps, false, window);
        check(&world)?;
        prop_assert_eq!(&world.counted, &vec![], "nobody knows whether it was counted before");
        prop_assert_eq!(world.offset(), 0);
    }
}
