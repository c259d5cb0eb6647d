//! Parses a run's outcome piece by piece while the response arrives, and never stores it completely. An outcome may list
//! thousands of objects, and the redirector's memory counts toward the memory limit of the step's container.

use std::fmt;
use std::io::{self, BufReader, Read};
use std::marker::PhantomData;

use gleaner_proto::message::{Created, Phase};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::failure::{Failure, Reason};
use crate::sidecar::Unread;

/// A part of a [`gleaner_proto::message::Outcome`], in the order in which the sidecar writes the parts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part<'a> {
    /// The phase, which is always the first part.
    Phase(Phase),
    Created(Created),
    /// The beginning of the result with this name.
    Result(&'a str),
    /// The next piece of the result's JSON text.
    ResultText(&'a str),
    Note(String),
}

/// Parses an outcome, and passes each part to `take`.
///
/// # Errors
/// Fails if the connection is interrupted, if the outcome is malformed, or if `take` fails.
pub(crate) fn read(
    body: &mut dyn Read,
    take: &mut dyn FnMut(Part<'_>) -> Result<(), Failure>,
) -> Result<(), Unread> {
    let mut reading = Reading {
        take,
        phase: None,
        failure: None,
    };
    let mut deserializer = serde_json::Deserializer::from_reader(BufReader::new(body));
    let read = deserializer
        .deserialize_map(&mut reading)
        .and_then(|()| deserializer.end());
    match (read, reading.failure) {
        (Ok(()), _) => Ok(()),
        (Err(_), Some(failure)) => Err(Unread::Failed(failure)),
        (Err(error), None) if error.is_io() => Err(Unread::Interrupted(io::Error::from(error))),
        (Err(error), None) => {
            let message = format!(
                "the sidecar's response cannot be parsed ({error}); use a redirector and a sidecar of the same version"
            );
            Err(Unread::Failed(Failure::new(Reason::SidecarAnswer, message)))
        }
    }
}

struct Reading<'t> {
    take: &'t mut dyn FnMut(Part<'_>) -> Result<(), Failure>,
    phase: Option<Phase>,
    failure: Option<Failure>,
}

/// The name of a field in an outcome.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Field {
    Phase,
    Resources,
    Results,
    Notes,
    #[serde(other)]
    Other,
}

// === impl Reading ===

impl Reading<'_> {
    /// Passes a part to the caller's function. If the function fails, stores the failure in `self.failure`; the returned error
    /// only makes the parser stop.
    fn take<E: Error>(&mut self, part: Part<'_>) -> Result<(), E> {
        (self.take)(part).map_err(|failure| {
            self.failure = Some(failure);
            E::custom("")
        })
    }
}

impl<'de> Visitor<'de> for &mut Reading<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("struct Outcome")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key()? {
            match field {
                Field::Phase => {
                    let phase = map.next_value()?;
                    self.phase = Some(phase);
                    self.take(Part::Phase(phase))?;
                }
                Field::Other => drop(map.next_value::<IgnoredAny>()?),
                _ if self.phase.is_none() => {
                    return Err(A::Error::custom("`phase` is not the first field"));
                }
                Field::Resources => map.next_value_seed(Each::new(self, Part::Created))?,
                Field::Results => map.next_value_seed(Results(self))?,
                Field::Notes => map.next_value_seed(Each::new(self, Part::Note))?,
            }
        }
        match self.phase {
            Some(_) => Ok(()),
            None => Err(A::Error::missing_field("phase")),
        }
    }
}

/// A deserializer for a list. It converts each element to a part, and passes the part to the caller's function.
struct Each<'r, 't, T> {
    reading: &'r mut Reading<'t>,
    part: fn(T) -> Part<'static>,
    element: PhantomData<T>,
}

impl<'r, 't, T> Each<'r, 't, T> {
    fn new(reading: &'r mut Reading<'t>, part: fn(T) -> Part<'static>) -> Self {
        Self {
            reading,
            part,
            element: PhantomData,
        }
    }
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Each<'_, '_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Each<'_, '_, T> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element()? {
            self.reading.take((self.part)(element))?;
        }
        Ok(())
    }
}

/// A deserializer for the map of results.
struct Results<'r, 't>(&'r mut Reading<'t>);

impl<'de> DeserializeSeed<'de> for Results<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Results<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a map of results")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut results: A) -> Result<(), A::Error> {
        while let Some(name) = results.next_key::<String>()? {
            self.0.take(Part::Result(&name))?;
            results.next_value_seed(Fields(self.0))?;
        }
        Ok(())
    }
}

/// A deserializer for the fields of one result.
struct Fields<'r, 't>(&'r mut Reading<'t>);

impl<'de> DeserializeSeed<'de> for Fields<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a map of fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut before = "{";
        while let Some((name, value)) = fields.next_entry::<Value, Value>()? {
            let text = format!("{before}{name}:{value}");
            self.0.take(Part::ResultText(&text))?;
            before = ",";
        }
        let end = if before == "{" { "{}" } else { "}" };
        self.0.take(Part::ResultText(end))
    }
}

#[cfg(test)]
mod tests;
