"""Commands on many hosts, all of them sshd on this machine, against pyinfra, ansible-core and parallel-ssh."""

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
from measure import Ratio, cost, faster
from sides import Side, make

SSHD, USER = "/usr/sbin/sshd", "playbook-rig"
COMMANDS = 10
PEERS = ["pyinfra==3.10.0", "ansible-core==2.19.14", "parallel-ssh==2.16.0.post1"]

SSHD_SETTINGS = """\
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
UseDNS no
MaxStartups 1000
MaxSessions 100
"""


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that were free a moment ago."""
    open_ones = [socket.socket() for _ in range(count)]
    for one in open_ones:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in open_ones]
    for one in open_ones:
        one.close()
    return ports


def user() -> None:
    """A user whose shell reads no start files: a slow one would cost every side the same second a command."""
    try:
        pwd.getpwnam(USER)
    except KeyError:
        subprocess.run(["useradd", "-m", "-s", "/bin/sh", "-p", "*", USER], check=True)


@contextmanager
def hosts(count: int):
    """So many sshd; gives their folder, with the keys, and their ports."""
    if os.geteuid() != 0 or not Path(SSHD).exists():
        raise measure.Failed("the hosts need root and sshd (openssh-server)")
    user()
    Path("/run/sshd").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="playbook-ssh-"))
    folder.chmod(0o755)
    for name in ("host", "id"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    shutil.copy(folder / "id.pub", folder / "authorized_keys")
    (folder / "sshd_config").write_text(SSHD_SETTINGS.format(folder=folder))
    ports = free_ports(count)
    key = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text("".join(f"[127.0.0.1]:{port} {key}\n" for port in ports))
    processes = []
    try:
        for port in ports:
            command = [SSHD, "-D", "-f", str(folder / "sshd_config"), "-p", str(port)]
            processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        for port in ports:
            wait_for(port)
        yield folder, ports
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(port: int) -> None:
    """Returns when somebody listens there."""
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise measure.Failed(f"sshd on port {port} did not start") from None
            time.sleep(0.01)


def proof(marks: Path, ports: list[int], ran: int):
    """Each host has made each of its marks: the port that a session came to is in SSH_CONNECTION."""

    def judge(_: measure.Run) -> bool:
        made = {path.name for path in marks.iterdir()}
        for path in marks.iterdir():
            path.unlink()
        return made == {f"{number}-{port}" for number in range(ran) for port in ports}

    return judge


def command(marks: Path, number: int) -> str:
    """The job: one small file, named by the command and the host."""
    return f"touch {marks}/{number}-${{SSH_CONNECTION##* }}"


def playbook(program: Path, folder: Path, ports: list[int], work: Path, ran: int = COMMANDS) -> Side:
    """A playbook of so many commands on the whole group, each journalled."""
    marks = folder / "marks"
    names = ", ".join(f'"127.0.0.1:{port}"' for port in ports)
    settings = (
        f'[env.local.ssh.web]\nhosts = [{names}]\nuser = "{USER}"\nkey = "{folder}/id"\n'
        f'known_hosts = "{folder}/known_hosts"\nwrite = [["sh", "-c", "*"]]\naccess = "write"\n'
        "connect_timeout = \"60s\"\n"
    )
    text = '//! Hosts.\n//!\n//! uses = ["ssh.web:write"]\nlet web = ssh("web");\n'
    text += "".join(f'web.exec("{command(marks, number)}");\n' for number in range(ran))
    place = make(work / f"playbook-ssh-{len(ports)}", {"playbook.toml": settings, "job.rhai": text})
    return Side("playbook", place, [str(program), "exec", "job.rhai"], proof(marks, ports, ran))


def pyinfra(venv: Path, folder: Path, ports: list[int], work: Path) -> Side:
    """The same as operations, with as many connections at once as there are hosts."""
    marks = folder / "marks"
    entries = "".join(
        f'    ("host-{port}", {{"ssh_hostname": "127.0.0.1", "ssh_port": {port}, "ssh_user": "{USER}", '
        f'"ssh_key": "{folder}/id", "ssh_known_hosts_file": "{folder}/known_hosts", '
        '"ssh_strict_host_key_checking": "yes"}),\n'
        for port in ports
    )
    job = "from pyinfra.operations import server\n"
    job += "".join(f"server.shell(name='{n}', commands=['{command(marks, n)}'])\n" for n in range(COMMANDS))
    place = make(work / "pyinfra-ssh", {"inventory.py": f"web = [\n{entries}]\n", "job.py": job})
    run = [str(venv / "bin" / "pyinfra"), "-y", "--parallel", str(len(ports)), "inventory.py", "job.py"]
    return Side("pyinfra", place, run, proof(marks, ports, COMMANDS))


def ansible(venv: Path, folder: Path, ports: list[int], work: Path) -> Side:
    """The same as raw tasks, its fastest kind: no module is sent. One fork a host, pipelining, kept connections."""
    marks = folder / "marks"
    lines = "".join(f"host-{port} ansible_host=127.0.0.1 ansible_port={port}\n" for port in ports)
    inventory = (
        f"[web]\n{lines}[web:vars]\nansible_user={USER}\nansible_ssh_private_key_file={folder}/id\n"
        f"ansible_ssh_common_args=-o UserKnownHostsFile={folder}/known_hosts\n"
    )
    tasks = "".join(f"    - ansible.builtin.raw: {command(marks, n)}\n" for n in range(COMMANDS))
    job = "- hosts: web\n  gather_facts: false\n  tasks:\n" + tasks
    place = make(work / "ansible-ssh", {"inventory.ini": inventory, "job.yml": job})
    variables = {"ANSIBLE_FORKS": str(len(ports)), "ANSIBLE_PIPELINING": "1", "ANSIBLE_NOCOLOR": "1"}
    run = [str(venv / "bin" / "ansible-playbook"), "-i", "inventory.ini", "job.yml"]
    return Side("ansible-playbook", place, run, proof(marks, ports, COMMANDS), variables)


PARALLEL = """\
from pssh.clients import ParallelSSHClient
from pssh.config import HostConfig

ports = {ports}
client = ParallelSSHClient(
    ["127.0.0.1"] * len(ports), pool_size=len(ports), host_config=[HostConfig(port=p, user="{user}", private_key="{folder}/id") for p in ports]
)
for number in range({commands}):
    output = client.run_command(f"touch {marks}/{{number}}-${{{{SSH_CONNECTION##* }}}}")
    client.join(output)
    assert all(one.exit_code == 0 for one in output)
"""


def parallel_ssh(venv: Path, folder: Path, ports: list[int], work: Path) -> Side:
    """The same by the library that does nothing but this: no host keys are checked, nothing is recorded."""
    marks = folder / "marks"
    text = PARALLEL.format(ports=ports, user=USER, folder=folder, commands=COMMANDS, marks=marks)
    place = make(work / "parallel-ssh", {"job.py": text})
    return Side("parallel-ssh", place, [str(venv / "bin" / "python"), "job.py"], proof(marks, ports, COMMANDS))


def install(home: Path, say) -> Path:
    """The peers, in an environment of their own, once."""
    venv = home / "venv-ssh"
    if not (venv / "bin" / "ansible-playbook").exists():
        say("installing the peers for hosts")
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True, stdout=sys.stderr)
        subprocess.run([str(venv / "bin" / "pip"), "install", "--quiet", *PEERS], check=True, stdout=sys.stderr)
    return venv


def marks_in(folder: Path) -> None:
    """Where the hosts make their marks."""
    marks = folder / "marks"
    marks.mkdir()
    marks.chmod(0o777)


def many(program: Path, work: Path, count: int, say) -> Ratio:
    """So many hosts in one run: its memory for each host, in bytes over what one host takes."""
    with hosts(count) as (folder, ports):
        marks_in(folder)
        one = playbook(program, folder, ports[:1], work, 2).run()
        all_of_them = playbook(program, folder, ports, work, 2).run()
    each = (all_of_them.peak - one.peak) / (count - 1) / (1024 * 1024)
    say(f"  {count} hosts: {all_of_them.wall:.1f} s, peak {all_of_them.peak / 1048576:.0f} MiB, {each:.2f} MiB a host")
    # Milliseconds are what the table shows: here they stand for MiB.
    return cost(f"{count} hosts, MiB a host over a run with one (of 3)", [each / 1000], [3 / 1000], 1)


def contest(program: Path, work: Path, home: Path, rounds: int, say) -> list[Ratio]:
    """50 hosts and 10 commands, pair by pair; then memory, with 50 and with 500."""
    venv = install(home, say)
    ratios = []
    with hosts(50) as (folder, ports):
        marks_in(folder)
        ours = playbook(program, folder, ports, work)
        peers = [
            (parallel_ssh(venv, folder, ports, work), 1, rounds),
            (pyinfra(venv, folder, ports, work), 3, max(3, rounds // 2)),
            (ansible(venv, folder, ports, work), 5, max(3, rounds // 3)),
        ]
        for peer, target, turns in peers:
            ours.run(), peer.run()
            a, b = [], []
            for number in range(turns):
                a.append(ours.run())
                b.append(peer.run())
                say(f"  {peer.name} {number + 1}/{turns}: {a[-1].wall:.2f} s against {b[-1].wall:.2f} s")
            name = f"50 hosts, 10 commands, wall: {peer.name} / playbook"
            ratios.append(faster(name, [run.wall for run in a], [run.wall for run in b], target))
            name = f"50 hosts, 10 commands, CPU: {peer.name} / playbook"
            ratios.append(faster(name, [run.cpu for run in a], [run.cpu for run in b]))
    return ratios + [many(program, work, 50, say), many(program, work, 500, say)]
