"""A table of 1 GB dumped into an S3 server: verified and published, against the pipe of pg_dump and aws, which verifies nothing."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import measure
from measure import Ratio, cost
from sides import Side, make

ROWS = 7_000_000
AWS_CLI = "awscli==1.45.11"
S3S = "0.14.1"
MEMORY = 96

# Rows as tables have them: numbers, words, times, and texts that cannot be compressed by much.
TABLE = f"""
CREATE TABLE events (id bigint PRIMARY KEY, account int NOT NULL, kind text NOT NULL, payload text NOT NULL,
    amount numeric(12, 2), at timestamptz NOT NULL);
INSERT INTO events SELECT n, n * 7919 % 100003, (ARRAY['created', 'updated', 'paid', 'refunded', 'shipped'])[1 + n % 5],
    md5(n::text) || ' ' || md5((n * 3)::text) || ' order ' || n % 1000 || ' from web', n % 100000 / 100.0,
    timestamptz '2026-01-01' + n * interval '1.7 seconds' FROM generate_series(1::bigint, {ROWS}) n;
VACUUM ANALYZE events;
"""

SETTINGS = """\
[env.local.postgres.main]
host = "127.0.0.1"
port = {postgres}
user = "postgres"
database = "postgres"
access = "read"

[env.local.s3.backups]
bucket = "backups"
endpoint = "http://127.0.0.1:{s3}"
access_key = "env:AWS_ACCESS_KEY_ID"
secret_key = "env:AWS_SECRET_ACCESS_KEY"
access = "write"
"""

PLAYBOOK = f"""\
//! Back up.
//!
//! uses = ["postgres.main:read", "s3.backups:write"]

step "Back up" {{
    let dump = postgres("main").dump_to(s3("backups"), `${{run.id}}.dump`);
    check "rows", dump.rows == {ROWS};
}}
"""

PIPE = "set -o pipefail; pg_dump {how} | {aws} --endpoint-url http://127.0.0.1:{s3} s3 cp - s3://backups/piped.dump"

KEYS = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def listening(port: int) -> bool:
    """Whether somebody answers there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def quiet(command: list[str], **options: object) -> None:
    """Runs a preparing command; what it writes goes to standard error."""
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr, cwd="/", **options)


@contextmanager
def postgres(folder: Path, say):
    """A server of its own with the table; gives its port and the folder of its programs."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    found = debian[-1] if debian else Path(shutil.which("initdb") or "")
    if not found.exists():
        raise measure.Failed("there is no PostgreSQL; install it: apt-get install postgresql")
    programs, port = found.parent, free_port()
    # It does not run as root, and has to reach its folder.
    owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    if owner:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
    data = folder / "data"
    quiet([*owner, str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync"])
    settings = f"listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{folder}'\n"
    settings += "shared_buffers = '256MB'\nmax_wal_size = '4GB'\nfsync = off\n"
    with (data / "postgresql.conf").open("a") as file:
        file.write(settings)
    control = [*owner, str(programs / "pg_ctl"), "-D", str(data), "-l", str(folder / "log"), "-w"]
    quiet([*control, "start"])
    try:
        say("filling a table of 1 GB")
        psql = [str(programs / "psql"), "-qX", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
        for statement in TABLE.split(";")[:-1]:
            quiet([*psql, "-c", statement])
        yield port, programs
    finally:
        quiet([*control, "-m", "immediate", "stop"])


@contextmanager
def s3(home: Path, folder: Path, say):
    """A server of its own; gives its port and the folder of the bucket."""
    cache = Path(os.environ.get("PLAYBOOK_TEST_TOOLS", Path.home() / ".cache/playbook-rig"))
    known = [shutil.which("s3s-fs"), cache / f"s3s-fs-{S3S}/bin/s3s-fs", home / "s3s/bin/s3s-fs"]
    program = next((Path(path) for path in known if path and Path(path).exists()), None)
    if program is None:
        say("installing s3s-fs")
        quiet(["cargo", "install", "s3s-fs", "--version", S3S, "--features", "binary", "--locked", "--root", str(home / "s3s")])
        program = home / "s3s/bin/s3s-fs"
    port, bucket = free_port(), folder / "s3" / "backups"
    bucket.mkdir(parents=True)
    command = [str(program), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--access-key", KEYS["AWS_ACCESS_KEY_ID"], "--secret-key", KEYS["AWS_SECRET_ACCESS_KEY"], str(bucket.parent)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not listening(port):
            if process.poll() is not None:
                raise measure.Failed("s3s-fs did not start")
            time.sleep(0.05)
        yield port, bucket
    finally:
        process.kill()
        process.wait()


def aws(home: Path, say) -> Path:
    """The AWS command line in an environment of its own."""
    venv = home / "aws"
    if not (venv / "bin" / "aws").exists():
        say("installing awscli")
        quiet([sys.executable, "-m", "venv", str(venv)])
        quiet([str(venv / "bin" / "pip"), "install", "--quiet", AWS_CLI])
    return venv / "bin" / "aws"


def stored(bucket: Path, at_least: int):
    """The proof: one object that is not too small to be true, and nothing beside it."""

    def prove(_: measure.Run) -> bool:
        objects = [path for path in bucket.rglob("*") if path.is_file() and not path.name.startswith(".")]
        return len(objects) == 1 and objects[0].stat().st_size > at_least

    return prove


def turn(side: Side, bucket: Path) -> measure.Run:
    """One turn on an empty bucket, with nothing of the turn before still on its way to the disk."""
    for path in bucket.parent.iterdir():
        if path == bucket:
            shutil.rmtree(path)
            path.mkdir()
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    os.sync()
    return side.run()


def backup(playbook: Path, work: Path, home: Path, rounds: int, say) -> list[Ratio]:
    """Wall time against the plain format and the compressed one, and the peak of memory."""
    client = aws(home, say)
    place = Path(tempfile.mkdtemp(prefix="playbook-backup-", dir=work))
    # The server's account has to pass through, wherever this lies.
    outside = Path(tempfile.mkdtemp(prefix="playbook-backup-"))
    try:
        with postgres(outside, say) as (database, programs), s3(home, place, say) as (port, bucket):
            settings = SETTINGS.format(postgres=database, s3=port)
            folder = make(place / "playbook", {"playbook.toml": settings, "job.rhai": PLAYBOOK})
            path = {"PATH": f"{programs}:{os.environ['PATH']}"}
            ours = Side("playbook", folder, [str(playbook), "exec", "job.rhai"], stored(bucket, ROWS * 20), {**KEYS, **path})
            server = {"PGHOST": "127.0.0.1", "PGPORT": str(database), "PGUSER": "postgres", **KEYS, **path}
            pipes = []
            for name, how, turns in [("pg_dump | aws", "", max(3, rounds // 2)), ("pg_dump -Fc | aws", "-Fc", 3)]:
                command = ["/bin/bash", "-c", PIPE.format(how=how, aws=client, s3=port)]
                pipes.append((Side(name, make(place / f"pipe{how}", {}), command, stored(bucket, ROWS * 20), server), turns))
            peaks, ratios = [], []
            turn(ours, bucket), turn(pipes[0][0], bucket)
            for pipe, turns in pipes:
                own, theirs = [], []
                for number in range(turns):
                    own.append(turn(ours, bucket))
                    theirs.append(turn(pipe, bucket))
                    say(f"  {pipe.name} {number + 1}/{turns}")
                peaks += [run.peak for run in own]
                name = f"backup of 1 GB, wall: playbook, which verifies / {pipe.name}, which does not"
                ratios.append(cost(name, [run.wall for run in own], [run.wall for run in theirs], 1.15))
            # A thousandth each, because the table shows thousandths.
            mebibytes = [peak / 2**20 / 1000 for peak in peaks]
            ratios.append(cost(f"backup of 1 GB, peak memory in MiB: playbook / {MEMORY}", mebibytes, [MEMORY / 1000] * len(peaks), 1))
            return ratios
    finally:
        shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(outside, ignore_errors=True)
