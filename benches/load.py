"""A load of the same requests by `load` and by wrk, pair by pair against the same nginx."""

import json
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import measure
from measure import Ratio, faster
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
# Microseconds, in one line that is easily read.
REPORT = """\
done = function(summary, latency, requests)
  io.write("FIGURES ", summary.requests, " ", summary.duration)
  for _, share in ipairs({50, 95, 99}) do io.write(" ", latency:percentile(share)) end
  io.write("\\n")
end
"""


@contextmanager
def server():
    """An nginx of its own with one worker; gives its port."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(program).exists() or not shutil.which("wrk"):
        raise measure.Failed("nginx and wrk are needed: apt-get install nginx-light wrk")
    folder = Path(tempfile.mkdtemp(prefix="playbook-load-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = folder / "nginx.conf"
    settings.write_text(NGINX.format(folder=folder, port=port))
    process = subprocess.Popen([program, "-e", str(folder / "error.log"), "-c", str(settings)])
    try:
        for _ in range(500):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.01)
        else:
            raise measure.Failed("nginx does not listen")
        yield port
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def ours_figures(playbook: Path, folder: Path) -> dict[str, float]:
    """What `load` gave in the last run."""
    command = [str(playbook), "show", "last", "--output", "json"]
    shown = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True)
    entries = json.loads(shown.stdout)["entries"]
    value = next(one["value"] for one in entries if one["event"] == "effect_ended")
    return {"rate": value["per_second"], **{f"p{n}": value[f"p{n}_ms"] / 1000 for n in PERCENTILES}}


def wrk_figures(run: measure.Run) -> dict[str, float]:
    """What wrk's report says."""
    line = next(line for line in run.output.splitlines() if line.startswith("FIGURES "))
    requests, duration, *latencies = (float(word) for word in line.split()[1:])
    return {"rate": requests / duration * 1e6, **{f"p{n}": at / 1e6 for n, at in zip(PERCENTILES, latencies, strict=True)}}


def same(name: str, ours: list[float], theirs: list[float]) -> Ratio:
    """How nearly the same they are: within a twentieth."""
    values = [a / b for a, b in zip(ours, theirs, strict=True)]
    held = "yes" if 0.95 <= statistics.median(values) <= 1.05 else "**no**"
    return Ratio(name, ours, theirs, values, "0.95–1.05", held)


def load(playbook: Path, work: Path, rounds: int, say) -> list[Ratio]:
    """Requests a second, as the time of one, and the percentiles of their latency."""
    with server() as port:
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
    ratios = [
        faster(
            f"load at {CONNECTIONS} connections, time of a request: wrk / playbook",
            [1 / one["rate"] for one in both[0]],
            [1 / one["rate"] for one in both[1]],
            0.7,
        )
    ]
    for n in PERCENTILES:
        name = f"load at {CONNECTIONS} connections, P{n}: playbook / wrk"
        ratios.append(same(name, [one[f"p{n}"] for one in both[0]], [one[f"p{n}"] for one in both[1]]))
    return ratios
