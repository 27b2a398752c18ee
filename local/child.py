"""What a child process does between fork and exec: die with its parent, and not be root."""

import ctypes
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
UNPRIVILEGED = 65534  # the number of "nobody" everywhere that matters

# Loaded before any fork: a forked child must not take the loader's locks.
_libc = ctypes.CDLL(None, use_errno=True)


def dies_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    """Return a `preexec_fn` after which the kernel sends `death_signal` when the parent ends.

    The signal is tied to the thread that forks, so children must be started from a thread
    that lives as long as they should.
    """
    parent = os.getpid()

    def before_exec() -> None:
        _prctl_death_signal(death_signal, parent)

    return before_exec


def without_root(death_signal: signal.Signals) -> Callable[[], None]:
    """Return a `preexec_fn` that also leaves root behind, if we are root.

    Inside a user namespace the process sees itself as an ordinary user while the kernel still
    counts its files as root's: parent directories closed to others stay passable. Where
    namespaces are forbidden it becomes "nobody" instead (`namespaces_allowed` tells which).
    """
    parent = os.getpid()
    is_root = os.geteuid() == 0
    in_namespace = is_root and namespaces_allowed()

    def before_exec() -> None:
        if in_namespace:
            _enter_user_namespace()
        elif is_root:
            os.setgroups([])
            os.setgid(UNPRIVILEGED)
            os.setuid(UNPRIVILEGED)
        # After the change of user: the kernel forgets the wish when credentials change.
        _prctl_death_signal(death_signal, parent)

    return before_exec


@functools.cache
def namespaces_allowed() -> bool:
    """Tell whether this process may make a user namespace, by making one for a child."""
    arguments = [sys.executable, "-I", "-S", "-c", ""]
    try:
        subprocess.run(arguments, preexec_fn=_enter_user_namespace, check=True)
    except subprocess.SubprocessError:
        return False
    return True


def _enter_user_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    if _libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "user namespaces are not allowed here")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"1000 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"1000 {gid} 1")


def _prctl_death_signal(death_signal: signal.Signals, parent: int) -> None:
    _libc.prctl(PR_SET_PDEATHSIG, int(death_signal))
    if os.getppid() != parent:  # it died between fork and prctl
        os._exit(1)
