"""Memory in huge pages: a process that has much of it then forks, and runs, with fewer and cheaper page-table entries."""

from __future__ import annotations

import ctypes

MADV_COLLAPSE, HUGE_PAGE = 25, 2**21


def use_huge_pages() -> None:
    """Move this process's own memory into pages of 2 MiB, where the kernel can (Linux 6.1 and newer; else nothing happens)."""
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    with open("/proc/self/maps") as file:
        regions = [line.split() for line in file]
    for bounds, permissions, *rest in regions:
        name = rest[3] if len(rest) > 3 else ""
        if "w" in permissions and name in ("", "[heap]"):
            start, end = (int(bound, 16) for bound in bounds.split("-"))
            for page in range(-(-start // HUGE_PAGE) * HUGE_PAGE, end - HUGE_PAGE + 1, HUGE_PAGE):
                madvise(page, HUGE_PAGE, MADV_COLLAPSE)
