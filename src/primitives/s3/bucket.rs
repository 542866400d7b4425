//! One bucket: the single requests, with keys below its folder and errors as people read them.

use std::collections::HashMap;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::{ByteStream, DateTime, DateTimeFormat};
use aws_sdk_s3::types::ObjectIdentifier;
use base64::Engine as _;
use bytes::Bytes;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use super::failure::status;
use super::patience;
use super::settings::Bounds;
use super::vouching::Told;
use crate::base::error::{Error, Result};
use crate::effect::store::Object;

/// The name that an object's SHA-256 has in its metadata.
pub(super) const SHA256: &str = "sha256";

/// A bucket, connected.
#[derive(Debug)]
pub(super) struct Bucket {
    /// For what a person waits for.
    pub(super) client: Client,
    /// For pieces of long transfers: tries more often.
    pub(super) patient: Client,
    /// The bucket's own name.
    pub(super) name: String,
    /// What every key begins with: empty, or with a `/` at its end.
    pub(super) folder: String,
    /// The resource, as people read it: `s3.backups`.
    pub(super) resource: String,
    /// The table of `playbook.toml` that declares it.
    pub(super) table: String,
    /// Where the server is, where that is not AWS.
    pub(super) endpoint: Option<String>,
    /// The figures of its settings.
    pub(super) bounds: Bounds,
    /// Set once this run has removed what runs before it left: whether the server lists its open uploads.
    pub(super) tidied: tokio::sync::OnceCell<bool>,
    /// Whether this run knows that there is such a bucket.
    pub(super) confirmed: tokio::sync::OnceCell<()>,
}

/// What goes with an object besides its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    /// What it is: `text/html; charset=utf-8`.
    pub(super) content_type: Option<String>,
    /// How long who may keep it: `max-age=3600`.
    pub(super) cache_control: Option<String>,
    /// How it is packed: `gzip`.
    pub(super) content_encoding: Option<String>,
    /// What a browser does with it.
    pub(super) content_disposition: Option<String>,
    /// In which language it is.
    pub(super) content_language: Option<String>,
    /// Names and values of one's own.
    pub(super) metadata: HashMap<String, String>,
}

/// What a look at an object shows.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// Its size in bytes.
    pub(super) bytes: u64,
    /// Names its content; quoted.
    pub(super) etag: String,
    /// When it was last written, RFC 3339.
    pub(super) modified: String,
    /// Its version, where the bucket keeps them.
    pub(super) version: Option<String>,
    /// What goes with it.
    pub(super) attributes: Attributes,
}

impl Head {
    /// Its SHA-256, where it was written by this program.
    pub(super) fn sha256(&self) -> Option<&str> {
        self.attributes.metadata.get(SHA256).map(String::as_str)
    }

    /// What a listing shows of it.
    pub(super) fn object(&self, key: &str) -> Object {
        Object {
            key: key.to_owned(),
            bytes: self.bytes,
            modified: self.modified.clone(),
            version: self.version.clone(),
        }
    }

    /// What a script sees of it.
    pub(super) fn value(&self, key: &str) -> Value {
        let mut value = json!(self.object(key));
        value["etag"] = self.etag.trim_matches('"').into();
        let of = &self.attributes;
        for (name, text) in [
            ("content_type", &of.content_type),
            ("cache_control", &of.cache_control),
            ("content_encoding", &of.content_encoding),
        ] {
            if let Some(text) = text {
                value[name] = text.as_str().into();
            }
        }
        let mut metadata = of.metadata.clone();
        if let Some(sha256) = metadata.remove(SHA256) {
            value[SHA256] = sha256.into();
        }
        value["metadata"] = json!(metadata);
        value
    }
}

/// What the server says of an object that it took.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// What names its content, and its checksum.
    pub(super) told: Told,
    /// Its version, where the bucket keeps them.
    pub(super) version: Option<String>,
}

/// An instant as RFC 3339.
pub(super) fn time(at: Option<&DateTime>) -> String {
    at.and_then(|at| at.fmt(DateTimeFormat::DateTime).ok()).unwrap_or_default()
}

impl Bucket {
    /// The key as the server knows it.
    pub(super) fn whole(&self, key: &str) -> String {
        format!("{}{key}", self.folder)
    }

    /// Looks at an object, or at one version of it; `None` when there is none.
    pub(super) async fn look(&self, key: &str, version: Option<&str>) -> Result<Option<Head>> {
        let request = self.client.head_object().bucket(&self.name).key(self.whole(key));
        let found = match request.set_version_id(version.map(str::to_owned)).send().await {
            Ok(found) => found,
            Err(why) => {
                let error = self.failed(&format!("look at `{key}`"), &why);
                let code = error.details.get("code").and_then(Value::as_str);
                // A head has no body that could say which of the two is missing.
                return match status(&error) {
                    Some(404) if code != Some("NoSuchBucket") => self.confirm().await.map(|()| None),
                    // A delete marker is no object; a version that is no version is none either.
                    Some(405) => Ok(None),
                    Some(400) if version.is_some() => Ok(None),
                    Some(403) => Err(self.worded(error).await),
                    _ => Err(error),
                };
            }
        };
        Ok(Some(Head {
            bytes: u64::try_from(found.content_length().unwrap_or(0)).unwrap_or(0),
            etag: found.e_tag().unwrap_or_default().to_owned(),
            modified: time(found.last_modified()),
            version: found.version_id().filter(|version| *version != "null").map(str::to_owned),
            attributes: Attributes {
                content_type: found.content_type().map(str::to_owned),
                cache_control: found.cache_control().map(str::to_owned),
                content_encoding: found.content_encoding().map(str::to_owned),
                content_disposition: found.content_disposition().map(str::to_owned),
                content_language: found.content_language().map(str::to_owned),
                metadata: found.metadata().cloned().unwrap_or_default(),
            },
        }))
    }

    /// A refused head has no body that could say why either. A listing has one: where the keys themselves are wrong, it is
    /// refused too, in words.
    async fn worded(&self, refused: Error) -> Error {
        let listing = self.client.list_objects_v2().bucket(&self.name).prefix(&self.folder).max_keys(1);
        let Err(why) = listing.send().await else { return refused };
        let mut told = self.failed("list its keys", &why);
        if status(&told) != Some(403) || told.details.get("code").is_none_or(|code| code == "AccessDenied") {
            return refused;
        }
        told.what.clone_from(&refused.what);
        told
    }

    /// Asks once whether there is such a bucket: without one, nothing is there, and that would be no answer.
    async fn confirm(&self) -> Result<()> {
        let asked = self.confirmed.get_or_try_init(|| async {
            let answer = self.client.head_bucket().bucket(&self.name).send().await;
            match answer.map_err(|why| self.failed(&format!("look at the bucket `{}`", self.name), &why)) {
                Err(error) if status(&error) == Some(404) => {
                    Err(self.no_bucket().why(error.why.clone().unwrap_or_default()))
                }
                // Keys that are good for objects may not be good for this question.
                _ => Ok(()),
            }
        });
        asked.await.map(drop)
    }

    /// Writes a small object in one request.
    pub(super) async fn write(
        &self,
        client: &Client,
        key: &str,
        bytes: Bytes,
        with: Attributes,
    ) -> Result<Written> {
        let patience = patience::uploading(self, bytes.len() as u64);
        let request =
            client.put_object().bucket(&self.name).key(self.whole(key)).body(ByteStream::from(bytes));
        let request = request
            .set_content_type(with.content_type)
            .set_cache_control(with.cache_control)
            .set_content_encoding(with.content_encoding)
            .set_metadata(Some(with.metadata));
        let sent = match patience {
            Some(patience) => request.customize().config_override(patience).send().await,
            None => request.send().await,
        };
        let done = sent.map_err(|why| self.failed(&format!("write `{key}`"), &why))?;
        Ok(Written {
            told: Told {
                crc32: done.checksum_crc32().map(str::to_owned),
                etag: done.e_tag().unwrap_or_default().to_owned(),
            },
            version: done.version_id().map(str::to_owned),
        })
    }

    /// Makes an empty object, unless there is one of that key.
    pub(super) async fn write_first(&self, key: &str, with: Attributes) -> Result<()> {
        let request = self.patient.put_object().bucket(&self.name).key(self.whole(key)).if_none_match("*");
        let request = request.set_content_type(with.content_type).set_metadata(Some(with.metadata));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(why) => {
                let error = self.failed(&format!("write `{key}`"), &why);
                if status(&error) == Some(412) {
                    self.refuse_taken(key).await?;
                }
                Err(error)
            }
        }
    }

    /// Removes an object; none there is no error.
    pub(super) async fn erase(&self, key: &str) -> Result<()> {
        let request = self.client.delete_object().bucket(&self.name).key(self.whole(key));
        request.send().await.map(drop).map_err(|why| self.failed(&format!("delete `{key}`"), &why))
    }

    /// Removes at most 1000 objects in one request.
    pub(super) async fn erase_all(&self, keys: &[String]) -> Result<()> {
        let whole = |key: &String| ObjectIdentifier::builder().key(self.whole(key)).build().ok();
        let objects: Vec<ObjectIdentifier> = keys.iter().filter_map(whole).collect();
        let delete = aws_sdk_s3::types::Delete::builder().set_objects(Some(objects)).quiet(true).build();
        let delete = delete.map_err(|why| Error::bug("a list of keys").why(why.to_string()))?;
        let request = self.client.delete_objects().bucket(&self.name).delete(delete).customize();
        // Newer checksums are not enough for every server.
        let request = request.mutate_request(|request| {
            if let Some(body) = request.body().bytes() {
                let digest = base64::engine::general_purpose::STANDARD.encode(Md5::digest(body));
                request.headers_mut().insert("content-md5", digest);
            }
        });
        let what = format!("delete {} objects", keys.len());
        let done = request.send().await.map_err(|why| self.failed(&what, &why))?;
        match done.errors().first() {
            None => Ok(()),
            Some(first) => {
                let key = first.key().unwrap_or_default();
                let (code, words) = (first.code().unwrap_or_default(), first.message().unwrap_or_default());
                let what = format!("`{}` could not delete {} objects", self.resource, done.errors().len());
                Err(Error::remote(what).why(format!("{key}: {code}: {words}")))
            }
        }
    }
}
