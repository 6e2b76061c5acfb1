//! Which Rust type is which type of attribute.

use std::collections::HashSet;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::Blob;
use bytes::Bytes;
use homing_domain::{AppId, AudienceId, BatchId, DeviceId, MessageId, ShardId, UnixMillis, UserHash, UserId};

use super::Item;

/// A type that one attribute can hold.
pub(crate) trait Value: Sized {
    /// As an attribute.
    fn into_value(self) -> AttributeValue;
    /// From an attribute; `None` when it holds something else.
    fn from_value(value: AttributeValue) -> Option<Self>;
}

/// Bytes, from whatever owns or copies them.
pub(crate) fn binary(bytes: impl Into<Vec<u8>>) -> Blob {
    Blob::new(bytes)
}

/// Seconds since 1970, as the time to live of an item has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seconds(pub(crate) u64);

macro_rules! numbers {
    ($($number:ty)+) => {
        $(
            impl Value for $number {
                fn into_value(self) -> AttributeValue {
                    AttributeValue::N(self.to_string())
                }

                fn from_value(value: AttributeValue) -> Option<Self> {
                    value.as_n().ok()?.parse().ok()
                }
            }
        )+
    };
}

numbers! { u8 u16 u32 u64 i64 i128 usize }

macro_rules! wrapped_numbers {
    ($($wrapper:ident)+) => {
        $(
            impl Value for $wrapper {
                fn into_value(self) -> AttributeValue {
                    self.0.into_value()
                }

                fn from_value(value: AttributeValue) -> Option<Self> {
                    Value::from_value(value).map(Self)
                }
            }
        )+
    };
}

wrapped_numbers! { UnixMillis Seconds }

macro_rules! ids {
    ($($id:ident)+) => {
        $(
            impl Value for $id {
                fn into_value(self) -> AttributeValue {
                    binary(*self.as_bytes()).into_value()
                }

                fn from_value(value: AttributeValue) -> Option<Self> {
                    Self::from_slice(value.as_b().ok()?.as_ref())
                }
            }
        )+
    };
}

ids! { AudienceId BatchId DeviceId MessageId ShardId }

macro_rules! names {
    ($($name:ident)+) => {
        $(
            impl Value for $name {
                fn into_value(self) -> AttributeValue {
                    AttributeValue::S(self.as_str().to_owned())
                }

                fn from_value(value: AttributeValue) -> Option<Self> {
                    value.as_s().ok()?.parse().ok()
                }
            }
        )+
    };
}

names! { AppId UserId }

/// Eight bytes, in the order of the number.
impl Value for UserHash {
    fn into_value(self) -> AttributeValue {
        self.0.to_be_bytes().into_value()
    }

    fn from_value(value: AttributeValue) -> Option<Self> {
        Value::from_value(value).map(|bytes| Self(u64::from_be_bytes(bytes)))
    }
}

/// An attribute as it came.
impl Value for AttributeValue {
    fn into_value(self) -> Self {
        self
    }

    fn from_value(value: Self) -> Option<Self> {
        Some(value)
    }
}

impl Value for Blob {
    fn into_value(self) -> AttributeValue {
        AttributeValue::B(self)
    }

    fn from_value(value: AttributeValue) -> Option<Self> {
        if let AttributeValue::B(blob) = value { Some(blob) } else { None }
    }
}

impl Value for Bytes {
    fn into_value(self) -> AttributeValue {
        binary(self).into_value()
    }

    fn from_value(value: AttributeValue) -> Option<Self> {
        Blob::from_value(value).map(|blob| Self::from(blob.into_inner()))
    }
}

impl<const N: usize> Value for [u8; N] {
    fn into_value(self) -> AttributeValue {
        binary(self).into_value()
    }

    fn from_value(value: AttributeValue) -> Option<Self> {
        value.as_b().ok()?.as_ref().try_into().ok()
    }
}

impl Value for String {
    fn into_value(self) -> AttributeValue {
        AttributeValue::S(self)
    }

    fn from_value(value: AttributeValue) -> Option<Self> {
        if let AttributeValue::S(text) = value { Some(text) } else { None }
    }
}

impl Value for bool {
    fn into_value(self) -> AttributeValue {
        AttributeValue::Bool(self)
    }

    fn from_value(value: AttributeValue) -> Option<Self> {
        value.as_bool().ok().copied()
    }
}

/// A map.
impl Value for Item {
    fn into_value(self) -> AttributeValue {
        AttributeValue::M(self)
    }

    fn from_value(value: AttributeValue) -> Option<Self> {
        if let AttributeValue::M(map) = value { Some(map) } else { None }
    }
}

/// A list.
impl<V: Value> Value for Vec<V> {
    fn into_value(self) -> AttributeValue {
        AttributeValue::L(self.into_iter().map(Value::into_value).collect())
    }

    fn from_value(value: AttributeValue) -> Option<Self> {
        let AttributeValue::L(values) = value else { return None };
        values.into_iter().map(V::from_value).collect()
    }
}

/// A set of bytes. DynamoDB has no empty sets: an empty one is a missing attribute.
impl Value for HashSet<Vec<u8>> {
    fn into_value(self) -> AttributeValue {
        AttributeValue::Bs(self.into_iter().map(Blob::new).collect())
    }

    fn from_value(value: AttributeValue) -> Option<Self> {
        let AttributeValue::Bs(blobs) = value else { return None };
        Some(blobs.into_iter().map(Blob::into_inner).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comes_back<V: Value + Clone + PartialEq + std::fmt::Debug>(value: V) {
        assert_eq!(V::from_value(value.clone().into_value()), Some(value));
    }

    #[test]
    fn every_type_comes_back() {
        comes_back(u64::MAX);
        comes_back(i64::MIN);
        comes_back(UnixMillis::NEVER);
        comes_back(MessageId::from_bytes([7; 16]));
        comes_back(UserHash(1 << 63));
        comes_back("shop".parse::<AppId>().unwrap());
        comes_back("lin".parse::<UserId>().unwrap());
        comes_back(Bytes::from_static(b"\0\xff"));
        comes_back(String::from("券"));
        comes_back(true);
        comes_back(vec![[1_u8; 8], [2; 8]]);
        comes_back(HashSet::from([vec![1_u8], vec![2]]));
        comes_back(Item::from([("a".to_owned(), 1_u64.into_value())]));
    }

    #[test]
    fn another_type_is_nothing() {
        assert_eq!(u64::from_value(AttributeValue::S("1".to_owned())), None);
        assert_eq!(u8::from_value(AttributeValue::N("256".to_owned())), None);
        assert_eq!(<[u8; 8]>::from_value([1_u8; 7].into_value()), None);
        assert_eq!(Vec::<u64>::from_value(vec![true].into_value()), None);
        assert_eq!(AppId::from_value(AttributeValue::S("-".to_owned())), None);
    }
}
