//! A folder whose files are reached by descriptors, so that neither `..` nor a symbolic link leads out of it.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rustix::fs::{self, AtFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::{clock, files};
use crate::base::error::{Error, Result};

/// Making a folder and moving into it may race with somebody who removes it because it is empty.
const TRIES: usize = 5;

/// A folder, held open. Names are `/`-separated and relative to it.
#[derive(Debug)]
pub struct Folder {
    root: OwnedFd,
    path: PathBuf,
}

/// What is known of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its size in bytes.
    pub bytes: u64,
    /// When its content was last written.
    pub modified: Timestamp,
    /// When it was last written, linked or moved.
    pub changed: Timestamp,
    /// Its number within the file system.
    pub inode: u64,
}

impl Status {
    fn of(stat: &fs::Stat) -> Option<Self> {
        let time = |seconds: i64, nanoseconds: u64| {
            Timestamp::new(seconds, i32::try_from(nanoseconds).unwrap_or(0)).unwrap_or(Timestamp::UNIX_EPOCH)
        };
        FileType::from_raw_mode(stat.st_mode).is_file().then(|| Self {
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            modified: time(stat.st_mtime, stat.st_mtime_nsec),
            changed: time(stat.st_ctime, stat.st_ctime_nsec),
            inode: stat.st_ino,
        })
    }
}

impl Status {
    /// Whether nobody has written, linked or moved it for so long.
    #[must_use]
    pub fn is_older(&self, age: Duration) -> bool {
        let now = clock::now();
        now > self.changed && now.duration_since(self.changed).unsigned_abs() > age
    }
}

impl Folder {
    /// Opens a folder; `None` when there is none.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        match fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(root) => Ok(Some(Self { root, path: path.to_owned() })),
            Err(Errno::NOENT) => Ok(None),
            Err(why) => Err(files::failed("open the folder", path, &why.into())),
        }
    }

    /// Opens a folder; makes it, for its owner only, when there is none.
    pub fn open_or_make(path: &Path) -> Result<Self> {
        files::make_private_folder(path)?;
        Self::open(path)?.ok_or_else(|| files::failed("open the folder", path, &Errno::NOENT.into()))
    }

    /// A regular file, open for reading; `None` when there is none of that name.
    pub fn read(&self, name: &str) -> Result<Option<File>> {
        let open = || -> io::Result<File> {
            let (parent, last) = self.parent(name, false)?;
            // Without `NONBLOCK`, opening a named pipe would wait for somebody to write to it.
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = fs::openat(&parent, last, flags, Mode::empty())?;
            let is_file = Status::of(&fs::fstat(&file)?).is_some();
            if is_file { Ok(file.into()) } else { Err(Errno::NOENT.into()) }
        };
        self.found("read", name, open())
    }

    /// What is known of a regular file; `None` when there is none of that name.
    pub fn status(&self, name: &str) -> Result<Option<Status>> {
        let look = || -> io::Result<Option<Status>> {
            let (parent, last) = self.parent(name, false)?;
            let stat = fs::statat(&parent, last, AtFlags::SYMLINK_NOFOLLOW)?;
            if FileType::from_raw_mode(stat.st_mode).is_symlink() {
                return Err(Errno::LOOP.into());
            }
            Ok(Status::of(&stat))
        };
        self.found("look at", name, look()).map(Option::flatten)
    }

    /// A new file that only its owner may read; one of that name is an error.
    pub fn create(&self, name: &str) -> Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let create = |parent: &OwnedFd, last: &str| fs::openat(parent, last, flags, Mode::RUSR | Mode::WUSR);
        self.within(name, create).map(File::from).map_err(|why| self.failed("create", name, &why))
    }

    /// A new file that only its owner may read, and that says by a lock that somebody works on it, as long as it, or a
    /// copy of its descriptor, is open: [`Folder::remove_abandoned`] leaves it alone.
    pub fn create_held(&self, name: &str) -> Result<File> {
        for _ in 0..TRIES {
            let file = self.create(name)?;
            match fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                // Between the two, somebody who clears away may have taken it for abandoned.
                Err(Errno::WOULDBLOCK) => continue,
                // Where there are no locks, only its age tells.
                Ok(()) | Err(Errno::NOTSUP | Errno::NOLCK | Errno::NOSYS) => {}
                Err(why) => return Err(self.failed("lock", name, &why.into())),
            }
            if fs::fstat(&file).is_ok_and(|stat| stat.st_nlink > 0) {
                return Ok(file);
            }
        }
        Err(self.failed("create", name, &Errno::AGAIN.into()))
    }

    /// Removes a file that [`Folder::create_held`] made and nobody works on any more, because that process is gone.
    /// Where there are no locks, one that nobody has touched for `most`.
    pub fn remove_abandoned(&self, name: &str, most: Duration) -> Result<()> {
        let Some(file) = self.read(name)? else { return Ok(()) };
        let abandoned = match fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => true,
            Err(Errno::WOULDBLOCK) => false,
            Err(_) => self.status(name)?.is_some_and(|status| status.is_older(most)),
        };
        if abandoned { self.remove(name).map(drop) } else { Ok(()) }
    }

    /// Moves a file, replacing one that is there, durably: whoever looks sees the old or the new, never neither.
    pub fn rename(&self, from: &str, to: &str) -> Result<()> {
        let (source, last) = self.parent(from, false).map_err(|why| self.failed("move", from, &why))?;
        let moved = self.within(to, |target, name| {
            fs::renameat(&source, last, target, name)?;
            // Of two names of one file, moving removes neither.
            let number = |folder: &OwnedFd, name: &str| {
                fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| (stat.st_dev, stat.st_ino))
            };
            if from != to && number(&source, last).is_ok_and(|one| number(target, name) == Ok(one)) {
                fs::unlinkat(&source, last, AtFlags::empty())?;
                fs::fsync(&source)?;
            }
            fs::fsync(target)
        });
        moved.map_err(|why| self.failed("write", to, &why))?;
        self.prune(from);
        Ok(())
    }

    /// Gives a file a second name, durably; where the file system cannot do that, copies it with its time.
    pub fn link(&self, from: &str, to: &str) -> Result<()> {
        let (source, last) = self.parent(from, false).map_err(|why| self.failed("link", from, &why))?;
        let linked =
            self.within(to, |target, name| match fs::linkat(&source, last, target, name, AtFlags::empty()) {
                Err(Errno::EXIST) => Ok(()),
                Err(Errno::PERM | Errno::OPNOTSUPP | Errno::MLINK) => Err(Errno::OPNOTSUPP),
                Err(why) => Err(why),
                Ok(()) => fs::fsync(target),
            });
        match linked {
            Err(why) if why.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error()) => {
                self.duplicate(from, to)
            }
            linked => linked.map_err(|why| self.failed("link", to, &why)),
        }
    }

    fn duplicate(&self, from: &str, to: &str) -> Result<()> {
        let Some(mut source) = self.read(from)? else { return Ok(()) };
        let mut target = self.create(to)?;
        let mut copy = || -> io::Result<()> {
            let modified = source.metadata()?.modified()?;
            io::copy(&mut source, &mut target)?;
            target.set_modified(modified)?;
            target.sync_all()
        };
        copy().map_err(|why| {
            let _ = self.remove(to);
            self.failed("copy", to, &why)
        })
    }

    /// Removes a file, and the folders that are empty without it; says whether there was one.
    pub fn remove(&self, name: &str) -> Result<bool> {
        let remove = || -> io::Result<()> {
            let (parent, last) = self.parent(name, false)?;
            fs::unlinkat(&parent, last, AtFlags::empty())?;
            Ok(fs::fsync(&parent)?)
        };
        let removed = self.found("remove", name, remove())?.is_some();
        self.prune(name);
        Ok(removed)
    }

    /// The regular files in `below` (`""` for all) and the folders in it, in no order. Symbolic links are left out.
    pub fn walk(&self, below: &str) -> Result<Vec<(String, Status)>> {
        let mut found = Vec::new();
        let mut folders = vec![below.trim_end_matches('/').to_owned()];
        while let Some(folder) = folders.pop() {
            let Some(opened) = self.found("list", &folder, self.folder(&folder))? else { continue };
            let listed = fs::Dir::new(opened).map_err(|why| self.failed("list", &folder, &why.into()))?;
            for entry in listed {
                let entry = entry.map_err(|why| self.failed("list", &folder, &why.into()))?;
                let Ok(last) = entry.file_name().to_str() else { continue };
                let name = if folder.is_empty() { last.to_owned() } else { format!("{folder}/{last}") };
                match entry.file_type() {
                    _ if last == "." || last == ".." => {}
                    FileType::Directory => folders.push(name),
                    FileType::RegularFile => found.extend(self.status(&name)?.map(|status| (name, status))),
                    // Some file systems do not tell.
                    FileType::Unknown => match self.status(&name)? {
                        Some(status) => found.push((name, status)),
                        None => folders.push(name),
                    },
                    _ => {}
                }
            }
        }
        Ok(found)
    }

    /// Where a file lies, for messages.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The error for an operation that failed on `name`.
    #[must_use]
    pub fn failed(&self, doing: &str, name: &str, why: &io::Error) -> Error {
        let path = self.path(name);
        match why.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::LOOP) => Error::denied(format!("`{name}` is, or lies behind, a symbolic link"))
                .why(format!("{} is not followed", path.display()))
                .fix("put the file itself there"),
            Some(Errno::ISDIR | Errno::NOTDIR | Errno::NOTEMPTY) => {
                Error::usage(format!("`{name}` cannot be a file and a folder at once"))
                    .why(format!("cannot {doing} {}: {why}", path.display()))
                    .fix("choose another name")
            }
            _ => files::failed(doing, &path, why),
        }
    }

    /// Does `work` in the folder of `name`, which is made when it is missing.
    fn within<T>(
        &self,
        name: &str,
        mut work: impl FnMut(&OwnedFd, &str) -> Result<T, Errno>,
    ) -> io::Result<T> {
        let mut tried = 0;
        loop {
            tried += 1;
            let (parent, last) = match self.parent(name, true) {
                Err(why) if why.kind() == io::ErrorKind::NotFound && tried < TRIES => continue,
                parent => parent?,
            };
            match work(&parent, last) {
                Err(Errno::NOENT) if tried < TRIES => {}
                done => return Ok(done?),
            }
        }
    }

    /// The folder that `name` lies in, and the last part of the name.
    fn parent<'a>(&self, name: &'a str, make: bool) -> io::Result<(OwnedFd, &'a str)> {
        let (folders, last) = name.rsplit_once('/').unwrap_or(("", name));
        if last.is_empty() || last == "." || last == ".." {
            return Err(Errno::INVAL.into());
        }
        let mut folder = self.root.try_clone()?;
        for part in folders.split('/').filter(|_| !folders.is_empty()) {
            if make {
                match fs::mkdirat(&folder, part, Mode::RWXU) {
                    Ok(()) => fs::fsync(&folder)?,
                    Err(Errno::EXIST) => {}
                    Err(why) => return Err(why.into()),
                }
            }
            folder = enter(&folder, part)?;
        }
        Ok((folder, last))
    }

    fn folder(&self, name: &str) -> io::Result<OwnedFd> {
        if name.is_empty() {
            return Ok(enter_itself(&self.root)?);
        }
        let (parent, last) = self.parent(name, false)?;
        enter(&parent, last)
    }

    /// Removes the folders above `name` that are empty.
    fn prune(&self, name: &str) {
        let mut name = name;
        while let Some((folder, _)) = name.rsplit_once('/') {
            let Ok((parent, last)) = self.parent(folder, false) else { return };
            if fs::unlinkat(&parent, last, AtFlags::REMOVEDIR).is_err() {
                return;
            }
            name = folder;
        }
    }

    /// `None` for a name that is not there.
    fn found<T>(&self, doing: &str, name: &str, result: io::Result<T>) -> Result<Option<T>> {
        match result {
            Ok(found) => Ok(Some(found)),
            Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(why) => Err(self.failed(doing, name, &why)),
        }
    }
}

fn enter_itself(folder: &OwnedFd) -> Result<OwnedFd, Errno> {
    fs::openat(folder, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Opens a folder within `folder`; a symbolic link is `LOOP`, whatever it points to.
fn enter(folder: &OwnedFd, part: &str) -> io::Result<OwnedFd> {
    if part.is_empty() || part == "." || part == ".." {
        return Err(Errno::INVAL.into());
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::openat(folder, part, flags, Mode::empty()).map_err(|why| {
        let is_link = |stat: fs::Stat| FileType::from_raw_mode(stat.st_mode).is_symlink();
        match fs::statat(folder, part, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if why == Errno::NOTDIR && is_link(stat) => Errno::LOOP.into(),
            _ => why.into(),
        }
    })
}
