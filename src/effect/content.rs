//! What a call takes from files and folders of the project, as one hash: what was planned is known again by it.

use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::inside::inside;
use crate::base::text;
use crate::sys::files;
use crate::sys::folder::Folder;

/// So much is read at once; in bytes.
const CHUNK: usize = 64 * 1024;

/// SHA-256 over the content of all that is named, hexadecimal: of a file, or of every file of a folder with its name. `None` where
/// nothing that can be read has one of these names in the project.
#[must_use]
pub fn fingerprint(project: &Path, named: &[impl AsRef<str>]) -> Option<String> {
    let mut hash = Sha256::new();
    for name in named {
        add(&mut hash, &inside(project, Path::new(name.as_ref())).ok()?)?;
    }
    (!named.is_empty()).then(|| text::hexadecimal(&hash.finalize()))
}

fn add(hash: &mut Sha256, path: &Path) -> Option<()> {
    if files::is_folder(path) {
        let mut names: Vec<String> =
            Folder::open(path).ok()??.walk("").ok()?.into_iter().map(|(name, _)| name).collect();
        names.sort();
        for name in names {
            hash.update(name.as_bytes());
            hash.update([0]);
            take(hash, &path.join(name))?;
        }
    } else {
        take(hash, path)?;
    }
    Some(())
}

fn take(hash: &mut Sha256, path: &Path) -> Option<()> {
    let (mut file, bytes) = files::open(path).ok()??;
    // Where one file ends and the next begins is part of it.
    hash.update(bytes.to_be_bytes());
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk).ok()? {
            0 => return Some(()),
            read => hash.update(&chunk[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_a_name_or_a_file_more_makes_another_content() {
        let project = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| files::write_public(&project.path().join(name), text.as_bytes());
        let of = |named: &str| fingerprint(project.path(), &[named]);
        write("sql/1.sql", "one").unwrap();
        write("sql/2.sql", "two").unwrap();
        let (file, folder) = (of("sql/1.sql").unwrap(), of("sql").unwrap());
        assert_eq!((of("none"), of("../x"), of("kind: Pod\n")), (None, None, None));
        write("sql/2.sql", "tow").unwrap();
        assert!(of("sql").unwrap() != folder && of("sql/1.sql").unwrap() == file);
        write("sql/2.sql", "two").unwrap();
        assert_eq!(of("sql").unwrap(), folder);
        let both = fingerprint(project.path(), &["sql/1.sql", "sql/2.sql"]).unwrap();
        assert!(both != file && fingerprint(project.path(), &["sql/1.sql", "none"]).is_none());
        assert_eq!(fingerprint(project.path(), &[""; 0]), None);
        write("sql/3.sql", "").unwrap();
        assert_ne!(of("sql").unwrap(), folder);
    }
}
