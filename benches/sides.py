"""The sides of each contest: the same job written for each program, and the proof that it was done."""

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import measure

STEPS = 100


@dataclass
class Side:
    """One program with one job in a folder of its own."""

    name: str
    folder: Path
    command: list[str]
    prove: Callable[[measure.Run], bool]
    variables: dict[str, str] = field(default_factory=dict)

    def run(self) -> measure.Run:
        """Does the job once, and makes sure that it was done."""
        marker = self.folder / "marker"
        marker.unlink(missing_ok=True)
        run = measure.run(self.command, self.folder, self.variables)
        if not self.prove(run):
            raise measure.Failed(f"{self.name} ended well and did not do the work:\n{run.output[-3000:]}")
        return run


@dataclass(frozen=True)
class Programs:
    """Where the programs are."""

    playbook: Path
    venv: Path
    deno: Path

    def python(self, name: str) -> str:
        """A program that came with a Python package."""
        return str(self.venv / "bin" / name)


def touched(folder: Path) -> Callable[[measure.Run], bool]:
    """The proof that the one effect happened."""
    return lambda _: (folder / "marker").exists()


def make(folder: Path, files: dict[str, str]) -> Path:
    """A new folder with these files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


SETTINGS = """\
[env.local.program.touch]
write = [["marker"]]
access = "write"

[env.local.program.true]
write = [[]]
access = "write"
"""


def our_first_effect(programs: Programs, work: Path) -> Side:
    """A playbook with one step that makes one file."""
    text = '//! One effect.\n//!\n//! uses = ["program.touch:write"]\nstep "Touch" { program("touch").run(["marker"]); }\n'
    folder = make(work / "playbook-first", {"playbook.toml": SETTINGS, "job.rhai": text})
    return Side("playbook", folder, [str(programs.playbook), "exec", "job.rhai"], touched(folder))


def our_steps(programs: Programs, work: Path) -> Side:
    """A playbook of a hundred steps."""
    step = 'step "Step {0}" {{ program("true").run([]); }}'
    lines = ["//! A hundred steps.", "//!", '//! uses = ["program.true:write"]']
    lines += [step.format(number) for number in range(STEPS)]
    folder = make(work / "playbook-steps", {"playbook.toml": SETTINGS, "job.rhai": "\n".join(lines) + "\n"})

    def journalled(_: measure.Run) -> bool:
        shown = subprocess.run(
            [str(programs.playbook), "show", "last", "--output", "json"],
            cwd=folder,
            stdout=subprocess.PIPE,
            check=True,
        )
        entries = json.loads(shown.stdout)["entries"]
        done = [one for one in entries if one["event"] == "effect_ended" and one["outcome"] == "done"]
        return len(done) == STEPS

    return Side("playbook", folder, [str(programs.playbook), "exec", "job.rhai"], journalled)


def deno_first_effect(programs: Programs, work: Path) -> Side:
    """The same by `Deno.Command`, with the one permission it needs."""
    text = 'new Deno.Command("/usr/bin/touch", { args: ["marker"] }).outputSync();\n'
    folder = make(work / "deno-first", {"job.ts": text})
    command = [str(programs.deno), "run", "--no-prompt", "--allow-run=/usr/bin/touch", "job.ts"]
    variables = {"DENO_NO_UPDATE_CHECK": "1", "DENO_DIR": str(work / "deno-cache")}
    return Side("deno", folder, command, touched(folder), variables)


ANSIBLE = {
    "ANSIBLE_PIPELINING": "1",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_LOCALHOST_WARNING": "0",
    "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
}


def ansible(programs: Programs, folder: Path, tasks: list[tuple[str, str]]) -> Side:
    """A play on this machine without facts, with pipelining: no module is copied anywhere."""
    head = "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n"
    body = "".join(f"    - name: {name}\n      ansible.builtin.command: {call}\n" for name, call in tasks)
    make(folder, {"job.yml": head + body})
    # Its own interpreter, named, so that it need not look for one.
    interpreter = f"ansible_python_interpreter={programs.python('python')}"
    command = [programs.python("ansible-playbook"), "-i", "localhost,", "-e", interpreter, "job.yml"]

    def all_done(run: measure.Run) -> bool:
        return f"changed={len(tasks)} " in run.output and "failed=0" in run.output

    return Side("ansible-playbook", folder, command, all_done, ANSIBLE)


def ansible_first_effect(programs: Programs, work: Path) -> Side:
    """One task that makes one file."""
    folder = work / "ansible-first"
    side = ansible(programs, folder, [("Touch", f"/usr/bin/touch {folder}/marker")])
    side.prove = touched(folder)
    return side


def ansible_steps(programs: Programs, work: Path) -> Side:
    """A hundred tasks."""
    return ansible(programs, work / "ansible-steps", [(f"Step {n}", "/bin/true") for n in range(STEPS)])


def pyinfra(programs: Programs, folder: Path, body: str) -> Side:
    """A deploy of shell operations on `@local`."""
    make(folder, {"deploy.py": "from pyinfra.operations import server\n\n" + body})
    command = [programs.python("pyinfra"), "-y", "@local", "deploy.py"]
    return Side("pyinfra", folder, command, touched(folder))


def pyinfra_first_effect(programs: Programs, work: Path) -> Side:
    """One operation that makes one file."""
    folder = work / "pyinfra-first"
    return pyinfra(programs, folder, f'server.shell(name="Touch", commands=["/usr/bin/touch {folder}/marker"])\n')


def pyinfra_steps(programs: Programs, work: Path) -> Side:
    """A hundred operations."""
    body = f'for number in range({STEPS}):\n    server.shell(name=f"Step {{number}}", commands=["/bin/true"])\n'
    side = pyinfra(programs, work / "pyinfra-steps", body)

    def all_changed(run: measure.Run) -> bool:
        totals = [line.split() for line in run.output.splitlines() if "Grand total" in line]
        return bool(totals) and str(STEPS) in totals[-1]

    side.prove = all_changed
    return side


DBOS = """\
import subprocess
from dbos import DBOS

DBOS(config={"name": "job", "system_database_url": "sqlite:///journal.sqlite", "run_admin_server": False, "log_level": "WARNING"})


@DBOS.step()
def step(number):
    return subprocess.run(["/bin/true"], check=True).returncode


@DBOS.workflow()
def steps():
    for number in range(COUNT):
        step(number)
    return DBOS.workflow_id


DBOS.launch()
print("workflow", steps())
DBOS.destroy()
"""


def dbos_steps(programs: Programs, work: Path) -> Side:
    """A durable workflow of a hundred steps, its state in SQLite."""
    folder = make(work / "dbos-steps", {"job.py": DBOS.replace("COUNT", str(STEPS))})

    def recorded(run: measure.Run) -> bool:
        (workflow,) = (line.split()[1] for line in run.output.splitlines() if line.startswith("workflow "))
        state = sqlite3.connect(folder / "journal.sqlite")
        wanted = "SELECT count(*) FROM operation_outputs WHERE workflow_uuid = ?"
        (count,) = state.execute(wanted, [workflow]).fetchone()
        state.close()
        return count == STEPS

    return Side("dbos", folder, [programs.python("python"), "job.py"], recorded)


def bash_steps(work: Path) -> Side:
    """A loop of a shell: no record, no plan, no deadline."""
    text = f'done=0\nfor ((i = 0; i < {STEPS}; i++)); do /bin/true && done=$((done + 1)); done\necho "$done"\n'
    folder = make(work / "bash-steps", {"job.sh": text})
    return Side("bash", folder, ["/bin/bash", "job.sh"], lambda run: run.output.strip() == str(STEPS))
