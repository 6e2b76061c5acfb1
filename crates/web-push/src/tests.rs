use aws_lc_rs::aead::Aad;
use proptest::prelude::*;

use crate::encoding::{decode_exactly, encode};
use crate::schedule::{FIXED_HEADER_BYTES, Parties, Schedule};
use crate::{
    DeviceKeys, Error, PLAINTEXT_MAX_BYTES, RECORDS_MAX, Subscription, SubscriptionKeys, decrypt, encrypt, vapid,
};

const PLAINTEXT: &[u8] = b"When I grow up, I want to be a watermelon";
const SENDER: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
const DEVICE: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
const DEVICE_PUBLIC: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
const SALT: &str = "DGv6ra1nlYgDCS1FRnbzlw";
const BODY: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    decode_exactly(text).unwrap()
}

fn device() -> DeviceKeys {
    DeviceKeys::from_private(&bytes(DEVICE), bytes(AUTH)).unwrap()
}

/// Encrypts in records of any size, each padded, as another sender might.
fn in_records(plaintext: &[u8], size: usize, padding: usize) -> Vec<u8> {
    let keys = device();
    let sender = crate::public_of_private(&bytes(SENDER)).unwrap();
    let (device_public, salt) = (keys.public(), bytes(SALT));
    let parties = Parties { device: &device_public, sender: &sender, auth: keys.auth() };
    let schedule = Schedule::agree(&bytes(SENDER), &device_public, &parties, &salt).unwrap();
    let mut body = [&salt[..], &u32::try_from(size).unwrap().to_be_bytes(), &[65], &sender].concat();
    let parts: Vec<&[u8]> = plaintext.chunks(size - 17 - padding).collect();
    for (number, part) in parts.iter().enumerate() {
        let last = number + 1 == parts.len();
        let mut record = [part, &[if last { 2 } else { 1 }][..], &vec![0; padding]].concat();
        let nonce = schedule.nonce(u32::try_from(number).unwrap());
        schedule.key.seal_in_place_append_tag(nonce, Aad::empty(), &mut record).unwrap();
        body.extend(record);
    }
    body
}

#[test]
fn appendix_a_of_rfc_8291_both_ways() {
    let keys = SubscriptionKeys::parse(DEVICE_PUBLIC, AUTH).unwrap();
    let body = encrypt(PLAINTEXT, &keys, &bytes(SENDER), bytes(SALT)).unwrap();
    assert_eq!(encode(&body), BODY);
    assert_eq!(decrypt(&body, &device()).unwrap(), PLAINTEXT);
    assert_eq!(device().subscription_keys(), keys);
}

#[test]
fn the_longest_plaintext_makes_4096_bytes_and_one_more_is_refused() {
    let keys = device().subscription_keys();
    let longest = vec![0_u8; PLAINTEXT_MAX_BYTES];
    let body = encrypt(&longest, &keys, &bytes(SENDER), bytes(SALT)).unwrap();
    assert_eq!((PLAINTEXT_MAX_BYTES, body.len()), (3_993, 4_096));
    assert_eq!(decrypt(&body, &device()).unwrap(), longest);
    assert_eq!(encrypt(&[0; PLAINTEXT_MAX_BYTES + 1], &keys, &bytes(SENDER), bytes(SALT)), Err(Error::TooLarge));
}

#[test]
fn every_truncation_and_every_flipped_bit_is_an_error() {
    let body = encrypt(PLAINTEXT, &device().subscription_keys(), &bytes(SENDER), bytes(SALT)).unwrap();
    for length in 0..body.len() {
        assert!(decrypt(&body[..length], &device()).is_err(), "{length} bytes");
    }
    for bit in 0..body.len() * 8 {
        let mut changed = body.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        match decrypt(&changed, &device()) {
            Err(_) => {}
            // RFC 8188 does not authenticate the record size, and one record fits many sizes.
            Ok(plaintext) => assert!((16..20).contains(&(bit / 8)) && plaintext == PLAINTEXT, "bit {bit}"),
        }
    }
    assert_eq!(decrypt(&[&body[..], &[0]].concat(), &device()), Err(Error::Undecryptable));
    let other = DeviceKeys::from_private(&bytes(SENDER), bytes(AUTH)).unwrap();
    assert_eq!(decrypt(&body, &other), Err(Error::Undecryptable));
}

#[test]
fn records_may_be_small_many_and_padded() {
    let body = in_records(PLAINTEXT, 25, 3);
    assert_eq!(decrypt(&body, &device()).unwrap(), PLAINTEXT);
    // A body that ends after a record that is not the last says that there is more.
    let header = FIXED_HEADER_BYTES + 65;
    for records in 0..PLAINTEXT.len().div_ceil(5) {
        assert!(decrypt(&body[..header + records * 25], &device()).is_err(), "{records} records");
    }
    let most = vec![7; RECORDS_MAX as usize];
    assert_eq!(decrypt(&in_records(&most, 18, 0), &device()).unwrap(), most);
    let more = vec![7; RECORDS_MAX as usize + 1];
    assert_eq!(decrypt(&in_records(&more, 18, 0), &device()), Err(Error::TooLarge));
}

#[test]
fn keys_that_are_none_are_refused() {
    let mut off_curve = bytes::<65>(DEVICE_PUBLIC);
    off_curve[64] ^= 1;
    assert_eq!(SubscriptionKeys::parse(&encode(&off_curve), AUTH), Err(Error::Key("p256dh")));
    assert_eq!(SubscriptionKeys::parse(DEVICE_PUBLIC, "c2hvcnQ"), Err(Error::Key("auth")));
    assert_eq!(SubscriptionKeys::parse("?", AUTH), Err(Error::Key("p256dh")));
    for none in [[0; 32], [0xff; 32]] {
        assert!(DeviceKeys::from_private(&none, [0; 16]).is_err());
        assert!(vapid::sign(&none, "https://push.example", "mailto:a@b.c", 1).is_err());
    }
    let shown = format!("{:?}{:?}", device(), device().subscription_keys());
    assert!(!shown.contains(DEVICE) && !shown.contains(AUTH), "{shown}");
}

#[test]
fn subscriptions_are_read_and_written() {
    let json =
        format!(r#"{{"endpoint":"https://push.example/x","keys":{{"p256dh":"{DEVICE_PUBLIC}","auth":"{AUTH}"}}}}"#);
    assert_eq!(Subscription::parse(&json).unwrap().to_json(), json);
    let padded = json.replace(AUTH, &format!("{AUTH}==")).replace("\"keys\"", "\"expirationTime\":null,\"keys\"");
    assert_eq!(Subscription::parse(&padded).unwrap().to_json(), json);
    for wrong in ["", "{}", r#"{"endpoint":"https://a.b"}"#, &json.replace("https://push.example/x", "")] {
        assert!(matches!(Subscription::parse(wrong), Err(Error::Subscription(_))), "{wrong}");
    }
    assert_eq!(Subscription::parse(&" ".repeat(5_000)), Err(Error::Subscription("too long")));
}

#[test]
fn an_identification_holds_for_its_audience_and_its_time() {
    let (audience, now) = ("https://push.example.net", 1_767_225_600);
    let header = vapid::sign(&bytes(SENDER), audience, "mailto:ops@example.com", now + 43_200).unwrap();
    let public = crate::public_of_private(&bytes(SENDER)).unwrap();
    assert!(header.starts_with("vapid t=") && header.ends_with(&format!(", k={}", encode(&public))), "{header}");
    assert_eq!(vapid::verify(&header, audience, now), Ok(public));
    assert_eq!(vapid::verify(&header.replace("vapid ", "Vapid   ").replace(", ", ","), audience, now), Ok(public));
    assert_eq!(vapid::verify(&header, "https://push.example", now), Err(Error::Audience));
    assert_eq!(vapid::verify(&header, audience, now + 43_200), Err(Error::Expiry));
    assert_eq!(vapid::verify(&header, audience, now - 43_201), Err(Error::Expiry));
    let other = encode(&device().public());
    let forged = header.replace(&encode(&public), &other);
    assert_eq!(vapid::verify(&forged, audience, now), Err(Error::Signature));
}

#[test]
fn no_changed_byte_of_an_identification_passes() {
    let (audience, now) = ("https://push.example.net", 1_767_225_600);
    let header = vapid::sign(&bytes(SENDER), audience, "mailto:ops@example.com", now + 60).unwrap();
    for at in "vapid t=".len()..header.len() {
        // The letters' case bit: base64url stays base64url, so that the signature is what refuses it.
        let mut changed = header.clone().into_bytes();
        changed[at] ^= 0x20;
        let changed = String::from_utf8(changed).unwrap();
        assert!(vapid::verify(&changed, audience, now).is_err(), "byte {at}: {changed}");
        let (truncated, _) = header.split_at(at);
        assert!(vapid::verify(truncated, audience, now).is_err(), "{at} bytes");
    }
    for none in ["", "vapid", "vapid ", "Bearer t=a.b.c, k=d", "vapid t=, k=", "vapid k=x", "vapid t=a.b.c"] {
        assert!(vapid::verify(none, audience, now).is_err(), "{none}");
    }
}

proptest! {
    #[test]
    fn what_is_encrypted_is_decrypted_by_the_device_alone(
        plaintext in proptest::collection::vec(any::<u8>(), 0..=PLAINTEXT_MAX_BYTES),
        (device, sender, auth, salt) in any::<([u8; 32], [u8; 32], [u8; 16], [u8; 16])>(),
    ) {
        let keys = DeviceKeys::from_private(&device, auth);
        prop_assume!(keys.is_ok());
        let keys = keys.unwrap();
        prop_assume!(crate::public_of_private(&sender).is_ok());
        let body = encrypt(&plaintext, &keys.subscription_keys(), &sender, salt).unwrap();
        prop_assert_eq!(decrypt(&body, &keys).unwrap(), plaintext);
        let mut other = auth;
        other[0] ^= 1;
        prop_assert_eq!(decrypt(&body, &DeviceKeys::from_private(&device, other).unwrap()), Err(Error::Undecryptable));
    }

    #[test]
    fn whatever_comes_is_read_without_a_panic(body in proptest::collection::vec(any::<u8>(), 0..400), header in ".{0,200}") {
        prop_assert!(decrypt(&body, &device()).is_err());
        let header = ["vapid ", &header].concat();
        prop_assert!(vapid::verify(&header, "https://push.example", 0).is_err());
        prop_assert!(Subscription::parse(&header).is_err());
    }
}
