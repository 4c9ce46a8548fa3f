use crate::fault::{Fault, Kind};
use axum::http::Uri;
use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use std::str::FromStr;

/// The parameters of a query, all of them known.
#[derive(Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads the query; refuses by name what is not one of `known`, and what is not UTF-8.
    pub(crate) fn read(uri: &Uri, known: &[&str]) -> Result<Self, Fault> {
        let mut params = Vec::new();
        for pair in uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
        {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)?;
            if !known.contains(&name.as_str()) {
                return Err(Fault::new(Kind::Invalid, unknown(&name, known)));
            }
            params.push((name, decode(value)?));
        }
        Ok(Self(params))
    }

    /// Every value of a parameter that may be repeated, in order.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that may be given once.
    pub(crate) fn one<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, Fault> {
        let mut values = self.all(name);
        let first = values.next();
        match values.next() {
            None => Ok(first),
            Some(_) => Err(Fault::new(
                Kind::Invalid,
                format!("query parameter {name:?} is given more than once"),
            )),
        }
    }

    /// A parameter that is `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Fault> {
        self.parsed(name, "true or false")
    }

    /// A parameter that is a whole number from 0.
    pub(crate) fn number<N: FromStr>(&self, name: &str) -> Result<Option<N>, Fault> {
        self.parsed(name, "a whole number from 0")
    }

    /// A parameter that is a time.
    pub(crate) fn time(&self, name: &str) -> Result<Option<DateTime<Utc>>, Fault> {
        self.parsed(name, "a time like 2026-01-02T03:04:05.123456Z")
    }

    fn parsed<V: FromStr>(&self, name: &str, wanted: &str) -> Result<Option<V>, Fault> {
        let Some(text) = self.one(name)? else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| {
            let shown: String = text.chars().take(64).collect();
            Fault::new(
                Kind::Invalid,
                format!("query parameter {name:?} is {shown:?}: give {wanted}"),
            )
        })
    }
}

fn decode(text: &str) -> Result<String, Fault> {
    let spaced = text.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err(Fault::new(
            Kind::BadRequest,
            format!("{text:?} in the query is not UTF-8"),
        )),
    }
}

fn unknown(name: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min();
    let name: String = name.chars().take(64).collect();
    match nearest {
        Some((distance, nearest)) if distance <= 3 => {
            format!("unknown query parameter {name:?}: did you mean {nearest:?}?")
        }
        Some(_) => format!(
            "unknown query parameter {name:?}: there are {}",
            known.join(", ")
        ),
        None => format!("unknown query parameter {name:?}: none is taken here"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Params, u16> {
        let uri: Uri = format!("/x?{query}").parse().unwrap();
        Params::read(&uri, &["status", "sort", "filter_metadata"])
            .map_err(|fault| fault.status().as_u16())
    }

    #[test]
    fn a_query_is_read_as_the_python_client_writes_it() {
        let params =
            read("filter_metadata=%7B%22env%22:+%22a%22%7D&status=active&sort=b:desc&sort=a")
                .unwrap();
        assert_eq!(
            params.one("filter_metadata").unwrap(),
            Some(r#"{"env": "a"}"#)
        );
        assert_eq!(params.all("sort").collect::<Vec<_>>(), ["b:desc", "a"]);
        assert!(params.one("sort").is_err(), "given twice");
    }

    #[test]
    fn what_is_unknown_is_named_with_what_is_nearest() {
        assert_eq!(
            unknown("statsu", &["status", "sort"]),
            r#"unknown query parameter "statsu": did you mean "status"?"#
        );
        assert_eq!(
            unknown("colour", &["status"]),
            r#"unknown query parameter "colour": there are status"#
        );
        assert_eq!(
            unknown("x", &[]),
            r#"unknown query parameter "x": none is taken here"#
        );
        assert_eq!(read("statsu=a").unwrap_err(), 422);
        assert_eq!(read("status=%FF").unwrap_err(), 400);
    }
}
