#!/usr/bin/env python3
"""Measures playbook against its peers, pair by pair in one run, and prints the ratios as a Markdown table.

It installs the peers into `target/benches`, builds the release binary, and ends with an error only if a side could not
do its work: never because of a time.
"""

import argparse
import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import backup
import load
import measure
import redis
import sides
import ssh
import sync
from measure import Ratio, cost, faster
from sides import STEPS, Programs, Side

ROOT = Path(__file__).resolve().parent.parent
PYTHON_PEERS = ["pyinfra==3.10.0", "ansible-core==2.19.14", "dbos==3.4.0"]
NPM_PEERS = ["deno@2.9.6"]
CONTESTS = ["first", "steps", "limits", "invalidate", "sync", "backup", "ssh", "load"]


def say(text: str) -> None:
    """Tells how far it is; the result alone goes to standard output."""
    print(text, file=sys.stderr, flush=True)


def call(command: list[str], **options: object) -> None:
    """Runs a preparing command; what it writes goes to standard error."""
    subprocess.run(command, check=True, stdout=sys.stderr, **options)


def install(home: Path) -> tuple[Path, Path]:
    """Installs the peers, once; returns the virtual environment and the deno binary."""
    venv, npm = home / "venv", home / "npm"
    if not (venv / "bin" / "ansible-playbook").exists():
        say("installing the Python peers")
        call([sys.executable, "-m", "venv", str(venv)])
        call([str(venv / "bin" / "pip"), "install", "--quiet", *PYTHON_PEERS])
    if not (npm / "node_modules" / "deno").exists():
        say("installing deno")
        call(["npm", "install", "--silent", "--prefix", str(npm), *NPM_PEERS])
    # The package's own binary, not the JavaScript that starts it.
    deno = next(path for path in (npm / "node_modules" / "@deno").glob("*/deno") if path.is_file())
    return venv, deno


def build(target: Path) -> dict[str, Path]:
    """Builds the release binary and the two engines; returns them by name."""
    say("building")
    command = ["nice", "-n", "10", "cargo", "build", "--release", "--bin", "playbook", "--bench", "bounded", "--bench", "bare"]
    command += ["--message-format=json-render-diagnostics"]
    variables = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    built = subprocess.run(command, cwd=ROOT, env=variables, check=True, stdout=subprocess.PIPE, text=True)
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    made = [message for message in messages if message.get("executable")]
    return {message["target"]["name"]: Path(message["executable"]) for message in made}


def pairs(ours: Side, theirs: Side, rounds: int) -> tuple[list[measure.Run], list[measure.Run]]:
    """Runs A B A B …, after one turn of each to warm its caches."""
    ours.run(), theirs.run()
    both: tuple[list[measure.Run], list[measure.Run]] = ([], [])
    for number in range(rounds):
        both[0].append(ours.run())
        both[1].append(theirs.run())
        say(f"  {theirs.name} {number + 1}/{rounds}")
    return both


def first_effect(programs: Programs, work: Path, rounds: int) -> list[Ratio]:
    """From the start to the first effect and the end, in CPU time of the whole process tree."""
    ours = sides.our_first_effect(programs, work)
    peers = [
        (sides.deno_first_effect(programs, work), 2),
        (sides.ansible_first_effect(programs, work), 40),
        (sides.pyinfra_first_effect(programs, work), 40),
    ]
    ratios = []
    for peer, target in peers:
        a, b = pairs(ours, peer, rounds)
        name = f"one effect, CPU: {peer.name} / playbook"
        ratios.append(faster(name, [run.cpu for run in a], [run.cpu for run in b], target))
        name = f"one effect, wall: {peer.name} / playbook"
        ratios.append(faster(name, [run.wall for run in a], [run.wall for run in b]))
    return ratios


def commits(folder: Path) -> float:
    """Seconds for as many bare durable commits as there are steps: WAL, synchronous=FULL, one small row each."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        database = sqlite3.connect(Path(place) / "bare.db", isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE rows (number INTEGER PRIMARY KEY, text TEXT)")
        begin = time.perf_counter()
        for number in range(STEPS):
            database.execute("INSERT INTO rows VALUES (?, 'one small row')", [number])
        took = time.perf_counter() - begin
        database.close()
        return took


def steps_on_disk(programs: Programs, work: Path, rounds: int) -> list[Ratio]:
    """Against what the shell and the disk alone take: the bash loop and 1.3 times the bare commits."""
    ours, bash = sides.our_steps(programs, work), sides.bash_steps(work)
    ours.run(), bash.run(), commits(work)
    own, loops, floors, bare = [], [], [], []
    for number in range(rounds):
        own.append(ours.run().wall)
        loops.append(bash.run().wall)
        bare.append(commits(work))
        floors.append(loops[-1] + 1.3 * bare[-1])
        say(f"  bash and bare commits {number + 1}/{rounds}")
    return [
        cost("100 steps, wall: playbook / (bash + 1.3 × 100 bare commits)", own, floors, 1),
        cost("100 steps, wall: playbook / bash (which writes nothing)", own, loops),
        cost("100 steps, wall: playbook / 100 bare commits", own, bare),
    ]


def steps_in_memory(programs: Programs, memory: Path, rounds: int) -> list[Ratio]:
    """Against the bash loop with the project in memory: what the machinery itself costs."""
    a, b = pairs(sides.our_steps(programs, memory), sides.bash_steps(memory), rounds)
    walls = ([run.wall for run in a], [run.wall for run in b])
    cpus = ([run.cpu for run in a], [run.cpu for run in b])
    return [
        cost("100 steps without the disk's share, wall: playbook / bash", *walls, 1.5),
        cost("100 steps without the disk's share, CPU: playbook / bash", *cpus),
    ]


def steps_of_peers(programs: Programs, work: Path, rounds: int) -> list[Ratio]:
    """Against the peers that do what we do: a record of each step, on the same disk."""
    ours = sides.our_steps(programs, work)
    peers = [
        (sides.pyinfra_steps(programs, work), 3, rounds),
        (sides.dbos_steps(programs, work), 3, rounds),
        (sides.ansible_steps(programs, work), 50, max(3, rounds // 3)),
    ]
    ratios = []
    for peer, target, turns in peers:
        a, b = pairs(ours, peer, turns)
        name = f"100 steps, wall: {peer.name} / playbook"
        ratios.append(faster(name, [run.wall for run in a], [run.wall for run in b], target))
    return ratios


def limits(binaries: dict[str, Path], work: Path, rounds: int) -> list[Ratio]:
    """The engine with its limits and the counting allocator against the engine with neither."""
    folder = sides.make(work / "limits", {})

    def seconds(name: str, script: str) -> float:
        run = measure.run([str(binaries[name]), script], folder, {})
        if run.output != "done\n":
            raise measure.Failed(f"{name} {script} did not come to its end:\n{run.output}")
        return run.cpu

    ratios = []
    for script, target in [("count", 1.15), ("calls", None), ("texts", None), ("lists", None)]:
        own, bare = [], []
        # A script is short and the difference small: more turns, and CPU time.
        for _ in range(2 * rounds):
            own.append(seconds("bounded", script) - seconds("bounded", "nothing"))
            bare.append(seconds("bare", script) - seconds("bare", "nothing"))
        say(f"  limits: {script}")
        ratios.append(cost(f"ten million operations, `{script}`, CPU: with limits / without", own, bare, target))
    return ratios


def machine() -> str:
    """What it ran on, for the foot of the table."""
    cores, load = os.cpu_count(), os.getloadavg()[0]
    return f"{platform.system()} {platform.release()}, {platform.machine()}, {cores} cores, load {load:.1f} at the end"


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11, help="pairs per line (default 11)")
    parser.add_argument("--only", choices=CONTESTS, action="append", help="only this contest; may be repeated")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--target", type=Path, default=target, help="cargo's target folder")
    parser.add_argument("--memory", type=Path, default=Path("/dev/shm"), help="a folder that lies in memory")
    return parser.parse_args()


def main() -> int:
    """Prepares, runs the contests, prints the table."""
    wanted = arguments()
    home = wanted.target.resolve() / "benches"
    home.mkdir(parents=True, exist_ok=True)
    contests = wanted.only or CONTESTS
    work = sides.make(home / "work", {})
    memory = Path(tempfile.mkdtemp(prefix="playbook-benches-", dir=wanted.memory))
    try:
        binaries = build(wanted.target.resolve())
        ratios: list[Ratio] = []
        if {"first", "steps"} & set(contests):
            programs = Programs(binaries["playbook"], *install(home))
        if "first" in contests:
            ratios += first_effect(programs, work, wanted.rounds)
        if "steps" in contests:
            ratios += steps_on_disk(programs, work, wanted.rounds)
            ratios += steps_in_memory(programs, memory, wanted.rounds)
            ratios += steps_of_peers(programs, work, wanted.rounds)
        if "limits" in contests:
            ratios += limits(binaries, work, wanted.rounds)
        if "invalidate" in contests:
            ratios += redis.invalidate(binaries["playbook"], work, wanted.rounds, say)
        if "sync" in contests:
            ratios += sync.sync(binaries["playbook"], memory, home, max(3, wanted.rounds // 2), say)
        if "backup" in contests:
            ratios += backup.backup(binaries["playbook"], work, home, wanted.rounds, say)
        if "load" in contests:
            ratios += load.load(binaries["playbook"], work, wanted.rounds, say)
        if "ssh" in contests:
            ratios += ssh.contest(binaries["playbook"], work, home, wanted.rounds, say)
    except (measure.Failed, subprocess.CalledProcessError) as why:
        say(f"error: {why}")
        return 1
    finally:
        shutil.rmtree(memory, ignore_errors=True)
    print("\n".join([measure.HEADING, *(ratio.line() for ratio in ratios), "", machine()]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
