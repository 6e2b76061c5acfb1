//! A device that asks where to connect.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use homing_device_sdk::{Device, Inbox, MemoryState, Route, Router, Status, Transports, Trust};
use homing_wire::{Frame, GoAway};

use crate::fake::{Gateway, Listens, QUICK, identity};

/// Answers what it was told last, and counts.
#[derive(Clone, Default)]
struct Board(Arc<Mutex<(Option<Vec<Route>>, usize)>>);

impl Board {
    fn show(&self, gateways: &[&Gateway]) {
        self.0.lock().unwrap().0 = Some(gateways.iter().map(|gateway| gateway.route()).collect());
    }

    fn is_silent(&self) {
        self.0.lock().unwrap().0 = None;
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().1
    }
}

impl Router for Board {
    fn routes(&self) -> Pin<Box<dyn Future<Output = Option<Vec<Route>>> + Send + '_>> {
        Box::pin(async {
            let mut board = self.0.lock().unwrap();
            board.1 += 1;
            board.0.clone()
        })
    }
}

async fn start(first: &Gateway, others: &[&Gateway], board: &Board) -> (Device, Inbox) {
    let certificates = [first].iter().chain(others).map(|gateway| gateway.certificate.clone()).collect();
    let builder = Device::builder(identity(), first.route())
        .router(board.clone())
        .transports(Transports::new(Trust::Only(certificates)).unwrap())
        .backoff(QUICK);
    builder.start(MemoryState::new()).await.unwrap()
}

#[tokio::test]
async fn it_leaves_a_dead_gateway_for_the_one_that_is_named() {
    let mut one = Gateway::start(Listens::Both).await;
    let mut two = Gateway::start(Listens::Both).await;
    let board = Board::default();
    board.show(&[&one, &two]);
    let (device, _inbox) = start(&one, &[&two], &board).await;
    let peer = one.welcome().await;
    assert!(device.wait_for(Status::is_connected).await);
    board.show(&[&two]);
    drop(peer);
    drop(one);
    assert_eq!(two.welcome().await.hello.conn_seq, 2);
    assert_eq!(board.asked(), 2);
}

#[tokio::test]
async fn it_goes_away_to_where_the_router_says_while_the_old_link_still_runs() {
    let mut one = Gateway::start(Listens::Both).await;
    let mut two = Gateway::start(Listens::Both).await;
    let board = Board::default();
    board.show(&[&one]);
    let (device, _inbox) = start(&one, &[&two], &board).await;
    let mut old = one.welcome().await;
    assert!(device.wait_for(Status::is_connected).await);
    board.show(&[&two]);
    old.send([Frame::from(GoAway { spread_ms: 0, address: String::new() })]).await;
    assert_eq!(two.welcome().await.hello.conn_seq, 2);
    old.gone().await;
}

#[tokio::test]
async fn the_second_gateway_is_tried_when_the_first_cannot_be_reached() {
    let gone = Gateway::start(Listens::Only(homing_device_sdk::Transport::Tcp)).await;
    let mut here = Gateway::start(Listens::Both).await;
    let board = Board::default();
    board.show(&[&here]);
    let dead = Route::new("127.0.0.1", 9).with_server_name("localhost");
    board.0.lock().unwrap().0.as_mut().unwrap().insert(0, dead);
    let (_device, _inbox) = start(&gone, &[&here], &board).await;
    assert_eq!(here.welcome().await.hello.conn_seq, 1);
    assert_eq!(board.asked(), 1, "one question, two tries");
}

#[tokio::test]
async fn without_an_answer_it_tries_what_it_knows() {
    let mut one = Gateway::start(Listens::Both).await;
    let board = Board::default();
    board.is_silent();
    let (_device, _inbox) = start(&one, &[], &board).await;
    assert_eq!(one.welcome().await.hello.conn_seq, 1);
}
