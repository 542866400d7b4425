"""A load of the same requests by `load` and by wrk, pair by pair: of an nginx that answers as fast as it can, where both share
its processors, and of a server that takes its time, where both wait for it."""

import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import measure
from measure import Ratio, cost, faster
from sides import Side, make

SECONDS, CONNECTIONS = 4, 32
PERCENTILES = (50, 95, 99)

NGINX = """\
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; tcp_nodelay on;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port} backlog=1024; location / {{ return 200 "the same small answer each time\\n"; }} }}
}}
"""
SETTINGS = '[env.local.http.api]\nurl = "http://127.0.0.1:{port}"\n'
PLAYBOOK = (
    '//! Load.\n//!\n//! uses = ["http.api:read"]\n'
    'let seen = http("api").load("/", #{{ lasts: "{seconds}s", concurrency: {connections} }});\n'
    'check "all answered", seen.failed == 0;\n'
)
# Microseconds, in lines that are easily read: how much, in which time, and each latency with how often it was counted.
REPORT = """\
done = function(summary, latency, requests)
  io.write("FIGURES ", summary.requests, " ", summary.duration, "\\n")
  io.write("COUNTED")
  for number = 1, #latency do io.write(" ", table.concat({latency(number)}, ":")) end
  io.write("\\n")
end
"""


@contextmanager
def listening(command: list[str], port: int):
    """A server for as long as it is needed."""
    process = subprocess.Popen(command)
    try:
        for _ in range(500):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.01)
        else:
            raise measure.Failed(f"{command[0]} does not listen")
        yield
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def busy():
    """An nginx of its own with one worker, which answers at once; gives its port."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(program).exists() or not shutil.which("wrk"):
        raise measure.Failed("nginx and wrk are needed: apt-get install nginx-light wrk")
    folder, port = Path(tempfile.mkdtemp(prefix="playbook-load-")), free_port()
    settings = folder / "nginx.conf"
    settings.write_text(NGINX.format(folder=folder, port=port))
    try:
        with listening([program, "-e", str(folder / "error.log"), "-c", str(settings)], port):
            yield port
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def slow():
    """A server whose answers take 5 to 20 ms; gives its port."""
    port = free_port()
    with listening([sys.executable, str(Path(__file__).with_name("slow.py")), str(port)], port):
        yield port


def ours_figures(playbook: Path, folder: Path) -> dict[str, float]:
    """What `load` gave in the last run."""
    command = [str(playbook), "show", "last", "--output", "json"]
    shown = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True)
    entries = json.loads(shown.stdout)["entries"]
    value = next(one["value"] for one in entries if one["event"] == "effect_ended")
    return {"rate": value["per_second"], **{f"p{n}": value[f"p{n}_ms"] / 1000 for n in PERCENTILES}}


def seen(counted: dict[int, int], interval: int) -> dict[int, int]:
    """What wrk has seen of what it has counted. For each latency of at least two intervals, an interval being the time that
    a connection took for a request in the mean, it counts more requests: those that it thinks would have been sent meanwhile,
    each waiting an interval less. From the longest down, they can be told from the others and taken away."""
    for latency in sorted(counted, reverse=True):
        if latency < 2 * interval:
            break
        added = latency - interval
        while added > interval and counted[latency]:
            counted[added] -= counted[latency]
            added -= interval
    return counted


def percentile(counted: dict[int, int], share: float) -> float:
    """The latency that this share of the requests stayed within, in seconds."""
    left = sum(counted.values()) * share / 100
    for latency in sorted(counted):
        left -= counted[latency]
        if left <= 0:
            return latency / 1e6
    raise measure.Failed("wrk has seen nothing")


def wrk_figures(run: measure.Run) -> dict[str, float]:
    """What wrk's report says: as it counts, and what of that it has seen."""
    said = {line.split()[0]: line.split()[1:] for line in run.output.splitlines() if line.strip()}
    requests, duration = (int(word) for word in said["FIGURES"])
    counted = {int(at): int(count) for at, count in (pair.split(":") for pair in said["COUNTED"])}
    figures = {f"counted p{n}": percentile(counted, n) for n in PERCENTILES}
    counted = seen(counted, duration // (requests // CONNECTIONS))
    if min(counted.values()) < 0 or sum(counted.values()) != requests:
        raise measure.Failed(f"{sum(counted.values())} of {requests} requests of wrk were told from what it adds")
    figures |= {f"p{n}": percentile(counted, n) for n in PERCENTILES}
    return {"rate": requests / duration * 1e6, **figures}


def same(name: str, ours: list[float], theirs: list[float]) -> Ratio:
    """How nearly the same they are: within a twentieth."""
    values = [a / b for a, b in zip(ours, theirs, strict=True)]
    held = "yes" if 0.95 <= statistics.median(values) <= 1.05 else "**no**"
    return Ratio(name, ours, theirs, values, "0.95–1.05", held)


def pairs(playbook: Path, work: Path, port: int, rounds: int, say) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    """The figures of both, in turn."""
    text = PLAYBOOK.format(seconds=SECONDS, connections=CONNECTIONS)
    folder = make(work / "playbook-load", {"playbook.toml": SETTINGS.format(port=port), "job.rhai": text})
    ours = Side("playbook", folder, [str(playbook), "exec", "job.rhai"], lambda _: True)
    folder = make(work / "wrk-load", {"report.lua": REPORT})
    command = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", "report.lua", f"http://127.0.0.1:{port}/"]
    theirs = Side("wrk", folder, command, lambda run: "FIGURES" in run.output)
    both: tuple[list[dict[str, float]], list[dict[str, float]]] = ([], [])
    for number in range(rounds):
        ours.run()
        both[0].append(ours_figures(playbook, ours.folder))
        both[1].append(wrk_figures(theirs.run()))
        say(f"  load {number + 1}/{rounds}: {both[0][-1]['rate']:,.0f} and {both[1][-1]['rate']:,.0f} requests/s")
    return both


def column(side: list[dict[str, float]], name: str) -> list[float]:
    """One figure of each run."""
    return [one[name] for one in side]


def load(playbook: Path, work: Path, rounds: int, say) -> list[Ratio]:
    """Requests a second, as the time of one, and the percentiles of their latency: where both wait for the server, and
    where both wait for the processors."""
    ratios = []
    for server, what, rate, judge in ((slow, "answers of 5 to 20 ms", None, same), (busy, "answers at once", 0.7, cost)):
        with server() as port:
            ours, theirs = pairs(playbook, work, port, rounds, say)
        what = f"load at {CONNECTIONS} connections, {what}"
        times = [[1 / one["rate"] for one in side] for side in (ours, theirs)]
        ratios.append(faster(f"{what}, time of a request: wrk / playbook", *times, rate))
        for n in PERCENTILES:
            own = column(ours, f"p{n}")
            ratios.append(judge(f"{what}, P{n}: playbook / wrk", own, column(theirs, f"p{n}")))
            if server is busy:
                counted = column(theirs, f"counted p{n}")
                ratios.append(same(f"{what}, P{n}: playbook / wrk with what it adds", own, counted))
    return ratios
