"""A folder of small files synced into a bucket against `aws s3 sync`, and a second sync that finds nothing to do."""

import shutil
import tempfile
from pathlib import Path

import measure
from backup import KEYS, aws, s3
from measure import Ratio, cost, faster
from sides import Side, make

FILES, BYTES = 5_000, 4_096

SETTINGS = """\
[env.local.s3.site]
bucket = "backups"
endpoint = "http://127.0.0.1:{s3}"
access_key = "env:AWS_ACCESS_KEY_ID"
secret_key = "env:AWS_SECRET_ACCESS_KEY"
access = "write"
"""

SYNC = """\
//! Sync.
//!
//! uses = ["s3.site:write"]

step "Sync" {
    let sent = s3("site").sync_from("dist");
    log(`${sent.uploaded} sent, ${sent.unchanged} unchanged`);
}
"""

LIST = f"""\
//! List.
//!
//! uses = ["s3.site:read"]

step "List" {{ check "objects", s3("site").list(#{{ limit: {FILES + 1} }}).len() == {FILES}; }}
"""


def fill(folder: Path) -> None:
    """Files of one size and different content, in folders as a site has them."""
    for number in range(FILES):
        place = folder / "dist" / f"{number % 50:02}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:05}.html").write_bytes(f"{number:08}".encode() * (BYTES // 8))


def stored(bucket: Path):
    """The proof: every file is there with its content."""

    def prove(_: measure.Run) -> bool:
        found = [path for path in bucket.rglob("*.html") if not path.name.startswith(".")]
        whole = found and found[-1].read_bytes()[:8] == found[-1].stem.rjust(8, "0").encode()
        return bool(whole) and len(found) == FILES

    return prove


def empty(bucket: Path) -> None:
    """An empty bucket again."""
    shutil.rmtree(bucket)
    bucket.mkdir()
    for path in bucket.parent.glob(".*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def sync(playbook: Path, memory: Path, home: Path, rounds: int, say) -> list[Ratio]:
    """Wall time of the first sync and of one that has nothing to do. Folder and bucket lie in memory: how fast the server's
    disk takes ten thousand small files is not what is compared."""
    client = aws(home, say)
    place = Path(tempfile.mkdtemp(prefix="playbook-sync-", dir=memory))
    try:
        with s3(home, place, say) as (port, bucket):
            files = {"playbook.toml": SETTINGS.format(s3=port), "sync.rhai": SYNC, "list.rhai": LIST}
            folder = make(place / "playbook", files)
            fill(folder)
            proof = stored(bucket)
            ours = Side("playbook", folder, [str(playbook), "exec", "sync.rhai"], proof, KEYS)
            listing = Side("playbook list", folder, [str(playbook), "exec", "list.rhai"], proof, KEYS)
            command = [str(client), "--endpoint-url", f"http://127.0.0.1:{port}", "s3", "sync", "dist", "s3://backups/"]
            theirs = Side("aws s3 sync", folder, [*command, "--only-show-errors"], proof, KEYS)
            walls: dict[str, list[float]] = {name: [] for name in ("ours", "theirs", "ours again", "theirs again", "list")}
            for number in range(rounds):
                empty(bucket)
                walls["ours"].append(ours.run().wall)
                walls["ours again"].append(ours.run().wall)
                walls["list"].append(listing.run().wall)
                empty(bucket)
                walls["theirs"].append(theirs.run().wall)
                walls["theirs again"].append(theirs.run().wall)
                say(f"  sync {number + 1}/{rounds}")
            what = f"{FILES:,} files of 4 KiB"
            return [
                faster(f"sync of {what}, wall: aws s3 sync / playbook", walls["ours"], walls["theirs"], 8),
                faster("sync again, nothing changed, wall: aws s3 sync / playbook", walls["ours again"], walls["theirs again"]),
                cost("sync again, nothing changed, wall: playbook / listing the bucket", walls["ours again"], walls["list"]),
            ]
    finally:
        shutil.rmtree(place, ignore_errors=True)
