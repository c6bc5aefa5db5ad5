"""A real SLURM of one node on the loopback interface, in a folder of its own: for tests, as root, without a database.

    with Cluster(folder, gpus=2) as cluster:
        subprocess.run(["squeue"], env=cluster.environment)

The node's GPUs are generic resources behind harmless device files: SLURM hands them out, counts them and tells jobs
about them as it does with real ones. No accounting, no control groups: processes are found by their parents.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo")
# Any file that exists can stand for a GPU.
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random")

CONFIGURATION = """\
ClusterName=dermalign
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CryptoType=crypto/munge
SlurmctldPort={controller_port}
SlurmdPort={node_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
TaskProlog={folder}/task_prolog
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0,bf_interval=1
GresTypes=gpu
ReturnToService=2
MinJobAge=3600
KillWait=5
JobRequeue=1
MaxArraySize=1001
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} Gres=gpu:{gpus} State=UNKNOWN
PartitionName=cpu Nodes={host} MaxTime=INFINITE State=UP Default=YES
PartitionName=gpu Nodes={host} MaxTime=INFINITE State=UP
"""

# What SLURM told each job about its GPUs, as the job itself sees it.
TASK_PROLOG = """\
#!/bin/sh
echo "$SLURM_JOB_ID ${{CUDA_VISIBLE_DEVICES-none}} ${{SLURM_STEP_ID-none}}" >> {folder}/environments
"""

# The executor's jobs drop all SLURM_ variables before srun, this folder's SLURM_CONF too.
SRUN = """\
#!/bin/sh
SLURM_CONF={folder}/slurm.conf exec {srun} "$@"
"""


class Cluster:
    """SLURM between `__enter__` and `__exit__`; `environment` is what its commands need."""

    def __init__(self, folder: Path, cores: int = 2, memory: int = 16000, gpus: int = 2) -> None:
        lacking = [program for program in PROGRAMS if not _which(program)]
        if lacking:
            raise RuntimeError(f"SLURM is not installed: {', '.join(lacking)} not found.")
        if os.geteuid() != 0:
            raise RuntimeError("This SLURM starts its daemons as root.")
        self.folder = folder
        self.host = socket.gethostname().split(".")[0]
        self._cores, self._memory, self._gpus = cores, memory, gpus
        self._daemons: list[subprocess.Popen[bytes]] = []
        path = f"{folder / 'bin'}:{os.environ['PATH']}"
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "PATH": path}
        for name in [
            name for name in self.environment if name.startswith(("SLURM_", "SBATCH_")) and "CONF" not in name
        ]:
            del self.environment[name]

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _start(self) -> None:
        for name in ("munge", "state", "spool", "bin"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "munge").chmod(0o755)
        key = self.folder / "munge" / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        values = {
            "folder": self.folder,
            "host": self.host,
            "controller_port": _free_port(),
            "node_port": _free_port(),
            "cores": self._cores,
            "memory": self._memory,
            "gpus": self._gpus,
        }
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(**values), encoding="utf-8")
        devices = "".join(f"Name=gpu File={device}\n" for device in DEVICES[: self._gpus])
        (self.folder / "gres.conf").write_text(devices, encoding="utf-8")
        # Newer versions of SLURM look for control groups unless told not to.
        if _version() >= (23, 11):
            (self.folder / "cgroup.conf").write_text("CgroupPlugin=disabled\n", encoding="utf-8")
        _write_script(self.folder / "task_prolog", TASK_PROLOG.format(**values))
        _write_script(self.folder / "bin" / "srun", SRUN.format(**values, srun=_which("srun")))

        munge = self.folder / "munge"
        files = [f"--{name}-file={munge / name}" for name in ("key", "pid", "log", "seed")]
        self._daemon("munged", "--foreground", "--force", f"--socket={munge / 'socket'}", *files)
        _wait(lambda: (munge / "socket").exists(), "munged does not start", self.folder)
        self._daemon("slurmctld", "-D", "-c")
        _wait(lambda: self._answers("scontrol", "ping"), "slurmctld does not start", self.folder)
        self._daemon("slurmd", "-D")
        _wait(lambda: self.node_state() == "IDLE", "the node does not come up", self.folder)

    def _daemon(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.out").open("wb") as output:
            process = subprocess.Popen(
                [str(_which(program)), *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=self.environment,
                start_new_session=True,
            )
        self._daemons.append(process)

    def _stop(self) -> None:
        if len(self._daemons) == 3:
            self.run("scancel", "--user=root", check=False)
            deadline = time.monotonic() + 15
            while time.monotonic() < deadline and self.run("squeue", "--noheader", check=False).strip():
                time.sleep(0.2)
        for process in reversed(self._daemons):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._daemons.clear()
        # Without control groups, a killed job may leave a process behind: known by this folder in its environment.
        mark = f"SLURM_CONF={self.folder / 'slurm.conf'}".encode()
        for process_id in [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]:
            with contextlib.suppress(OSError):
                if mark in Path(f"/proc/{process_id}/environ").read_bytes().split(b"\0"):
                    os.kill(process_id, signal.SIGKILL)

    def run(self, *command: str, check: bool = True) -> str:
        """Run one of SLURM's commands and return what it prints."""
        process = subprocess.run(command, capture_output=True, text=True, env=self.environment, check=False)
        if check and process.returncode:
            raise RuntimeError(f"{' '.join(command)}: {process.stderr.strip()}")
        return process.stdout

    def _answers(self, *command: str) -> bool:
        return "UP" in self.run(*command, check=False)

    def node_state(self) -> str:
        """The node's state, such as IDLE, MIXED or DOWN."""
        match = re.search(r"State=(\S+)", self.run("scontrol", "show", "node", self.host, check=False))
        return match[1] if match else ""

    def node_goes_down(self) -> None:
        """Tell the controller that the node died: its jobs fail, or are put back in the queue."""
        self.run("scontrol", "update", f"NodeName={self.host}", "State=DOWN", "Reason=test")

    def node_comes_back(self) -> None:
        """Tell the controller that the node is well again, if it has not found out by itself."""
        if "DOWN" in self.node_state():
            self.run("scontrol", "update", f"NodeName={self.host}", "State=RESUME")

    def jobs(self) -> dict[str, dict[str, str]]:
        """What `scontrol show job` says about every job since the start, by job id."""
        found = {}
        for line in self.run("scontrol", "--oneliner", "--details", "show", "job", check=False).splitlines():
            values = dict(re.findall(r"(\w+)=(\S*)", line))
            if "JobId" in values:
                found[values["JobId"]] = values
        return found

    def environments(self) -> dict[str, set[str]]:
        """The values of CUDA_VISIBLE_DEVICES that the tasks of each job saw, by job id; `none` where it was not set."""
        found: dict[str, set[str]] = {}
        path = self.folder / "environments"
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
            job, devices, _ = line.split()
            found.setdefault(job, set()).add(devices)
        return found


def _write_script(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def _which(program: str) -> str | None:
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/sbin")


def _version() -> tuple[int, int]:
    text = subprocess.run([str(_which("slurmctld")), "-V"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _wait(ready: Callable[[], bool], complaint: str, folder: Path, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            logs = {path.name: path.read_text(errors="replace")[-1500:] for path in folder.glob("*.[lo]*")}
            raise RuntimeError(f"{complaint}: {json.dumps(logs, indent=1)}")
        time.sleep(0.1)
