//! Copies made by the server itself: one request for an object that is not too large for that, ranges above.

use std::ops::Range;

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, MetadataDirective};
use futures::future::try_join_all;

use super::bucket::{Attributes, Bucket, Head};
use super::failure::status;
use super::reading::Span;
use super::{key, leftovers, patience};
use crate::base::error::{Error, Result};
use crate::effect::cx::Cx;

/// How much of a large object is copied in one request at most, in bytes.
const RANGE: u64 = 1024 * 1024 * 1024;
/// How many ranges are copied at once.
const AT_ONCE: usize = 4;

/// An object that comes to be by copying.
#[derive(Clone, Debug)]
pub(super) struct Copy<'a> {
    /// Where it will be.
    pub(super) to: &'a str,
    /// What goes with it; `None` for what goes with its source.
    pub(super) with: Option<Attributes>,
    /// Whether an object that is there already is replaced; one request alone always does.
    pub(super) replace: bool,
}

impl Copy<'_> {
    /// A copy to `to` that keeps everything and replaces what is there.
    pub(super) const fn to(to: &str) -> Copy<'_> {
        Copy { to, with: None, replace: true }
    }
}

/// Whether the upload may be complete all the same: the answer was lost on its way and asked for again, when the upload
/// was gone; or it was one of success that could not be read.
fn was_answered_unseen(error: &Error) -> bool {
    let code = error.details.get("code").and_then(serde_json::Value::as_str);
    code == Some("NoSuchUpload") || (code == Some("") && status(error) == Some(200))
}

impl Bucket {
    /// Copies the object that `head` described.
    pub(super) async fn copy(&self, cx: &Cx, (from, head): (&str, &Head), mut copy: Copy<'_>) -> Result<()> {
        let (version, etag) = (head.version.clone(), head.etag.clone());
        let span = Span { key: from.to_owned(), version, etag, bytes: head.bytes };
        if span.bytes <= self.bounds.segment {
            return self.copy_whole(&span, &copy).await;
        }
        // What is put together from ranges takes nothing over from its source.
        copy.with.get_or_insert_with(|| head.attributes.clone());
        let stage = key::stage(cx.run());
        leftovers::mark(self, &stage, copy.to, None).await?;
        let copied = self.copy_in_ranges(span, &copy, &stage).await;
        let _ = self.erase(&leftovers::marker(&stage)).await;
        copied
    }

    async fn copy_in_ranges(&self, span: Span, copy: &Copy<'_>, stage: &str) -> Result<()> {
        let open = self.open_multipart(copy.to, copy.with.as_ref()).await?;
        let copied = async {
            leftovers::mark(self, stage, copy.to, Some(&open)).await?;
            self.join(&[span], copy, &open).await
        };
        let copied = copied.await;
        if copied.is_err() {
            let _ = self.abort_multipart(copy.to, &open).await;
        }
        copied
    }

    /// Copies an object in one request, replacing what is there.
    pub(super) async fn copy_whole(&self, span: &Span, copy: &Copy<'_>) -> Result<()> {
        let source = key::source(&self.name, &self.whole(&span.key), span.version.as_deref());
        let mut request = self.patient.copy_object().bucket(&self.name).key(self.whole(copy.to));
        request = request.copy_source(source).copy_source_if_match(&span.etag);
        if let Some(with) = copy.with.clone() {
            request = request
                .metadata_directive(MetadataDirective::Replace)
                .set_content_type(with.content_type)
                .set_cache_control(with.cache_control)
                .set_content_encoding(with.content_encoding)
                .set_content_disposition(with.content_disposition)
                .set_content_language(with.content_language)
                .set_metadata(Some(with.metadata));
        }
        let sent = request.customize().config_override(patience::copying(self, span.bytes)).send().await;
        sent.map(drop).map_err(|why| self.failed(&format!("copy `{}` to `{}`", span.key, copy.to), &why))
    }

    /// Puts an object together from spans, as the multipart upload `open`.
    pub(super) async fn join(&self, spans: &[Span], copy: &Copy<'_>, open: &str) -> Result<()> {
        let (range, mut ranges) = (RANGE.min(self.bounds.segment), Vec::new());
        for span in spans {
            let starts = (0..span.bytes).step_by(usize::try_from(range).unwrap_or(usize::MAX));
            ranges.extend(starts.map(|from| (span, from, range.min(span.bytes - from))));
        }
        let mut parts: Vec<CompletedPart> = Vec::with_capacity(ranges.len());
        for batch in ranges.chunks(AT_ONCE) {
            let mut copies = Vec::with_capacity(AT_ONCE);
            for (number, (span, from, bytes)) in (parts.len() as i32 + 1..).zip(batch) {
                copies.push(self.copy_part(span, *from..*from + *bytes, (copy.to, open), number));
            }
            parts.extend(try_join_all(copies).await?);
        }
        let bytes = spans.iter().map(|span| span.bytes).sum();
        self.complete_multipart((copy.to, open), parts, bytes, !copy.replace).await.map(drop)
    }

    async fn copy_part(
        &self,
        span: &Span,
        range: Range<u64>,
        (to, open): (&str, &str),
        number: i32,
    ) -> Result<CompletedPart> {
        let source = key::source(&self.name, &self.whole(&span.key), span.version.as_deref());
        let request = self.patient.upload_part_copy().bucket(&self.name).key(self.whole(to)).upload_id(open);
        let request = request.part_number(number).copy_source(source).copy_source_if_match(&span.etag);
        let request = request.copy_source_range(format!("bytes={}-{}", range.start, range.end - 1));
        let patience = patience::copying(self, range.end - range.start);
        let sent = request.customize().config_override(patience).send().await;
        let copied = sent.map_err(|why| self.failed(&format!("copy `{}` to `{to}`", span.key), &why))?;
        let part = CompletedPart::builder().part_number(number);
        Ok(match copied.copy_part_result {
            None => part.build(),
            Some(result) => part.set_e_tag(result.e_tag).set_checksum_crc32(result.checksum_crc32).build(),
        })
    }

    /// Begins a multipart upload and gives its id.
    pub(super) async fn open_multipart(&self, key: &str, with: Option<&Attributes>) -> Result<String> {
        let with = with.cloned().unwrap_or_default();
        let request = self.patient.create_multipart_upload().bucket(&self.name).key(self.whole(key));
        let request = request
            .set_content_type(with.content_type)
            .set_cache_control(with.cache_control)
            .set_content_encoding(with.content_encoding)
            .set_content_disposition(with.content_disposition)
            .set_content_language(with.content_language)
            .set_metadata(Some(with.metadata));
        let opened = request.send().await.map_err(|why| self.failed(&format!("begin `{key}`"), &why))?;
        opened.upload_id.ok_or_else(|| {
            Error::remote(format!("`{}` began an upload and did not name it", self.resource))
                .fix(format!("check that `endpoint` of {} is an S3 server", self.table))
        })
    }

    /// Makes one object of the parts of a multipart upload; gives its entity tag.
    pub(super) async fn complete_multipart(
        &self,
        (key, open): (&str, &str),
        parts: Vec<CompletedPart>,
        bytes: u64,
        exclusive: bool,
    ) -> Result<String> {
        let count = parts.len();
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self.patient.complete_multipart_upload().bucket(&self.name).key(self.whole(key));
        let request = request.upload_id(open).multipart_upload(parts);
        let request = if exclusive { request.if_none_match("*") } else { request };
        let sent = request.customize().config_override(patience::copying(self, bytes)).send().await;
        match sent {
            Ok(done) => Ok(done.e_tag.unwrap_or_default()),
            Err(why) => {
                let error = self.failed(&format!("complete `{key}`"), &why);
                if was_answered_unseen(&error)
                    && let Some(head) = self.look(key, None).await?
                    && head.bytes == bytes
                    && head.etag.trim_matches('"').ends_with(&format!("-{count}"))
                {
                    return Ok(head.etag);
                }
                if exclusive && status(&error) == Some(412) {
                    self.refuse_taken(key).await?;
                }
                Err(error)
            }
        }
    }

    /// Gives a multipart upload up; one that is gone is no error.
    pub(super) async fn abort_multipart(&self, key: &str, open: &str) -> Result<()> {
        let request = self.client.abort_multipart_upload().bucket(&self.name).key(self.whole(key));
        match request.upload_id(open).send().await {
            Ok(_) => Ok(()),
            Err(why) => {
                let error = self.failed(&format!("give up `{key}`"), &why);
                if status(&error) == Some(404) { Ok(()) } else { Err(error) }
            }
        }
    }

    /// An error when the key is taken.
    pub(super) async fn refuse_taken(&self, key: &str) -> Result<()> {
        match self.look(key, None).await? {
            None => Ok(()),
            Some(_) => Err(Error::remote(format!("`{}` already holds `{key}`", self.resource))
                .fix("choose another key, or give `replace: true`")
                .unchanged()),
        }
    }
}
