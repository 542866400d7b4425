#!/usr/bin/env python3
"""What a run costs that survives everything: resume of 10,000 effects, and memory of 100,000 writes.

    cargo build --release && benches/resume.py [target/release/playbook]
    cargo bench --bench journal        # a journalled write against a bare durable commit

Each figure is the median of five, on the disk that TMPDIR lies on.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

BINARY = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/release/playbook")
SETTINGS = '[env.local.files.out]\npath = "out"\naccess = "destroy"\n[env.local.limits]\ntimeout = "2h"\n'
HEAD = '//! T.\n//! uses = ["files.out:destroy"]\n//! on_failure = "stop"\nlet out = files("out");\n'


def project(folder, body):
    os.makedirs(f"{folder}/out", exist_ok=True)
    with open(f"{folder}/playbook.toml", "w") as settings:
        settings.write(SETTINGS)
    with open(f"{folder}/t.rhai", "w") as script:
        script.write(HEAD + body)
    with open(f"{folder}/out/it", "w") as it:
        it.write("it")


def run(folder, *words):
    """Seconds, seconds of CPU, and MiB of memory at most, of one command."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen([BINARY, *words], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - begin
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def resumed():
    with tempfile.TemporaryDirectory() as folder:
        project(folder, 'for n in 0..10000 { out.get("it"); }\nfail("here");\n')
        run(folder, "exec", "t.rhai")
        # What a run read since its last change it would read again: a change behind it keeps all of it recorded.
        project(folder, 'for n in 0..10000 { out.get("it"); }\nout.put("last", "1");\nfail("here");\n')
        run(folder, "exec", "t.rhai")
        return statistics.median(run(folder, "resume", "last")[0] for _ in range(5))


def memory(writes):
    """MiB at most of a run of so many writes, in steps, with a check each; there is nothing to remove, so the disk keeps up."""
    with tempfile.TemporaryDirectory() as folder:
        project(folder, f'for n in 0..{writes // 10} {{ step `Turn ${{n}}` {{ for i in 0..10 {{ out.delete("none"); }} check "c", n >= 0; }} }}\n')
        return run(folder, "exec", "t.rhai")[2]


def main():
    print(f"resume of 10,000 effects: {resumed() * 1000:.0f} ms")
    small, large = memory(10_000), memory(100_000)
    print(f"memory of 10,000 writes: {small:.1f} MiB, of 100,000: {large:.1f} MiB")


if __name__ == "__main__":
    main()
