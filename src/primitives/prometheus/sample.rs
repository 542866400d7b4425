//! Samples: what a query gives, as numbers and maps.

use serde_json::{Map, Value, json};

use crate::base::error::{Error, Result};

/// One series at one time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) labels: Value,
    /// `None` for a value that is no number: 0 divided by 0.
    pub(super) value: Option<f64>,
    at: f64,
}

/// The answer to an instant query.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// A number of no series.
    Scalar(Sample),
    /// A number for each series.
    Vector(Vec<Sample>),
}

impl Sample {
    /// As a script sees it.
    pub(super) fn told(&self) -> Value {
        json!({ "labels": self.labels, "value": self.value, "at": self.at })
    }
}

impl Answer {
    /// Reads the `data` of an answer.
    pub(super) fn read(data: &Value, query: &str) -> Result<Self> {
        match data["resultType"].as_str() {
            Some("scalar") => {
                Ok(Self::Scalar(sample(json!({}), &data["result"]).ok_or_else(|| unknown(query))?))
            }
            Some("vector") => {
                let all = data["result"].as_array().ok_or_else(|| unknown(query))?;
                let each = all.iter().map(|one| sample(one["metric"].clone(), &one["value"]));
                Ok(Self::Vector(each.collect::<Option<_>>().ok_or_else(|| unknown(query))?))
            }
            Some("matrix") => Err(Error::usage(format!(
                "`{query}` gives whole series and no value for each"
            ))
            .fix("take the `[…]` away, put a function such as `rate` around it, or call `query_range`")),
            Some(kind) => Err(Error::usage(format!("`{query}` gives a {kind} and no number"))),
            None => Err(unknown(query)),
        }
    }

    /// All samples.
    pub(super) fn samples(&self) -> &[Sample] {
        match self {
            Self::Scalar(one) => std::slice::from_ref(one),
            Self::Vector(all) => all,
        }
    }
}

fn unknown(query: &str) -> Error {
    Error::remote(format!("the answer to `{query}` has a form not known here"))
}

fn sample(labels: Value, pair: &Value) -> Option<Sample> {
    let (at, value) = point(pair)?;
    Some(Sample { labels, value, at })
}

/// A pair of time and value.
fn point(pair: &Value) -> Option<(f64, Option<f64>)> {
    Some((pair.get(0)?.as_f64()?, number(pair.get(1)?.as_str()?)))
}

/// The number that a text stands for. JSON knows no infinity: it becomes the largest number, which compares as it should.
fn number(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    if number.is_nan() { None } else { Some(number.clamp(f64::MIN, f64::MAX)) }
}

/// The series of a range query, each with its points and what they come to.
pub(super) fn series(data: &Value, query: &str) -> Result<Vec<Value>> {
    let all = data["result"].as_array().filter(|_| data["resultType"] == "matrix");
    let all = all.ok_or_else(|| unknown(query))?;
    let each = all.iter().map(|one| {
        let points = one["values"].as_array()?.iter().map(point).collect::<Option<Vec<_>>>()?;
        Some(summed(&one["metric"], &points))
    });
    each.collect::<Option<_>>().ok_or_else(|| unknown(query))
}

fn summed(labels: &Value, points: &[(f64, Option<f64>)]) -> Value {
    let numbers: Vec<f64> = points.iter().filter_map(|(_, value)| *value).collect();
    let told: Vec<Value> = points.iter().map(|(at, value)| json!({ "at": at, "value": value })).collect();
    let mut series = Map::new();
    series.insert("labels".to_owned(), labels.clone());
    series.insert("points".to_owned(), told.into());
    series.insert("min".to_owned(), json!(numbers.iter().copied().reduce(f64::min)));
    series.insert("max".to_owned(), json!(numbers.iter().copied().reduce(f64::max)));
    let mean = (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64);
    series.insert("mean".to_owned(), json!(mean));
    series.insert("last".to_owned(), json!(numbers.last()));
    Value::Object(series)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_nothing_and_infinity_is_large() {
        assert_eq!((number("NaN"), number("0.25"), number("0e+00")), (None, Some(0.25), Some(0.0)));
        assert!(number("+Inf") > Some(1e300) && number("-Inf") < Some(-1e300));
    }

    #[test]
    fn vectors_and_scalars_are_read_and_texts_refused() {
        let vector =
            json!({ "resultType": "vector", "result": [{ "metric": { "job": "a" }, "value": [1.5, "2"] }] });
        let answer = Answer::read(&vector, "up").unwrap();
        assert_eq!(answer.samples()[0].told(), json!({ "labels": { "job": "a" }, "value": 2.0, "at": 1.5 }));
        let scalar = json!({ "resultType": "scalar", "result": [1.5, "NaN"] });
        assert_eq!(Answer::read(&scalar, "0/0").unwrap().samples()[0].value, None);
        for kind in ["string", "matrix"] {
            assert!(Answer::read(&json!({ "resultType": kind, "result": [] }), "x").is_err());
        }
    }

    #[test]
    fn a_series_tells_what_its_points_come_to() {
        let data = json!({ "resultType": "matrix", "result": [
            { "metric": {}, "values": [[1, "1"], [2, "NaN"], [3, "4"]] }, { "metric": {}, "values": [[1, "NaN"]] }] });
        let series = series(&data, "x").unwrap();
        assert_eq!(
            (&series[0]["min"], &series[0]["max"], &series[0]["mean"]),
            (&json!(1.0), &json!(4.0), &json!(2.5))
        );
        assert!(series[1]["mean"].is_null() && series[1]["points"][0]["value"].is_null());
    }
}
