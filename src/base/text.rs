//! Durations and sizes as people write and read them: "30s", "5 MiB".

use std::time::Duration;

use super::error::{Error, Result};

/// Reads `250ms`, `30s`, `5m`, `1.5h`, `2d`, or a chain of them such as `1h30m`.
pub fn parse_duration(text: &str) -> Result<Duration> {
    let wrong = || {
        Error::usage(format!("`{text}` is no duration"))
            .fix("write for example \"250ms\", \"30s\", \"5m\" or \"1h30m\"")
    };
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut seconds = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => return Err(wrong()),
        };
        seconds += number * unit;
        rest = rest[letters..].trim_start();
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

/// Writes a duration in the two units that matter: `180ms`, `4.2s`, `3m 05s`, `2h 10m`.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 if duration.as_millis() < 10 => format!("{:.1}ms", duration.as_secs_f64() * 1000.0),
        0 => format!("{}ms", duration.as_millis()),
        1..60 => format!("{:.1}s", (duration.as_millis() / 100) as f64 / 10.0),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {:02}h", seconds / 86400, seconds % 86400 / 3600),
    }
}

/// Writes a duration exactly, as one would type it: `250ms`, `30s`, `1h30m`; in milliseconds where there is a rest.
#[must_use]
pub fn write_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    if !millis.is_multiple_of(1000) || millis == 0 {
        return format!("{millis}ms");
    }
    let seconds = duration.as_secs();
    let parts =
        [(seconds / 86400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect()
}

/// Reads `512`, `64 KiB`, `256MiB`, `1.5 GiB`, `2 TiB`, or the decimal `kB`, `MB`, `GB`, `TB`; in bytes.
pub fn parse_size(text: &str) -> Result<u64> {
    let wrong = || {
        Error::usage(format!("`{text}` is no size"))
            .fix("write for example \"64 KiB\", \"256 MiB\" or \"2 GiB\"")
    };
    let text_trimmed = text.trim();
    let digits = text_trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text_trimmed.len());
    let number: f64 = text_trimmed[..digits].parse().map_err(|_| wrong())?;
    let unit: f64 = match text_trimmed[digits..].trim() {
        "" | "B" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        "TiB" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        _ => return Err(wrong()),
    };
    Ok((number * unit) as u64)
}

/// Writes a size in binary units: `812 B`, `64.0 KiB`, `1.2 GiB`.
#[must_use]
pub fn show_size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

/// Writes a size exactly, as one would type it: `256 MiB`; in bytes where there is a rest.
#[must_use]
pub fn write_size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.iter().find(|(size, _)| bytes >= *size && bytes.is_multiple_of(*size));
    unit.map_or_else(|| format!("{bytes} B"), |(size, unit)| format!("{} {unit}", bytes / size))
}

/// The first line of a text that may be long, at most `most` characters of it.
#[must_use]
pub fn headline(text: &str, most: usize) -> String {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if folded.chars().count() <= most {
        return folded;
    }
    let mut short: String = folded.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// So many of what `word` names one of: `1 check`, `2 checks`.
#[must_use]
pub fn count(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// Bytes in hexadecimal, small letters.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_write() {
        for (text, millis) in
            [("250ms", 250), ("30s", 30_000), ("1h30m", 5_400_000), ("1.5 h", 5_400_000), ("2d", 172_800_000)]
        {
            assert_eq!(parse_duration(text).unwrap().as_millis(), millis, "{text}");
        }
        for wrong in ["", "5", "s", "5 parsecs", "1e9s", "-3s", "..s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(show_duration(Duration::from_millis(185)), "185ms");
        assert_eq!(show_duration(Duration::from_secs(185)), "3m 05s");
    }

    #[test]
    fn sizes_read_and_write() {
        assert_eq!(parse_size("256 MiB").unwrap(), 268_435_456);
        assert_eq!((parse_size("2 TiB").unwrap(), parse_size("1 TB").unwrap()), (1 << 41, 1_000_000_000_000));
        assert_eq!(parse_size("1GB").unwrap(), 1_000_000_000);
        assert!(parse_size("much").is_err());
        assert_eq!(show_size(65_536), "64.0 KiB");
    }

    #[test]
    fn what_is_written_exactly_reads_back() {
        for (text, written) in
            [("90m", "1h30m"), ("24h", "1d"), ("30s", "30s"), ("1500ms", "1500ms"), ("0s", "0ms")]
        {
            let duration = parse_duration(text).unwrap();
            assert_eq!(write_duration(duration), written);
            assert_eq!(parse_duration(written).unwrap(), duration);
        }
        for (size, written) in [(268_435_456, "256 MiB"), (1025, "1025 B"), (1 << 40, "1024 GiB"), (0, "0 B")]
        {
            assert_eq!(write_size(size), written);
            assert_eq!(parse_size(written).unwrap(), size);
        }
    }

    #[test]
    fn a_headline_folds_white_space() {
        assert_eq!(headline("SELECT 1\n  FROM t", 40), "SELECT 1 FROM t");
        assert_eq!(headline("abcdef", 4), "abc…");
    }
}
