//! What a value from outside must look like, as data, and the search for what is wrong with one.
//!
//! A record is first read in one typed pass. Only when that fails is it read into a tree and held against its [`Shape`],
//! which finds the reason and the field, and mends what the contract allows: null in the place of a missing optional
//! field, a repeated key (the last one wins), a whole number written with a fraction of zero.

use crate::{Reason, Rejection, Timestamp, money, text};
use serde_json::{Map, Number, Value};

/// What a value must look like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// A string of 1 to [`LONGEST_ID`] bytes.
    Id,
    /// A string.
    Text,
    /// RFC 3339 with an offset.
    Time,
    /// A calendar date, `YYYY-MM-DD`.
    Date,
    /// An ISO 8601 duration.
    Period,
    /// A time zone of the IANA database.
    Zone,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// A number within these bounds.
    Number(f64, f64),
    /// A whole number within these bounds.
    Whole(u32, u32),
    /// True or false.
    Flag,
    /// An amount of money as a decimal string.
    Money,
    /// Anything.
    Any,
    /// An object with any keys; null values are left out.
    Map(&'static Shape),
    /// A list; nulls are left out.
    List(&'static Shape),
    /// A list of identities, or an object of identities by type as an event has, which becomes such a list.
    Identities,
    /// An object with these fields; others are ignored.
    Record(&'static [Field]),
}

/// A field of a [`Shape::Record`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    name: &'static str,
    shape: Shape,
    required: bool,
}

/// Makes a field that must be there.
pub(crate) const fn required(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: true }
}

/// Makes a field that may be missing or null.
pub(crate) const fn optional(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: false }
}

/// An id, a type or a name is no longer than this many bytes.
pub(crate) const LONGEST_ID: usize = 1024;

/// Any finite number.
pub(crate) const FINITE: Shape = Shape::Number(f64::MIN, f64::MAX);

/// Stands where a number was that no float can hold.
const UNBOUNDED: &str = "\u{0}unbounded";

/// Tells whether a string can be an id.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len())
}

/// Tells whether there is nothing, or an id.
pub(crate) fn is_id_or_none(text: Option<&crate::Id>) -> bool {
    text.is_none_or(|text| is_id(text))
}

/// Reads JSON into a tree, mends it and returns it, or says what is wrong with it.
pub(crate) fn examine(json: &str, shape: &Shape) -> Result<Value, Rejection> {
    let mut value = match serde_json::from_str(json) {
        Ok(value) => value,
        Err(_) => text::with_numbers_bounded(json, UNBOUNDED)
            .and_then(|json| serde_json::from_str(&json).ok())
            .ok_or_else(|| Rejection::new(Reason::NotJson, ""))?,
    };
    let mut path = Path::default();
    check(&mut value, shape, &mut path)?;
    Ok(value)
}

/// The way to a value, as a dotted path.
#[derive(Default)]
struct Path(String);

/// A path in a rejection is cut here: keys are the sender's.
const LONGEST_PATH: usize = 256;

impl Path {
    fn step<T>(&mut self, name: &str, inside: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.0.len();
        if length > 0 {
            self.0.push('.');
        }
        self.0.push_str(name);
        let result = inside(self);
        self.0.truncate(length);
        result
    }

    fn rejection(&self, reason: Reason) -> Rejection {
        Rejection::new(reason, text::prefix(&self.0, LONGEST_PATH))
    }
}

fn check(value: &mut Value, shape: &Shape, path: &mut Path) -> Result<(), Rejection> {
    if value.as_str() == Some(UNBOUNDED) {
        let is_number = matches!(shape, Shape::Number(..) | Shape::Whole(..) | Shape::Any);
        return Err(path.rejection(if is_number { Reason::InvalidValue } else { Reason::WrongType }));
    }
    let wrong_type = |path: &Path| path.rejection(Reason::WrongType);
    let holds = match shape {
        Shape::Id => is_id(value.as_str().ok_or_else(|| wrong_type(path))?),
        Shape::Text => value.as_str().map(|_| true).ok_or_else(|| wrong_type(path))?,
        Shape::Time => Timestamp::parse(value.as_str().ok_or_else(|| wrong_type(path))?).is_some(),
        Shape::Date => text::is_date(value.as_str().ok_or_else(|| wrong_type(path))?),
        Shape::Period => text::duration(value.as_str().ok_or_else(|| wrong_type(path))?).is_some(),
        Shape::Zone => text::is_time_zone(value.as_str().ok_or_else(|| wrong_type(path))?),
        Shape::Money => money::parse(value.as_str().ok_or_else(|| wrong_type(path))?).is_some(),
        Shape::OneOf(names) => names.contains(&value.as_str().ok_or_else(|| wrong_type(path))?),
        Shape::Number(least, most) => (*least..=*most).contains(&value.as_f64().ok_or_else(|| wrong_type(path))?),
        Shape::Whole(least, most) => whole(value, *least, *most).ok_or_else(|| wrong_type(path))?,
        Shape::Flag => value.as_bool().map(|_| true).ok_or_else(|| wrong_type(path))?,
        Shape::Any => return any(value, path),
        Shape::Map(of) => return map(value.as_object_mut().ok_or_else(|| wrong_type(path))?, of, path),
        Shape::List(of) => return list(value.as_array_mut().ok_or_else(|| wrong_type(path))?, of, path),
        Shape::Identities => return identities(value, path),
        Shape::Record(fields) => return record(value.as_object_mut().ok_or_else(|| wrong_type(path))?, fields, path),
    };
    if holds { Ok(()) } else { Err(path.rejection(Reason::InvalidValue)) }
}

/// Tells whether a number is whole and within bounds, and writes it without a fraction; none when it is no number.
fn whole(value: &mut Value, least: u32, most: u32) -> Option<bool> {
    let number = value.as_f64()?;
    if number.fract() != 0.0 || !(f64::from(least)..=f64::from(most)).contains(&number) {
        return Some(false);
    }
    *value = Value::Number(Number::from(number as u64));
    Some(true)
}

fn any(value: &mut Value, path: &mut Path) -> Result<(), Rejection> {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                path.step(&index.to_string(), |path| check(item, &Shape::Any, path))?;
            }
        }
        Value::Object(fields) => {
            for (name, item) in fields.iter_mut() {
                path.step(name, |path| check(item, &Shape::Any, path))?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn map(fields: &mut Map<String, Value>, of: &Shape, path: &mut Path) -> Result<(), Rejection> {
    fields.retain(|_, value| !value.is_null());
    for (name, value) in fields.iter_mut() {
        path.step(name, |path| match is_id(name) {
            true => check(value, of, path),
            false => Err(path.rejection(Reason::InvalidValue)),
        })?;
    }
    Ok(())
}

fn list(items: &mut Vec<Value>, of: &Shape, path: &mut Path) -> Result<(), Rejection> {
    for (index, item) in items.iter_mut().enumerate() {
        if !item.is_null() {
            path.step(&index.to_string(), |path| check(item, of, path))?;
        }
    }
    items.retain(|item| !item.is_null());
    Ok(())
}

const IDENTITY: Shape = Shape::Record(&[required("type", Shape::Id), required("value", Shape::Id)]);

fn identities(value: &mut Value, path: &mut Path) -> Result<(), Rejection> {
    match value {
        Value::Array(items) => list(items, &IDENTITY, path),
        Value::Object(by_type) => {
            map(by_type, &Shape::Id, path)?;
            let listed = std::mem::take(by_type).into_iter();
            *value = listed.map(|(name, value)| serde_json::json!({"type": name, "value": value})).collect();
            Ok(())
        }
        _ => Err(path.rejection(Reason::WrongType)),
    }
}

fn record(object: &mut Map<String, Value>, fields: &[Field], path: &mut Path) -> Result<(), Rejection> {
    for field in fields {
        if object.get(field.name).is_some_and(Value::is_null) {
            object.remove(field.name);
        }
        path.step(field.name, |path| match object.get_mut(field.name) {
            Some(value) => check(value, &field.shape, path),
            None if field.required => Err(path.rejection(Reason::MissingField)),
            None => Ok(()),
        })?;
    }
    Ok(())
}
