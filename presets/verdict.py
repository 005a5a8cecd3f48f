"""What reading all of a file showed, in words that say what was compared and what was not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """What reading all of a file showed. `whole` is None where no digest is known to judge by."""

    id: str
    file: str
    whole: bool | None
    sha256: str
    told: str


@dataclass(frozen=True, slots=True)
class Known:
    """What a file should be: `sha256` and `size` (bytes) are None where nobody says.

    `header`: its header has been read, and fits. `trouble`: why it cannot be used, "" if it can.
    """

    sha256: str | None
    size: int | None
    header: bool = False
    trouble: str = ""


def judged(id: str, file: str, known: Known, size: int, sha256: str) -> Verdict:
    """The verdict on a file of this size and digest."""
    if known.sha256 is not None:
        whole = sha256 == known.sha256
        wrong = f"{file} has the digest {sha256}, not {known.sha256}; delete it and fetch it again"
        return Verdict(id, file, whole, sha256, f"{file}: the digest is right" if whole else wrong)
    if known.trouble:
        return Verdict(id, file, False, sha256, known.trouble)
    if known.size not in (None, size):
        told = f"{file} has {size:,} bytes, not {known.size:,}; delete it and fetch it again"
        return Verdict(id, file, False, sha256, told)
    unknown = "a digest" if known.size is not None else "a digest or a size"
    told = f"nobody vouches for {unknown}, {_checked(known)}; it has the digest {sha256}"
    return Verdict(id, file, None, sha256, f"{file}: {told}")


def _checked(known: Known) -> str:
    checked = ["size"] * (known.size is not None) + ["header"] * known.header
    if not checked:
        return "nothing was checked"
    return f"only its {' and '.join(checked)} {'were' if len(checked) > 1 else 'was'} checked"
