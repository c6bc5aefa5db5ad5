"""What tests of hostile files share: functions run in a process of their own, whose memory is measured."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "workflow_scripts"
# The high-water mark of a process counts what it was forked from, so that memory is told by what the code adds to it.
PROGRAM = """
import resource, sys
sys.path.insert(0, {library!r})
{imports}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
open("/proc/self/clear_refs", "w").write("5")  # the high-water mark starts anew
try:
{code}
except InputError as error:
    print(error, end="")
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print("\\nPEAK", int(peak.split()[1]) // 1024)
"""


@pytest.fixture
def measured() -> Callable[[str, str], tuple[str, int]]:
    """A function that runs imports and code in a new process, and returns what is printed and the peak memory in MiB.

    The code's InputError is printed. The process may not take more than 6 GiB, nor 120 s.
    """

    def run(imports: str, code: str) -> tuple[str, int]:
        body = "\n".join(f"    {line}" for line in code.strip().splitlines())
        program = PROGRAM.format(
            library=str(LIBRARY), imports=f"{imports}\nfrom dermalign.errors import InputError", code=body
        )
        limited = f"import resource; resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30))\n{program}"
        done = subprocess.run([sys.executable, "-c", limited], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        printed, _, peak = done.stdout.rpartition("\nPEAK")
        return printed, int(peak)

    return run
