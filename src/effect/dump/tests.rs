//! A dump against a store in memory that can be told to spoil what it holds.

use std::io::Cursor;
use std::sync::Mutex;

use async_trait::async_trait;

use tokio::io::AsyncReadExt as _;

use super::super::environment::Environment;
use super::super::policy::Grants;
use super::super::store::Content;
use super::*;
use crate::base::access::ResourceId;
use crate::sys::stop::Stop;

type Objects = Arc<Mutex<std::collections::BTreeMap<String, Vec<u8>>>>;

#[derive(Clone, Default)]
struct Memory {
    objects: Objects,
    /// The byte that is another one when it is read back.
    spoils: Option<usize>,
    /// Whether it tells checksums, and whether they are those of what was sent.
    tells: Option<bool>,
}

struct Pending {
    key: String,
    bytes: Vec<u8>,
    memory: Memory,
    back: Option<pipe::Outlet>,
    is_sealed: bool,
}

impl Pending {
    /// The bytes as they are given back.
    fn given_back(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        if let Some(spoilt) = self.memory.spoils {
            bytes[spoilt] ^= 1;
        }
        bytes
    }
}

fn object(key: &str, bytes: usize) -> Object {
    Object { key: key.to_owned(), bytes: bytes as u64, modified: String::new(), version: None }
}

#[async_trait]
impl Store for Memory {
    async fn begin(&self, key: &str) -> Result<Box<dyn Upload>> {
        let (key, memory) = (key.to_owned(), self.clone());
        Ok(Box::new(Pending { key, bytes: Vec::new(), memory, back: None, is_sealed: false }))
    }

    async fn open(&self, key: &str) -> Result<Content> {
        Ok(Box::new(Cursor::new(self.objects.lock().unwrap()[key].clone())))
    }

    async fn head(&self, key: &str) -> Result<Option<Object>> {
        Ok(self.objects.lock().unwrap().get(key).map(|bytes| object(key, bytes.len())))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        let objects = self.objects.lock().unwrap();
        let found = objects.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(found.map(|(key, bytes)| object(key, bytes.len())).collect())
    }

    async fn remove(&self, key: &str) -> Result<()> {
        self.objects.lock().unwrap().remove(key);
        Ok(())
    }
}

#[async_trait]
impl Upload for Pending {
    async fn write(&mut self, chunk: Bytes) -> Result<()> {
        self.bytes.extend_from_slice(&chunk);
        Ok(())
    }

    async fn seal(&mut self) -> Result<()> {
        self.is_sealed = true;
        let (bytes, Some(back)) = (self.given_back(), self.back.take()) else { return Ok(()) };
        tokio::spawn(async move {
            back.send(bytes.into()).await;
            back.end().await;
        });
        Ok(())
    }

    async fn read_back(&mut self) -> Result<Content> {
        if self.is_sealed {
            return Ok(Box::new(Cursor::new(self.given_back())));
        }
        let (to, from) = pipe::pipe();
        self.back = Some(to);
        Ok(Box::new(from))
    }

    fn ask_for_checksums(&mut self) -> bool {
        self.memory.tells.is_some()
    }

    fn vouches(&self) -> bool {
        assert!(self.is_sealed);
        self.memory.tells == Some(true)
    }

    async fn publish(self: Box<Self>, _: &str, _: bool) -> Result<Object> {
        let object = object(&self.key, self.bytes.len());
        self.memory.objects.lock().unwrap().insert(self.key, self.bytes);
        Ok(object)
    }
}

fn cx() -> Cx {
    let host = super::super::cx::Host::new(".".into(), Environment::default(), &[], Vec::new());
    let permit = Grants::default().permit(Vec::new()).unwrap();
    Cx::new(Arc::new(host), ResourceId::new("memory", "a"), permit, Stop::default())
}

async fn begin(memory: &Memory, replace: bool) -> Result<Dump> {
    let store = ResourceId::new("memory", "a");
    let (compression, verify) = (Compression::None, Verify::Checksums);
    let target = Target { store, key: "k".into(), replace, compression, verify, keep: None };
    Dump::into_store(&cx(), (target, Source::default()), Arc::new(memory.clone())).await
}

async fn dump(memory: &Memory, replace: bool, text: &[u8]) -> Result<Receipt> {
    let mut dump = begin(memory, replace).await?;
    let mut text = Cursor::new(text);
    let counted = dump.copy(&mut text, well(), |stored| {
        Box::pin(async move {
            let mut first = [0];
            let _ = stored.read(&mut first).await.unwrap();
            Ok(Counted { tables: Some(u64::from(first[0])), ..Counted::default() })
        })
    });
    let counted = counted.await?;
    dump.publish(counted).await
}

async fn well() -> Result<()> {
    Ok(())
}

async fn copy(dump: &mut Dump, text: &[u8]) -> Result<()> {
    dump.copy(&mut Cursor::new(text), well(), |_| Box::pin(well())).await
}

#[tokio::test]
async fn a_source_that_ends_badly_is_not_sealed_and_says_why() {
    for tells in [None, Some(true)] {
        let memory = Memory { tells, ..Memory::default() };
        let mut dump = begin(&memory, false).await.unwrap();
        let ended = async {
            // Whoever looks has time to see all that there is.
            crate::sys::clock::pause(std::time::Duration::from_millis(50)).await;
            Err(Error::remote("pg_dump was killed"))
        };
        let mut half = Cursor::new(b"half");
        let copied = dump.copy(&mut half, ended, |stored| {
            Box::pin(async move {
                let mut all = Vec::new();
                let _ = stored.read_to_end(&mut all).await;
                Err::<(), _>(Error::remote("this is no whole archive"))
            })
        });
        assert_eq!(copied.await.unwrap_err().what, "pg_dump was killed", "{tells:?}");
    }
}

#[tokio::test]
async fn a_verified_dump_is_published_with_its_receipt() {
    let memory = Memory::default();
    let receipt = dump(&memory, false, b"abc").await.unwrap();
    assert_eq!(receipt.passed.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let value = receipt.into_value();
    assert_eq!((&value["bytes"], &value["tables"], value.get("rows")), (&3.into(), &97.into(), None));
    assert_eq!(memory.objects.lock().unwrap()["k"], b"abc");
}

#[tokio::test]
async fn a_store_that_gives_back_something_else_publishes_nothing() {
    // One that tells no checksums, or wrong ones, is read whole; of one that vouches the beginning.
    for tells in [None, Some(false), Some(true)] {
        let memory = Memory { spoils: Some(0), tells, ..Memory::default() };
        let error = dump(&memory, false, b"abc").await.unwrap_err();
        assert!(error.what.contains("something else"), "{error}");
        assert!(memory.objects.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_lies_behind_the_beginning_is_read_back_unless_the_store_vouches_for_it() {
    let text = vec![7; 5 * 1024 * 1024];
    for (tells, verify, how) in [
        (None, Verify::Checksums, Err(())),
        (Some(false), Verify::Checksums, Err(())),
        (Some(true), Verify::Whole, Err(())),
        (Some(true), Verify::Checksums, Ok("checksums")),
    ] {
        let memory = Memory { spoils: Some(text.len() - 1), tells, ..Memory::default() };
        let mut dump = begin(&memory, false).await.unwrap();
        dump.target.verify = verify;
        match (copy(&mut dump, &text).await, how) {
            (Err(error), Err(())) => assert!(error.what.contains("something else"), "{error}"),
            (Ok(()), Ok(how)) => {
                let receipt = dump.publish(Counted::default()).await.unwrap();
                assert_eq!(receipt.into_value()["verified"], how);
            }
            (copied, _) => panic!("{tells:?}, {verify:?}: {copied:?}"),
        }
    }
}

#[tokio::test]
async fn a_store_that_vouches_for_nothing_is_read_whole_and_the_receipt_says_so() {
    for (tells, how) in [(None, "whole"), (Some(false), "whole"), (Some(true), "checksums")] {
        let memory = Memory { tells, ..Memory::default() };
        let receipt = dump(&memory, false, b"abc").await.unwrap().into_value();
        assert_eq!((&receipt["verified"], &receipt["tables"]), (&how.into(), &97.into()));
    }
}

#[tokio::test]
async fn a_taken_key_is_refused_even_when_it_is_taken_meanwhile() {
    let memory = Memory::default();
    dump(&memory, false, b"first").await.unwrap();
    assert!(dump(&memory, false, b"second").await.unwrap_err().what.contains("already holds `k`"));
    dump(&memory, true, b"third").await.unwrap();
    memory.objects.lock().unwrap().clear();
    let mut late = begin(&memory, false).await.unwrap();
    copy(&mut late, b"late").await.unwrap();
    memory.objects.lock().unwrap().insert("k".into(), b"other".to_vec());
    assert!(late.publish(Counted::default()).await.is_err());
    assert_eq!(memory.objects.lock().unwrap()["k"], b"other");
}

#[tokio::test]
async fn a_dump_without_a_byte_is_no_dump() {
    assert!(dump(&Memory::default(), false, b"").await.unwrap_err().what.contains("is empty"));
}

#[tokio::test]
async fn every_compression_gives_back_the_same_bytes_and_damage_is_found() {
    let text: Vec<u8> = (0..400_000_u32).flat_map(u32::to_le_bytes).collect();
    for compression in [Compression::Zstd, Compression::Gzip, Compression::None] {
        let memory = Memory::default();
        let mut dump = begin(&memory, false).await.unwrap();
        dump.target.compression = compression;
        dump.source.of = "this one".into();
        copy(&mut dump, &text).await.unwrap();
        let receipt = dump.publish(Counted::default()).await.unwrap();
        assert_eq!(receipt.passed.uncompressed, text.len() as u64);
        let mark = Mark::read(&memory, "k").await.unwrap();
        assert_eq!(mark.map(|mark| mark.of).is_some(), compression != Compression::None);
        let read = async || {
            let (mut stored, mut back) = (Stored::open(&memory, "k").await.unwrap(), Vec::new());
            stored.read_to_end(&mut back).await.map(|_| back).map_err(|why| why.to_string())
        };
        assert!(read().await.unwrap() == text, "{compression:?}");
        if compression == Compression::None {
            continue;
        }
        let whole = memory.objects.lock().unwrap()["k"].clone();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        let longer = [&whole[..], b"more"].concat();
        for damaged in [&flipped[..], &whole[..whole.len() - 1], &whole[..whole.len() / 2], &longer] {
            memory.objects.lock().unwrap().insert("k".into(), damaged.to_vec());
            assert!(read().await.is_err(), "{compression:?}: {} of {} bytes", damaged.len(), whole.len());
        }
    }
}

#[tokio::test]
async fn the_oldest_dumps_of_the_same_database_go_and_the_new_one_never() {
    let memory = Memory::default();
    let put = |key: &str, of: &str, at: &str| {
        let mark = Mark { of: of.into(), at: at.into(), rows: None };
        memory.objects.lock().unwrap().insert(key.into(), mark.bytes(Compression::Zstd));
    };
    for (key, of, at) in [
        ("d/z", "ours", "2026-01-01T00:00:00Z"),
        ("d/y", "ours", "2026-01-02T00:00:00.5Z"),
        // The clock of another machine goes ahead.
        ("d/future", "ours", "2099-01-01T00:00:00Z"),
        ("d/new", "ours", "2026-01-03T00:00:00Z"),
        ("d/theirs", "theirs", "2020-01-01T00:00:00Z"),
        ("d/when", "ours", "some day"),
        ("d/deep/x", "ours", "2020-01-01T00:00:00Z"),
        ("dx", "ours", "2020-01-01T00:00:00Z"),
    ] {
        put(key, of, at);
    }
    memory.objects.lock().unwrap().insert("d/person".into(), b"PGDMP".to_vec());
    let go = async |keep: u32| {
        retention::retain(&cx(), &memory, ("d/new", "ours"), keep.try_into().unwrap()).await.removed
    };
    assert_eq!(go(4).await, Vec::<String>::new());
    assert_eq!(go(3).await, ["d/z"]);
    assert_eq!(go(1).await, ["d/y", "d/future"]);
    assert_eq!(go(1).await, Vec::<String>::new());
    let left: Vec<String> = memory.objects.lock().unwrap().keys().cloned().collect();
    assert_eq!(left, ["d/deep/x", "d/new", "d/person", "d/theirs", "d/when", "dx"]);
}
