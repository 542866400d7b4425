//! Values of the server as values of a script: decoded by type, or refused with how to ask for text instead.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Number, Value, json};
use tokio_postgres::types::{FromSql, Kind, Type};

/// One value of a row.
#[derive(Debug)]
pub(super) struct Cell(pub(super) Value);

type Failure = Box<dyn std::error::Error + Sync + Send>;

impl<'a> FromSql<'a> for Cell {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        decode(ty, raw).map(Self)
    }

    fn from_sql_null(_: &Type) -> Result<Self, Failure> {
        Ok(Self(Value::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn decode(ty: &Type, raw: &[u8]) -> Result<Value, Failure> {
    match ty.kind() {
        Kind::Domain(base) => return decode(base, raw),
        Kind::Array(of) => return array(of, raw),
        Kind::Enum(_) => return text(raw),
        _ => {}
    }
    Ok(match *ty {
        Type::BOOL => bool::from_sql(ty, raw)?.into(),
        Type::INT2 => i16::from_sql(ty, raw)?.into(),
        Type::INT4 => i32::from_sql(ty, raw)?.into(),
        Type::INT8 => i64::from_sql(ty, raw)?.into(),
        Type::OID | Type::XID | Type::CID => u32::from_be_bytes(raw.try_into()?).into(),
        // Through its own text, so that 0.1 stays 0.1.
        Type::FLOAT4 => float(f32::from_sql(ty, raw)?.to_string()),
        Type::FLOAT8 => float(f64::from_sql(ty, raw)?.to_string()),
        Type::NUMERIC => exact(numeric(raw)?),
        Type::JSON | Type::JSONB => Value::from_sql(ty, raw)?,
        Type::UUID => uuid::Uuid::from_sql(ty, raw)?.to_string().into(),
        Type::BYTEA => json!({ "base64": STANDARD.encode(raw) }),
        Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::DATE => instant(ty, raw)?.into(),
        Type::TIME => Time::from_sql(ty, raw)?.to_string().into(),
        Type::INTERVAL => interval(raw)?.into(),
        Type::INET | Type::CIDR => address(ty, raw)?.into(),
        Type::CHAR => char::from(*raw.first().unwrap_or(&b' ')).to_string().into(),
        Type::VOID => Value::Null,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::XML => text(raw)?,
        _ if ty.name() == "citext" => text(raw)?,
        _ => {
            return Err(format!(
                "a value of the type {} has no form here; ask for it as text, with ::text",
                ty.name()
            )
            .into());
        }
    })
}

fn text(raw: &[u8]) -> Result<Value, Failure> {
    Ok(std::str::from_utf8(raw)?.into())
}

/// A number, or its text where JSON has none (NaN, Infinity).
fn float(text: String) -> Value {
    text.parse().ok().and_then(Number::from_f64).map_or_else(|| text.into(), Value::Number)
}

/// Instants and dates in ISO 8601; the server's infinities by their names.
fn instant(ty: &Type, raw: &[u8]) -> Result<String, Failure> {
    let (first, last) = match *ty {
        Type::DATE => (i32::MIN.to_be_bytes().to_vec(), i32::MAX.to_be_bytes().to_vec()),
        _ => (i64::MIN.to_be_bytes().to_vec(), i64::MAX.to_be_bytes().to_vec()),
    };
    if raw == last {
        return Ok("infinity".to_owned());
    }
    if raw == first {
        return Ok("-infinity".to_owned());
    }
    Ok(match *ty {
        Type::DATE => Date::from_sql(ty, raw)?.to_string(),
        Type::TIMESTAMP => DateTime::from_sql(ty, raw)?.to_string(),
        _ => Timestamp::from_sql(ty, raw)?.to_string(),
    })
}

/// ISO 8601: `P1Y2M3DT4H5M6S`; months, days and time are three numbers to the server, each with its own sign.
fn interval(raw: &[u8]) -> Result<String, Failure> {
    let raw: &[u8; 16] = raw.try_into()?;
    let (time, rest) = raw.split_at(8);
    let micros = i64::from_be_bytes(time.try_into()?);
    let days = i32::from_be_bytes(rest[..4].try_into()?);
    let months = i32::from_be_bytes(rest[4..].try_into()?);
    let mut out = String::from("P");
    for (number, unit) in [(months / 12, 'Y'), (months % 12, 'M'), (days, 'D')] {
        if number != 0 {
            out.push_str(&format!("{number}{unit}"));
        }
    }
    let span = SignedDuration::from_micros(micros);
    let (seconds, fraction) = (span.as_secs(), span.subsec_micros().abs());
    if micros != 0 || out == "P" {
        out.push('T');
        for (number, unit) in [(seconds / 3600, 'H'), (seconds / 60 % 60, 'M')] {
            if number != 0 {
                out.push_str(&format!("{number}{unit}"));
            }
        }
        let sign = if micros < 0 && seconds % 60 == 0 && fraction != 0 { "-" } else { "" };
        match fraction {
            0 if seconds % 60 == 0 && !out.ends_with('T') => {}
            0 => out.push_str(&format!("{}S", seconds % 60)),
            _ => out.push_str(&format!(
                "{sign}{}.{}S",
                seconds % 60,
                format!("{fraction:06}").trim_end_matches('0')
            )),
        }
    }
    Ok(out)
}

fn address(ty: &Type, raw: &[u8]) -> Result<String, Failure> {
    let (head, octets) = raw.split_at_checked(4).ok_or("a cut address")?;
    let (address, whole) = match octets.len() {
        4 => (std::net::IpAddr::from(<[u8; 4]>::try_from(octets)?), 32),
        _ => (std::net::IpAddr::from(<[u8; 16]>::try_from(octets)?), 128),
    };
    Ok(if head[1] == whole && *ty == Type::INET {
        address.to_string()
    } else {
        format!("{address}/{}", head[1])
    })
}

/// The decimal text of a numeric: groups of four digits, a weight, a sign, and how many decimals to show.
fn numeric(raw: &[u8]) -> Result<String, Failure> {
    let words: Vec<i16> = raw.chunks_exact(2).map(|two| i16::from_be_bytes([two[0], two[1]])).collect();
    let [_, weight, sign, scale, groups @ ..] = words.as_slice() else { return Err("a cut numeric".into()) };
    match *sign as u16 {
        0xC000 => return Ok("NaN".to_owned()),
        0xD000 => return Ok("Infinity".to_owned()),
        0xF000 => return Ok("-Infinity".to_owned()),
        _ => {}
    }
    let group = |at: i32| usize::try_from(at).ok().and_then(|at| groups.get(at)).copied().unwrap_or(0);
    let whole: String = (0..=i32::from(*weight)).map(|at| format!("{:04}", group(at))).collect();
    let whole = whole.trim_start_matches('0');
    let scale = usize::try_from(*scale)?;
    let first = i32::from(*weight) + 1;
    let mut decimals: String =
        (first..).take(scale.div_ceil(4)).map(|at| format!("{:04}", group(at))).collect();
    decimals.truncate(scale);
    let sign = if *sign == 0 { "" } else { "-" };
    let whole = if whole.is_empty() { "0" } else { whole };
    Ok(if decimals.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{decimals}") })
}

/// A number when nothing is lost by that, else the text.
fn exact(text: String) -> Value {
    if let Ok(whole) = text.parse::<i64>() {
        return whole.into();
    }
    let digits = text.trim_start_matches(['-', '0', '.']).chars().filter(char::is_ascii_digit).count();
    // Every decimal of 15 significant digits survives the way into a double and back.
    let trimmed = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let shown = trimmed.parse::<f64>().ok().filter(|_| digits <= 15 || trimmed.len() <= 15);
    match shown.and_then(Number::from_f64) {
        Some(number) if text.contains('.') => Value::Number(number),
        _ => text.into(),
    }
}

fn array(of: &Type, raw: &[u8]) -> Result<Value, Failure> {
    let mut reader = Reader(raw);
    let dimensions = reader.number()?;
    let (_, _) = (reader.number()?, reader.number()?);
    let mut lengths = Vec::new();
    for _ in 0..dimensions {
        lengths.push(usize::try_from(reader.number()?)?);
        reader.number()?;
    }
    if lengths.is_empty() { Ok(Value::Array(Vec::new())) } else { elements(of, &lengths, &mut reader) }
}

fn elements(of: &Type, lengths: &[usize], reader: &mut Reader<'_>) -> Result<Value, Failure> {
    let Some((length, deeper)) = lengths.split_first() else {
        let bytes = reader.number()?;
        return if bytes < 0 { Ok(Value::Null) } else { decode(of, reader.bytes(usize::try_from(bytes)?)?) };
    };
    (0..*length).map(|_| elements(of, deeper, reader)).collect::<Result<Vec<_>, _>>().map(Value::Array)
}

/// Takes big-endian numbers and runs of bytes off the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], Failure> {
        let (front, rest) = self.0.split_at_checked(count).ok_or("a cut array")?;
        self.0 = rest;
        Ok(front)
    }

    fn number(&mut self) -> Result<i32, Failure> {
        Ok(i32::from_be_bytes(self.bytes(4)?.try_into()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numeric_is_a_number_only_where_nothing_is_lost() {
        for (text, wanted) in [
            ("12", json!(12)),
            ("9223372036854775807", json!(i64::MAX)),
            ("9223372036854775808", json!("9223372036854775808")),
            ("1.10", json!(1.1)),
            ("5.00", json!(5.0)),
            ("0.1", json!(0.1)),
            ("3.0000000000000000", json!(3.0)),
            ("0.12345678901234567890", json!("0.12345678901234567890")),
            ("NaN", json!("NaN")),
        ] {
            assert_eq!(exact(text.to_owned()), wanted, "{text}");
        }
    }

    #[test]
    fn a_numeric_is_read_from_its_groups_of_four_digits() {
        let raw = |words: &[i16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        assert_eq!(numeric(&raw(&[2, 0, 0, 2, 12, 3400])).unwrap(), "12.34");
        assert_eq!(numeric(&raw(&[1, -1, 0x4000, 4, 5])).unwrap(), "-0.0005");
        assert_eq!(numeric(&raw(&[1, -2, 0, 8, 5])).unwrap(), "0.00000005");
        assert_eq!(numeric(&raw(&[1, 1, 0, 0, 3])).unwrap(), "30000");
        assert_eq!(numeric(&raw(&[0, 0, 0, 2])).unwrap(), "0.00");
    }

    #[test]
    fn intervals_read_as_iso_8601() {
        let raw = |micros: i64, days: i32, months: i32| {
            [micros.to_be_bytes().to_vec(), days.to_be_bytes().to_vec(), months.to_be_bytes().to_vec()]
                .concat()
        };
        for (raw, wanted) in [
            (raw(0, 0, 0), "PT0S"),
            (raw(3_723_500_000, 3, 14), "P1Y2M3DT1H2M3.5S"),
            (raw(60_000_000, 0, 0), "PT1M"),
            (raw(-500_000, 0, 0), "PT-0.5S"),
            (raw(-90_000_000, -1, 0), "P-1DT-1M-30S"),
        ] {
            assert_eq!(interval(&raw).unwrap(), wanted);
        }
    }
}
