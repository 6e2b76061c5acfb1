use super::*;

const NOW: UnixMillis = UnixMillis(1_000_000);

fn lesson(network_hash: u64, transport: Transport, proven: Millis) -> Lesson {
    Lesson { network_hash, transport, learned: Learned { proven, ..Learned::default() } }
}

#[test]
fn transports_of_a_network_are_known_apart() {
    let mut networks = Networks::default();
    networks.apply(lesson(7, Transport::Quic, 100));
    networks.apply(lesson(7, Transport::Tcp, 900));
    networks.apply(lesson(0, Transport::Tcp, 300));
    let proven = |hash, transport| networks.learned(hash, transport).proven;
    assert_eq!([proven(7, Transport::Quic), proven(7, Transport::Tcp), proven(0, Transport::Tcp)], [100, 900, 300]);
    assert_eq!([proven(0, Transport::Quic), proven(8, Transport::Quic)], [0, 0]);
    let mut again = Networks::default();
    networks.lessons().for_each(|lesson| again.apply(lesson));
    assert_eq!(again, networks);
}

#[test]
fn the_network_that_was_away_for_the_longest_time_gives_way() {
    let mut networks = Networks::default();
    for hash in 1..=64 {
        networks.apply(lesson(hash, Transport::Quic, hash));
    }
    assert_eq!(networks.visit(1, Transport::Quic), Some(lesson(1, Transport::Quic, 1)), "to be kept, for the order");
    assert_eq!(networks.visit(1, Transport::Quic), None, "it is the last already");
    assert_eq!(networks.visit(99, Transport::Quic), None, "nothing is known of it");
    networks.apply(lesson(65, Transport::Quic, 65));
    let proven = |hash| networks.learned(hash, Transport::Quic).proven;
    assert_eq!([proven(1), proven(2), proven(3), proven(65)], [1, 0, 3, 65]);
    assert_eq!(networks.lessons().count(), NETWORKS_MAX);
}

fn verdict(suspicion: &mut Suspicion, networks: &mut Networks) -> Option<Millis> {
    suspicion.verdict(5, networks, NOW).and_then(|lesson| lesson.learned.failed).map(|failed| failed.silence)
}

#[test]
fn a_link_that_died_at_a_longer_silence_than_was_proven_teaches_at_the_next_connection() {
    let mut networks = Networks::default();
    networks.apply(lesson(5, Transport::Tcp, 280_000));
    let mut suspicion = Suspicion::default();
    suspicion.raise(5, 297_500);
    assert_eq!(verdict(&mut suspicion, &mut networks), Some(297_500));
    assert_eq!(networks.learned(5, Transport::Tcp).proven, 280_000);
    assert_eq!(verdict(&mut suspicion, &mut networks), None, "once");
}

#[test]
fn a_network_that_is_away_teaches_nothing_nor_does_another_one() {
    let mut networks = Networks::default();
    let mut suspicion = Suspicion::default();
    suspicion.raise(5, 270_000);
    suspicion.network_is_away();
    assert_eq!(verdict(&mut suspicion, &mut networks), None);
    suspicion.raise(6, 270_000);
    assert_eq!(verdict(&mut suspicion, &mut networks), None);
    assert_eq!(networks, Networks::default());
}

#[test]
fn what_was_proven_is_given_up_after_two_deaths_in_a_row() {
    let mut networks = Networks::default();
    networks.apply(lesson(5, Transport::Tcp, 280_000));
    let mut suspicion = Suspicion::default();
    for answered in [true, false] {
        suspicion.raise(5, 238_000);
        assert_eq!(verdict(&mut suspicion, &mut networks), None);
        if answered {
            suspicion.disprove(5, Transport::Tcp);
        }
    }
    suspicion.raise(5, 238_000);
    assert_eq!(verdict(&mut suspicion, &mut networks), Some(238_000));
    assert_eq!(networks.learned(5, Transport::Tcp).proven, 0);
}
