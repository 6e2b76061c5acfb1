//! Strangers and vendors that mean harm, over real sockets: what they send is refused with what it deserves, takes no more memory
//! than it may, and disturbs nobody else.

mod answers;
mod player;
mod receipts;
mod sockets;
mod vendor_words;
mod web_push;
