//! The flags of `simulate`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::{KeyArguments, ServerArguments, TransportChoice};

/// Simulated devices of an app, of which some hold a link.
#[derive(Debug, Args)]
pub struct SimulateArguments {
    /// Devices registered
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub devices: u32,
    /// Devices among them that hold a link; the others stay away
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub links: u32,
    /// Which transport; auto = half of them each
    #[arg(long, value_enum, default_value_t = TransportChoice::Auto)]
    pub transport: TransportChoice,
    /// The first so many devices get a user each: user-0, user-1, …
    #[arg(long, default_value_t = 0)]
    pub users: u32,
    /// A tag, and how many of a thousand devices have it; may be repeated
    #[arg(long = "tag", value_name = "NAME:PER-THOUSAND")]
    pub tags: Vec<TagShare>,
    /// Where devices.jsonl (who they are) and arrivals.jsonl (what their apps heard) are written
    #[arg(long, default_value = ".", value_name = "DIRECTORY")]
    pub directory: PathBuf,
    #[command(flatten)]
    pub key: KeyArguments,
    #[command(flatten)]
    pub server: ServerArguments,
}

/// A tag and how many of a thousand devices have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagShare {
    /// The tag.
    pub name: String,
    /// Of a thousand devices.
    pub per_thousand: u32,
}

impl FromStr for TagShare {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, share) = text.rsplit_once(':').ok_or("a tag is written NAME:PER-THOUSAND, like vip:50")?;
        match share.parse() {
            Ok(per_thousand) if per_thousand <= 1_000 && !name.is_empty() => {
                Ok(Self { name: name.to_owned(), per_thousand })
            }
            _ => Err("a share is a number from 0 to 1000".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_name_and_a_number() {
        assert_eq!("vip:50".parse(), Ok(TagShare { name: "vip".to_owned(), per_thousand: 50 }));
        assert_eq!("a:b:1000".parse(), Ok(TagShare { name: "a:b".to_owned(), per_thousand: 1_000 }));
        for wrong in ["vip", "vip:", ":5", "vip:1001", "vip:-1"] {
            assert!(wrong.parse::<TagShare>().is_err(), "{wrong}");
        }
    }
}
