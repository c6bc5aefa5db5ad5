"""The peak memory of a process, for benchmarks that measure it in a process of its own."""

import re
import resource
import sys
from pathlib import Path


def own_peak() -> float:
    """Return the peak memory of this process in MiB.

    Read from /proc where there is one, as getrusage reports at least the memory of the process that started it.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))
        return int(peak) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
