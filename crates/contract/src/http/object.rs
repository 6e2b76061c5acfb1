//! Requests are JSON objects. What serde derives would also take a list of the fields' values in their order, which nobody
//! means: `{"audience": [["a"]]}` is a mistake.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, MapAccess, Visitor};

/// Implements serde's traits for a type that derives them with `#[serde(remote = "Self")]`, reading objects only.
macro_rules! only_objects {
    ($name:ident) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                $crate::http::object::read::<D, Self>(from)
            }
        }

        impl<'de> $crate::http::object::FromObject<'de> for $name {
            fn from_object<A: serde::de::MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
                Self::deserialize(serde::de::value::MapAccessDeserializer::new(object))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                Self::serialize(self, to)
            }
        }
    };
}

/// A type whose derived reading takes objects and lists.
pub(crate) trait FromObject<'de>: Sized {
    fn from_object<A: MapAccess<'de>>(object: A) -> Result<Self, A::Error>;
}

/// Reads an object, and nothing else.
pub(crate) fn read<'de, D: Deserializer<'de>, T: FromObject<'de>>(from: D) -> Result<T, D::Error> {
    struct Objects<T>(PhantomData<T>);

    impl<'de, T: FromObject<'de>> Visitor<'de> for Objects<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::from_object(map)
        }
    }

    from.deserialize_map(Objects(PhantomData))
}

#[cfg(test)]
mod tests {
    use crate::http::v1::{BindUser, PushRequest};

    #[test]
    fn lists_are_not_objects() {
        let error = serde_json::from_str::<BindUser>(r#"["u"]"#).unwrap_err().to_string();
        assert!(error.starts_with("invalid type: sequence, expected an object"), "{error}");
        for body in [r#"{"audience":[["a"]]}"#, r#"{"audience":{"all":true},"notification":["t"]}"#] {
            assert!(serde_json::from_str::<PushRequest>(body).is_err(), "{body}");
        }
        assert!(serde_json::from_str::<PushRequest>(r#"{"audience":{"all":true},"notification":null}"#).is_ok());
    }
}
