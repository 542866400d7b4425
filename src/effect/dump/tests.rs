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
    spoils: bool,
}

struct Pending {
    key: String,
    bytes: Vec<u8>,
    memory: Memory,
}

fn object(key: &str, bytes: usize) -> Object {
    Object { key: key.to_owned(), bytes: bytes as u64, modified: String::new(), version: None }
}

#[async_trait]
impl Store for Memory {
    async fn begin(&self, key: &str) -> Result<Box<dyn Upload>> {
        Ok(Box::new(Pending { key: key.to_owned(), bytes: Vec::new(), memory: self.clone() }))
    }

    async fn open(&self, key: &str) -> Result<Content> {
        Ok(Box::new(Cursor::new(self.objects.lock().unwrap()[key].clone())))
    }

    async fn head(&self, key: &str) -> Result<Option<Object>> {
        Ok(self.objects.lock().unwrap().get(key).map(|bytes| object(key, bytes.len())))
    }

    async fn list(&self, _: &str) -> Result<Vec<Object>> {
        Ok(Vec::new())
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
        Ok(())
    }

    async fn read_back(&self) -> Result<Content> {
        let mut bytes = self.bytes.clone();
        if self.memory.spoils {
            bytes[0] ^= 1;
        }
        Ok(Box::new(Cursor::new(bytes)))
    }

    async fn publish(self: Box<Self>, _: &str, _: bool) -> Result<Object> {
        let object = object(&self.key, self.bytes.len());
        self.memory.objects.lock().unwrap().insert(self.key, self.bytes);
        Ok(object)
    }
}

async fn begin(memory: &Memory, replace: bool) -> Result<Dump> {
    let store = ResourceId::new("memory", "a");
    let host = super::super::cx::Host::new(".".into(), Environment::default(), &[], Vec::new());
    let permit = Grants::default().permit(Vec::new()).unwrap();
    let cx = Cx::new(Arc::new(host), store.clone(), permit, Stop::default());
    let target = Target { store, key: "k".into(), replace, compression: Compression::None, keep: None };
    Dump::into_store(&cx, (target, Source::default()), Arc::new(memory.clone())).await
}

async fn dump(memory: &Memory, replace: bool, text: &[u8]) -> Result<Receipt> {
    let mut dump = begin(memory, replace).await?;
    dump.copy(&mut Cursor::new(text)).await?;
    dump.publish(|stored| {
        Box::pin(async move {
            let mut first = [0];
            stored.read_exact(&mut first).await.unwrap();
            Ok(Counted { tables: Some(u64::from(first[0])), ..Counted::default() })
        })
    })
    .await
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
    let memory = Memory { spoils: true, ..Memory::default() };
    let error = dump(&memory, false, b"abc").await.unwrap_err();
    assert!(error.what.contains("something else"), "{error}");
    assert!(memory.objects.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_taken_key_is_refused_even_when_it_is_taken_meanwhile() {
    let memory = Memory::default();
    dump(&memory, false, b"first").await.unwrap();
    assert!(dump(&memory, false, b"second").await.unwrap_err().what.contains("already holds `k`"));
    dump(&memory, true, b"third").await.unwrap();
    memory.objects.lock().unwrap().clear();
    let mut late = begin(&memory, false).await.unwrap();
    late.copy(&mut Cursor::new(b"late")).await.unwrap();
    memory.objects.lock().unwrap().insert("k".into(), b"other".to_vec());
    assert!(late.publish(|_| Box::pin(async { Ok(Counted::default()) })).await.is_err());
    assert_eq!(memory.objects.lock().unwrap()["k"], b"other");
}

#[tokio::test]
async fn a_dump_without_a_byte_is_no_dump() {
    assert!(dump(&Memory::default(), false, b"").await.unwrap_err().what.contains("is empty"));
}
