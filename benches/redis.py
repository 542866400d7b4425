"""Invalidation of a pattern against the pipe of redis-cli, and what another client of the same server notices of it."""

import shutil
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import measure
from measure import Ratio, cost, faster
from sides import Side, make

KEYS, MATCHING = 1_000_000, 200_000
PIPE = "redis-cli -p {port} --scan --pattern 'p:*' | xargs redis-cli -p {port} unlink > removed.txt"

SETTINGS = '[env.local.redis.cache]\nport = {port}\naccess = "destroy"\n'
PLAYBOOK = (
    '//! Invalidate.\n//!\n//! uses = ["redis.cache:destroy"]\n'
    'step "Invalidate" { check "removed", redis("cache").invalidate("p:*").removed == %d; }\n' % MATCHING
)


class Client:
    """A plain connection: one command, one answer."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, *words: str) -> bytes:
        """The first line of the answer."""
        parts = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        self.socket.sendall(f"*{len(words)}\r\n{parts}".encode())
        answer = b""
        while not answer.endswith(b"\r\n"):
            answer += self.socket.recv(65536)
        if answer.startswith(b"-"):
            raise measure.Failed(f"redis refused {words}: {answer.decode()}")
        return answer


@contextmanager
def server():
    """A server of its own in memory; gives its port."""
    folder = tempfile.mkdtemp(prefix="playbook-redis-")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", folder, "--save", ""]
    command += ["--appendonly", "no", "--enable-debug-command", "yes"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                Client(port)
                break
            except OSError:
                if process.poll() is not None:
                    raise measure.Failed("redis-server did not start") from None
        yield port
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


class Steady:
    """Another client: GET upon GET with a short rest between, and how long each took."""

    def __init__(self, port: int) -> None:
        self.port, self.took, self.over = port, [], threading.Event()
        self.thread = threading.Thread(target=self.work)

    def work(self) -> None:
        """Asks until it is over."""
        client = Client(self.port)
        while not self.over.is_set():
            begin = time.perf_counter()
            client.ask("GET", "other:7")
            self.took.append(time.perf_counter() - begin)
            time.sleep(0.0005)

    def __enter__(self) -> "Steady":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def p99(self) -> float:
        """The time that 99 of 100 requests stayed below; the first ones only warm up."""
        took = sorted(self.took[20:])
        return took[int(len(took) * 0.99)]


def fill(port: int) -> None:
    """The same keys before each turn."""
    client = Client(port)
    client.ask("FLUSHALL", "SYNC")
    client.ask("DEBUG", "POPULATE", str(KEYS - MATCHING), "other", "32")
    client.ask("DEBUG", "POPULATE", str(MATCHING), "p", "32")
    size = client.ask("DBSIZE")
    if size != b":%d\r\n" % KEYS:
        raise measure.Failed(f"the key set is not as it should be: {size.decode()}")


def gone(port: int) -> bool:
    """The proof: only the matching keys are gone."""
    left = Client(port).ask("DBSIZE") == b":%d\r\n" % (KEYS - MATCHING)
    return left and Client(port).ask("EXISTS", "p:0", "p:199999", "p:77777") == b":0\r\n"


def idle(port: int) -> float:
    """What the other client sees when it is alone."""
    with Steady(port) as other:
        time.sleep(2)
    return other.p99()


def invalidate(playbook: Path, work: Path, rounds: int, say) -> list[Ratio]:
    """Wall time of both, and the other client's P99 before and during each."""
    with server() as port:
        settings = {"playbook.toml": SETTINGS.format(port=port), "job.rhai": PLAYBOOK}
        folder = make(work / "playbook-invalidate", settings)
        ours = Side("playbook", folder, [str(playbook), "exec", "job.rhai"], lambda _: gone(port))
        folder = make(work / "redis-cli-invalidate", {})
        pipe = ["/bin/sh", "-c", PIPE.format(port=port)]
        theirs = Side("redis-cli", folder, pipe, lambda _: gone(port))
        walls: dict[str, list[float]] = {"ours": [], "theirs": []}
        alone: dict[str, list[float]] = {"ours": [], "theirs": []}
        during: dict[str, list[float]] = {"ours": [], "theirs": []}
        for number in range(rounds):
            for name, side in (("ours", ours), ("theirs", theirs)):
                # The time is taken without the other client, and what it sees with it.
                fill(port)
                walls[name].append(side.run().wall)
                fill(port)
                alone[name].append(idle(port))
                with Steady(port) as other:
                    side.run()
                during[name].append(other.p99())
            say(f"  invalidate {number + 1}/{rounds}")
    return [
        faster("invalidate 200,000 of 1,000,000 keys, wall: redis-cli / playbook", walls["ours"], walls["theirs"], 2),
        cost("P99 of another client, wall: during playbook / alone", during["ours"], alone["ours"], 2),
        cost("P99 of another client, wall: during redis-cli / alone", during["theirs"], alone["theirs"]),
    ]
