//! Writes the seeds that are easier made than typed: `cargo run --example seeds` in this folder.

use std::fs;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use homing_wire::{
    Ack, Close, CloseCode, FactKind, FactReceipt, Frame, GoAway, HeartbeatConfig, HeartbeatInterval, Hello, Ping, Pong,
    Probe, Push, Recall, Skip, SkipReason, Up, UpAck, Welcome, encode,
};

fn id(byte: u8) -> Bytes {
    Bytes::copy_from_slice(&[byte; 16])
}

fn hello() -> Hello {
    Hello {
        device: id(1),
        app: "demo".into(),
        epoch: 7,
        last_seq: 3,
        conn_seq: 4,
        key_id: 1,
        credential_generation: 1,
        auth: id(2),
        network_hash: 9,
        sdk: "rust/0.1".into(),
        window: 32,
        feed_offset: 5,
        reads_feed: true,
    }
}

fn push(seq: u64) -> Push {
    let payload = Bytes::from_static("{\"notification\":{\"title\":\"到账 💰\"}}".as_bytes());
    Push { seq, message: id(seq as u8), accepted_ms: 1_000, expires_ms: 9_000, payload, ..Push::default() }
}

fn heartbeat() -> HeartbeatConfig {
    let interval = HeartbeatInterval { initial: 55_000, minimum: 25_000, maximum: 240_000 };
    HeartbeatConfig { interval: Some(interval), idle_factor_percent: 150 }
}

fn ack(seq: u64) -> Ack {
    Ack {
        seq,
        receipts: vec![FactReceipt { message: id(5), kind: FactKind::Opened as i32, at_ms: 2_000 }],
        feed_offset: 0,
    }
}

/// What a device sends on a good day.
fn of_device() -> Vec<Frame> {
    vec![
        hello().into(),
        ack(4).into(),
        Ping { ack: Some(ack(5)), probe_after_ms: 30_000, next_ms: 55_000 }.into(),
        Up { id: 1, topic: "chat".into(), payload: Bytes::from_static(b"hi") }.into(),
        Close { code: CloseCode::Normal as i32, ..Close::default() }.into(),
    ]
}

/// What a gateway sends on a good day.
fn of_gateway() -> Vec<Frame> {
    let go_away = GoAway { spread_ms: 5_000, address: "b.example:443".into() };
    vec![
        Welcome { epoch: 7, lo: 4, hi: 9, heartbeat: Some(heartbeat()), server_ms: 1_500, ..Welcome::default() }.into(),
        push(4).into(),
        Skip { to_seq: 6, reason: SkipReason::Collapsed as i32, count: 2 }.into(),
        push(7).into(),
        push(0).into(),
        Push { feed_offset: 6, ..push(0) }.into(),
        Pong { observed: "192.0.2.1:5000".into(), go_away: Some(go_away.clone()), heartbeat: None, feed_offset: 9 }
            .into(),
        Probe {}.into(),
        Recall { message: id(4), seq: 5, recall: id(6), feed_offset: 0 }.into(),
        UpAck { id: 1, code: 0 }.into(),
        heartbeat().into(),
        go_away.into(),
        Close { code: CloseCode::Superseded as i32, retry_after_ms: 100, detail: 5 }.into(),
    ]
}

fn write(target: &str, name: &str, first: u8, frames: &[Frame]) {
    let mut buffer = BytesMut::new();
    for frame in frames {
        encode(frame, &mut buffer);
    }
    write_bytes(target, name, &[&[first], buffer.as_ref()].concat());
}

fn write_bytes(target: &str, name: &str, content: &[u8]) {
    let folder = Path::new("seeds").join(target);
    fs::create_dir_all(&folder).expect("the folder of seeds can be made");
    fs::write(folder.join(name), content).expect("a seed can be written");
}

fn main() {
    for (index, frame) in of_device().into_iter().chain(of_gateway()).enumerate() {
        write("wire_frames", &format!("frame-{index:02}"), 255, &[frame]);
    }
    write("wire_frames", "device", 3, &of_device());
    write("wire_frames", "gateway", 1, &of_gateway());
    // Scripts: every step of a world in turn, in a few strides.
    for target in ["link_client", "link_server"] {
        for stride in [1_u8, 3, 7, 11] {
            let script: Vec<u8> = (0..=255_u8).map(|index| index.wrapping_mul(stride) % 48).collect();
            write_bytes(target, &format!("stride-{stride:02}"), &script);
        }
    }
}
