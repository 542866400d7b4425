//! How long an answer is waited for that takes as long as its bytes take.

use std::time::Duration;

use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Builder, StalledStreamProtectionConfig};

use super::bucket::Bucket;

/// How fast a server surely copies, in bytes a second.
const SLOWEST_COPY: u64 = 8 * 1024 * 1024;
/// How fast one of several parts surely goes up the line, in bytes a second.
const SLOWEST_UPLOAD: u64 = 256 * 1024;
/// Less than this takes no time worth speaking of, in bytes.
const SMALL: u64 = 64 * 1024;

/// For a request that is answered when the server has gone through so many bytes.
pub(super) fn copying(bucket: &Bucket, bytes: u64) -> Builder {
    waiting(bucket, bytes / SLOWEST_COPY)
}

/// For a request that carries so many bytes; a line that stands still is noticed long before. Few bytes need nothing.
pub(super) fn uploading(bucket: &Bucket, bytes: u64) -> Option<Builder> {
    if bytes <= SMALL {
        return None;
    }
    let watched = StalledStreamProtectionConfig::enabled().upload_enabled(true).build();
    Some(waiting(bucket, bytes / SLOWEST_UPLOAD).stalled_stream_protection(watched))
}

fn waiting(bucket: &Bucket, seconds: u64) -> Builder {
    let wait = bucket.bounds.request_timeout + Duration::from_secs(seconds);
    Builder::new().timeout_config(TimeoutConfig::builder().read_timeout(wait).build())
}
