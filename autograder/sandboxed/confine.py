"""Give up power for good: capabilities and user id; and, on the `landlock` rung, files, network and system calls.

    python -I -B start.py confine FOLDER UID|- CAPABILITY|- SECRET READABLE...     confines itself, tries to break out

Landlock (Linux 6.12 or newer) closes every file but the given ones, TCP, and signals to others. It knows nothing of UDP,
Unix sockets with a path, System V memory, modes and owners of files, or process groups: seccomp refuses those system calls.
A refused call gives PermissionError. What is not refused by name and came after Linux 6.12 does not exist.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import signal
import socket
import struct

PR_CAPBSET_DROP, PR_SET_KEEPCAPS, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_CAP_AMBIENT = 24, 8, 38, 22, 47
CAPABILITY_VERSION_3 = 0x20080522
LAST_CAPABILITY = 40

libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


# Privileges ---------------------------------------------------------------------------------------------------------


def drop_privileges(uid: int | None, capability: int | None = None) -> None:
    """No way to gain a capability; none left but this one; where we are root and a user id is given, that one's."""
    for number in range(LAST_CAPABILITY + 1):
        if number != capability:
            libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
    if os.getuid() == 0 and uid is not None:
        libc.prctl(PR_SET_KEEPCAPS, int(capability is not None), 0, 0, 0)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    _check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    mask = 0 if capability is None else 1 << capability
    low_and_high = [word >> shift & 0xFFFFFFFF for shift in (0, 32) for word in (mask,) * 3]
    _check(libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)(*low_and_high))), "capset")
    if capability is not None:  # for the programs it starts too
        _check(libc.prctl(PR_CAP_AMBIENT, 2, capability, 0, 0), "ambient capability")


# Landlock -----------------------------------------------------------------------------------------------------------

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
LEAST_ABI = 6  # the first that knows signals and abstract sockets
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
MAKE_CHAR, MAKE_SOCK, MAKE_BLOCK, TRUNCATE, IOCTL_DEV = 1 << 6, 1 << 9, 1 << 11, 1 << 14, 1 << 15
EVERY_FILE_RIGHT = 2 * IOCTL_DEV - 1
READ = EXECUTE | READ_FILE | READ_DIR
OWN = EVERY_FILE_RIGHT & ~(MAKE_CHAR | MAKE_SOCK | MAKE_BLOCK | IOCTL_DEV)
OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
EVERY_TCP_RIGHT, EVERY_SCOPE = 3, 3
DEVICES = {"/dev/null": READ_FILE | WRITE_FILE, "/dev/zero": READ_FILE | WRITE_FILE, "/dev/full": READ_FILE | WRITE_FILE,
           "/dev/random": READ_FILE, "/dev/urandom": READ_FILE}  # fmt: skip


def landlock_abi() -> int:
    """The version that this kernel has, 0 where it has none."""
    return max(int(libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1)), 0)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):
            rights &= OF_A_FILE
        rule = struct.pack("=Qi", rights, fd)
        _check(libc.syscall(ADD_RULE, ruleset, 1, rule, 0), f"Landlock rule for {path}")
    finally:
        os.close(fd)


def _landlock(readable: list[str], folder: str) -> None:
    handled = struct.pack("=QQQ", EVERY_FILE_RIGHT, EVERY_TCP_RIGHT, EVERY_SCOPE)
    ruleset = _check(libc.syscall(CREATE_RULESET, handled, ctypes.c_size_t(len(handled)), 0), "Landlock")
    try:
        for path in readable:
            _allow(ruleset, path, READ)
        for path, rights in DEVICES.items():
            _allow(ruleset, path, rights)
        _allow(ruleset, folder, OWN)
        _check(libc.syscall(RESTRICT_SELF, ruleset, 0), "Landlock")
    finally:
        os.close(ruleset)


# seccomp ------------------------------------------------------------------------------------------------------------

ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}  # audit number, column below
LAST_SYSTEM_CALL = 462  # of Linux 6.12; it also shuts out the x32 calls, which have a high bit set
ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, EQUAL, GREATER, ANY_BIT, AND, RETURN = 0x20, 0x15, 0x25, 0x45, 0x54, 0x06
NAMESPACES = 0x7E020000  # CLONE_NEW*

# name: its numbers on x86_64 and aarch64
REFUSED = {
    # sockets; a pair of connected ones can be had, see below
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "accept": (43, 202),
    "accept4": (288, 242),
    # other processes: their memory, their priority, their limits
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "perf_event_open": (298, 241), "migrate_pages": (256, 238),
    "move_pages": (279, 239), "setpriority": (141, 140), "ioprio_set": (251, 30), "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119), "sched_setattr": (314, 274),
    # out of the process group that is killed at the end
    "setsid": (112, 157), "setpgid": (109, 154),
    # what outlives its process
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "shmdt": (67, 197), "semget": (64, 190),
    "semop": (65, 193), "semctl": (66, 191), "semtimedop": (220, 192), "msgget": (68, 186), "msgsnd": (69, 189),
    "msgrcv": (70, 188), "msgctl": (71, 187), "mq_open": (240, 180), "mq_unlink": (241, 181), "add_key": (248, 217),
    "request_key": (249, 218), "keyctl": (250, 219),
    # owners and attributes of files, and what happens in folders: Landlock does not look at these
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "setxattr": (188, 5),
    "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "fremovexattr": (199, 16), "inotify_init": (253, None), "inotify_init1": (294, 26), "fanotify_init": (300, 262),
    "open_by_handle_at": (304, 265), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    # namespaces and mounts
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    # large and rarely used parts of the kernel, io_uring with sockets of its own
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "bpf": (321, 280),
    "userfaultfd": (323, 282),
}  # fmt: skip
# Modes and times of files: nothing is done, and nothing is said, so that copying a file works.
PRETENDED = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "utime": (132, None),
    "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
}  # fmt: skip
UNKNOWN = {"clone3": (435, 435)}  # its flags cannot be read here; the C library falls back to clone
CLONE, SOCKETPAIR, SET_AFFINITY, SET_LIMIT = (56, 220), (53, 199), (203, 122), (302, 261)


def _load(offset: int) -> tuple[int, int, int, int]:
    """Of `struct seccomp_data`: 0 is the call's number, 4 the architecture, 16 + 8*n the lower half of argument n."""
    return LOAD, 0, 0, offset


def _filter() -> bytes:
    """The seccomp program for this machine: (code, jump if true, jump if false, operand) each."""
    audit, column = ARCHITECTURES[platform.machine()]
    no = (RETURN, 0, 0, FAIL | errno.EPERM)
    yes = (RETURN, 0, 0, ALLOW)
    program = [_load(4), (EQUAL, 1, 0, audit), (RETURN, 0, 0, KILL)]
    program += [_load(0), (GREATER, 0, 1, LAST_SYSTEM_CALL), (RETURN, 0, 0, FAIL | errno.ENOSYS)]
    for calls, error in ((REFUSED, errno.EPERM), (PRETENDED, 0), (UNKNOWN, errno.ENOSYS)):
        for numbers in calls.values():
            number = numbers[column]
            if number is not None:
                program += [(EQUAL, 0, 1, number), (RETURN, 0, 0, FAIL | error)]
    conditions = {
        CLONE: [_load(16), (ANY_BIT, 0, 1, NAMESPACES), no, yes],
        SOCKETPAIR: [_load(16), (EQUAL, 0, 4, socket.AF_UNIX), _load(24), (AND, 0, 0, 0xF),
                     (EQUAL, 2, 0, socket.SOCK_STREAM), (EQUAL, 1, 0, socket.SOCK_SEQPACKET), no, yes],
        SET_AFFINITY: [_load(16), (EQUAL, 1, 0, 0), no, yes],  # of itself only
        SET_LIMIT: [_load(16), (EQUAL, 1, 0, 0), no, yes],
    }  # fmt: skip
    for numbers, steps in conditions.items():
        program += [(EQUAL, 0, len(steps), numbers[column]), *steps]
    return b"".join(struct.pack("=HBBI", *step) for step in [*program, yes])


def _seccomp() -> None:
    program = _filter()
    code = ctypes.create_string_buffer(program)
    fprog = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    _check(libc.prctl(PR_SET_SECCOMP, 2, fprog, 0, 0), "seccomp")


def confine(readable: list[str], folder: str) -> None:
    """From now on this process and its children read `readable`, write into `folder`, and reach nobody.

    Needs one thread, and `drop_privileges` before. Raises OSError where the kernel refuses.
    """
    _landlock(readable, folder)
    _seccomp()


# The attempt --------------------------------------------------------------------------------------------------------


def _try_to_break_out(secret: str) -> None:
    """Raises SystemExit with what should not have worked, or should have."""
    attempts = {
        "read a file": lambda: open(secret).close(),
        "write outside": lambda: open("/tmp/confine", "w").close(),
        "open a socket": lambda: socket.socket(socket.AF_UNIX).close(),
        "signal its parent": lambda: os.kill(os.getppid(), 0),
        "leave its process group": os.setsid,
    }
    for name, attempt in attempts.items():
        with contextlib.suppress(OSError):
            attempt()
            raise SystemExit(f"a confined process can still {name}")
    import bdb  # noqa: F401

    with open("own", "w") as file:
        file.write("x")


def main(arguments: list[str]) -> None:
    """The attempt, for the ladder. Raises SystemExit with what keeps this host from the rung, or what got out."""
    folder, uid, capability, secret, *readable = arguments
    if landlock_abi() < LEAST_ABI:
        raise SystemExit(f"the kernel has Landlock ABI {landlock_abi()}, and {LEAST_ABI} is needed (Linux 6.12)")
    if platform.machine() not in ARCHITECTURES:
        raise SystemExit(f"no list of system calls for {platform.machine()}")
    os.chdir(folder)
    drop_privileges(*(None if text == "-" else int(text) for text in (uid, capability)))
    confine(readable, folder)
    signal.alarm(10)
    _try_to_break_out(secret)
