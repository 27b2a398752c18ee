"""A short program before a child's own: it makes the child die with its parent, and not be root.

`python child.py SIGNAL PARENT keep|namespace|nobody COMMAND…` becomes COMMAND by exec, with the
same process id. A program of its own and not code after a fork, which threads would make unsafe.
"""

import ctypes
import functools
import os
import signal
import subprocess
import sys

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
UNPRIVILEGED = 65534  # the number of "nobody" everywhere that matters


def dies_with_parent(death_signal: signal.Signals) -> list[str]:
    """Return what to put before a command, so that it gets `death_signal` when we end.

    The kernel ties the signal to the thread that starts the child, so that must live as long.
    """
    return _before(death_signal, "keep")


def without_root(death_signal: signal.Signals) -> list[str]:
    """Return what to put before a command that also refuses to be root.

    Inside a user namespace the process sees itself as an ordinary user while the kernel still
    counts its files as root's: parent directories closed to others stay passable. Where
    namespaces are forbidden it becomes "nobody" instead (`namespaces_allowed` tells which).
    """
    if os.geteuid() != 0:
        return _before(death_signal, "keep")
    return _before(death_signal, "namespace" if namespaces_allowed() else "nobody")


@functools.cache
def namespaces_allowed() -> bool:
    """Tell whether this process may make a user namespace, by making one for a child."""
    probe = [*_before(signal.SIGKILL, "namespace"), sys.executable, "-I", "-S", "-c", ""]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def _before(death_signal: signal.Signals, user: str) -> list[str]:
    program = [sys.executable, "-I", "-S", os.path.abspath(__file__)]
    return [*program, str(int(death_signal)), str(os.getpid()), user]


def _main(death_signal: int, parent: int, user: str, command: list[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if user == "namespace":
        _enter_user_namespace(libc)
    elif user == "nobody":
        os.setgroups([])
        os.setgid(UNPRIVILEGED)
        os.setuid(UNPRIVILEGED)
    # After the change of user: the kernel forgets the wish when credentials change.
    libc.prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:  # it died before it could be waited for
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - becoming another program is the purpose


def _enter_user_namespace(libc: ctypes.CDLL) -> None:
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "user namespaces are not allowed here")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"1000 {uid} 1"),
        ("gid_map", f"1000 {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
