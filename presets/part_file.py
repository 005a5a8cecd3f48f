"""What has arrived of a file: the part, the notes beside it, the lock, and the installing.

For `x.safetensors` these are `x.safetensors.part`, `.part.json` and `.part.lock`; an installed file
has none of them. Everything here may block: call it in a worker thread.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

HASH_STEP: Final = 4 << 20
"""Bytes hashed in one turn: some milliseconds."""
Tell = Callable[[int, int], None]
"""Bytes done, and of how many."""
FULL: Final = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
"""A disk, a quota or a largest file size is at its end."""
_HELD: Final = frozenset({errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK})


def part_path(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def notes_path(target: Path) -> Path:
    return target.with_name(target.name + ".part.json")


def lock_path(target: Path) -> Path:
    return target.with_name(target.name + ".part.lock")


def kept_bytes(target: Path, size: int | None = None) -> int:
    """How much of the file is on the disk: its part, or all of it where it has that size."""
    with contextlib.suppress(OSError):
        return part_path(target).stat().st_size
    with contextlib.suppress(OSError):
        count = target.stat().st_size
        return count if size in (None, count) else 0
    return 0


class Notes(msgspec.Struct, frozen=True):
    """What is known of the bytes in a part.

    `sha256` is the catalogue's digest or the mirror's own, `size` the whole file's. `validators`
    holds for each mirror (by `mirrors.label`) what it called this version of the file.
    """

    sha256: str = ""
    size: int | None = None
    validators: dict[str, str] = {}


def read_notes(target: Path) -> Notes:
    """What was noted of its part; nothing where that cannot be read."""
    try:
        return msgspec.json.decode(notes_path(target).read_bytes(), type=Notes)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return Notes()


class Lock:
    """One writer per file, among all processes: an OS lock, gone with whoever held it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def acquire(self) -> bool:
        """Take it if it is free. Raises `OSError` where the folder cannot be written."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = open(self._path, "ab")  # noqa: SIM115  # until `release`
        try:
            _lock(file)
            # its last holder may have removed it between our opening and our locking
            same = os.path.samestat(os.fstat(file.fileno()), os.stat(self._path))
        except FileNotFoundError:
            same = False
        except OSError as error:
            file.close()
            if error.errno in _HELD:
                return False
            raise
        if not same:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        if self._file is None:
            return
        with contextlib.suppress(OSError):  # Windows removes nothing that is open
            os.unlink(self._path)
        self._file.close()
        self._file = None
        if sys.platform == "win32":
            with contextlib.suppress(OSError):  # somebody waits for it: it is theirs to remove
                os.unlink(self._path)


def _lock(file: BinaryIO) -> None:
    if sys.platform == "win32":
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Part:
    """An open part: bytes are appended, and hashed on their way. Its file's lock must be held."""

    def __init__(self, target: Path) -> None:
        self._target = target
        target.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        self._fd = os.open(part_path(target), flags, 0o666)
        self.size = os.fstat(self._fd).st_size
        """Bytes kept."""
        self._hash = hashlib.sha256()
        self.notes = read_notes(target)

    def hash_kept(self) -> Iterator[int]:
        """Hash what an earlier run left; the bytes done, after every turn."""
        os.lseek(self._fd, 0, os.SEEK_SET)
        done = 0
        while data := os.read(self._fd, HASH_STEP):
            self._hash.update(data)
            done += len(data)
            yield done
        self.size = done

    def beginning(self, count: int) -> bytes:
        """The first `count` bytes, or what there is."""
        with open(part_path(self._target), "rb") as file:
            return file.read(min(count, self.size))

    def append(self, data: bytes | bytearray) -> None:
        """Raises `OSError`; what fitted is kept."""
        os.lseek(self._fd, self.size, os.SEEK_SET)
        rest = memoryview(data)
        while rest:
            count = os.write(self._fd, rest)
            self._hash.update(rest[:count])
            self.size += count
            rest = rest[count:]

    def start_over(self) -> None:
        """Throw away what is kept, and what is known of it."""
        os.ftruncate(self._fd, 0)
        self.size = 0
        self._hash = hashlib.sha256()
        self.note(Notes())

    def digest(self) -> str:
        return self._hash.hexdigest()

    def note(self, notes: Notes) -> None:
        """Remember what the bytes are; it costs nothing where nothing is new."""
        if notes == self.notes:
            return
        self.notes = notes
        path = notes_path(self._target)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(notes))
        os.replace(fresh, path)

    def install(self) -> None:
        """Make the part the file: on the disk first, then under its name, at one moment."""
        os.fsync(self._fd)
        os.close(self._fd)
        self._fd = -1
        os.replace(part_path(self._target), self._target)
        _sync_folder(self._target.parent)
        _remove(notes_path(self._target))

    def close(self) -> None:
        """An empty part leaves nothing behind."""
        if self._fd < 0:
            return
        os.close(self._fd)
        self._fd = -1
        if not self.size:
            clear(self._target)


def clear(target: Path) -> None:
    """Remove the part and its notes."""
    for path in (part_path(target), notes_path(target), notes_path(target).with_suffix(".new")):
        _remove(path)


def hash_file(path: Path) -> Iterator[tuple[int, str]]:
    """Bytes hashed and the digest so far ("" until the last turn), after every turn."""
    done, total, digest = 0, path.stat().st_size, hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        buffer = memoryview(bytearray(min(HASH_STEP, max(1, total))))
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
            done += count
            yield done, ""
    yield done, digest.hexdigest()


def read_through(path: Path, tell: Tell = lambda _done, _total: None) -> tuple[int, str]:
    """Size in bytes and sha256 of a whole file; `tell` hears after every turn. Raises `OSError`."""
    total, digest = path.stat().st_size, ""
    for done, digest in hash_file(path):  # noqa: B007 - the last one is whole
        tell(done, total)
    return total, digest


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return  # it has no such thing; NTFS journals names
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise  # but for file systems that cannot, it is best effort
    finally:
        os.close(fd)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
