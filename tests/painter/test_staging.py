from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from engine.errors import LoraError
from engine.mixing import LoraFile
from engine.painter import protocol
from engine.painter.staging import Staging

Weights = Mapping[str, float]


def files(*ids: str, of: str = "") -> dict[str, LoraFile]:
    return {id: LoraFile(f"/loras/{id}{of}.safetensors", "sd15") for id in ids}


class FakeMixer:
    """Files are read when the test lets them; what they bring about is said in `errors`."""

    def __init__(self) -> None:
        self.gate = threading.Semaphore(0)
        self.errors: dict[str, Exception] = {}
        self.room = 100
        self.read: list[str] = []
        self.ready: list[str] = []
        self.mixed: list[Weights] = []
        self.removed: list[str] = []
        self.written = True
        self.mix_error: Exception | None = None

    def stage(self, file: LoraFile) -> str:
        name = file.path.split("/")[-1].removesuffix(".safetensors")
        self.read.append(name)
        assert self.gate.acquire(timeout=30)
        if name in self.errors:
            raise self.errors[name]
        return name

    def add(self, id: str, staged: str) -> tuple[str, ...]:  # noqa: ARG002
        weights = self.mixed[-1] if self.mixed else {}
        spare = [each for each in self.ready if not weights.get(each)]
        dropped = spare[: max(0, len(self.ready) + 1 - self.room)]
        self.ready = [each for each in self.ready if each not in dropped] + [staged]
        return tuple(dropped)

    def remove(self, id: str) -> None:
        self.removed.append(id)

    def mix(self, weights: Weights, budget_ms: float | None) -> bool:  # noqa: ARG002
        self.mixed.append(weights)
        error, self.mix_error = self.mix_error, None
        if error is not None:
            raise error
        return self.written


class Rig:
    def __init__(self) -> None:
        self.mixer = FakeMixer()
        self.sent: list[protocol.FromPainter] = []
        self.staging = Staging(self.mixer, self.sent.append)
        self.files: Mapping[str, LoraFile] = {}
        self.weights: Weights = {}

    def turn(self) -> None:
        self.staging.turn(self.files, self.weights, 4.0)

    def want(self, *ids: str) -> None:
        self.files = files(*ids)
        self.turn()

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, self.sent
            self.turn()
            time.sleep(0.001)

    def read(self, count: int = 1) -> list[protocol.FromPainter]:
        """Let so many files be read; what was told of them."""
        self.mixer.gate.release(count)
        before = len(self.sent)
        answered = (protocol.Staged, protocol.Unfit)
        self.until(lambda: sum(isinstance(e, answered) for e in self.sent[before:]) == count)
        return self.sent[before:]


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.mixer.gate.release(1000)


def test_the_newest_wanted_is_read_first_and_what_sounds_before_it(rig: Rig) -> None:
    rig.want("a", "b")
    rig.want("a", "b", "c")
    rig.weights = {"b": 1.0}
    told = rig.read(3)
    assert told == [protocol.Staged(id) for id in ("a", "b", "c")]  # "a" was begun already
    rig.want("a", "b", "c", "d", "e")
    rig.want("a", "b", "c", "d", "e", "f")
    rig.read(3)
    assert rig.mixer.read == ["a", "b", "c", "d", "f", "e"]


def test_painting_goes_on_while_a_file_is_read(rig: Rig) -> None:
    rig.weights = {"a": 0.5}
    rig.want("a")
    for _ in range(10):
        rig.turn()
    assert rig.sent == []
    assert rig.mixer.mixed == [{"a": 0.5}] * 11
    assert rig.read() == [protocol.Staged("a")]


def test_what_cannot_be_mixed_is_told_and_not_tried_again_until_it_is_asked_for(rig: Rig) -> None:
    rig.mixer.errors = {
        "a": LoraError("'a' is no LoRA"),
        "b": MemoryError(),
        "c": KeyError("the\nthird"),
    }
    rig.want("a", "b", "c")
    told = rig.read(3)
    assert told == [
        protocol.Unfit("a", "'a' is no LoRA"),
        protocol.Unfit(
            "b",
            "'b.safetensors' needs more memory than there is; take a preset out of the mix, or "
            "choose a smaller --size",
        ),
        protocol.Unfit("c", r"'c.safetensors' cannot be mixed: KeyError: 'the\nthird'"),
    ]
    rig.want("a", "b", "c", "d")
    rig.read()
    assert rig.mixer.read == ["a", "b", "c", "d"]
    rig.mixer.errors = {}
    rig.want("b", "c", "d")
    rig.want("a", "b", "c", "d")
    assert rig.read() == [protocol.Staged("a")]


def test_asked_for_again_between_two_turns_it_is_read_anew(rig: Rig) -> None:
    rig.mixer.errors["a"] = LoraError("no room")
    rig.want("a")
    rig.read()
    rig.files = {id: file._replace(lost=1) for id, file in files("a").items()}
    del rig.mixer.errors["a"]
    assert rig.read() == [protocol.Staged("a")]
    assert rig.mixer.read == ["a", "a"]


def test_what_is_wanted_no_more_is_not_told_of(rig: Rig) -> None:
    rig.want("a")
    rig.want("b")
    rig.mixer.gate.release(1)
    assert rig.read() == [protocol.Staged("b")]
    assert rig.mixer.ready == ["b"]


def test_wanted_again_while_it_is_read_it_is_read_again(rig: Rig) -> None:
    """The file may have been replaced meanwhile."""
    rig.want("a")
    rig.want()
    rig.want("a")
    rig.mixer.gate.release(1)
    assert rig.read() == [protocol.Staged("a")]
    assert rig.mixer.read == ["a", "a"]


def test_another_file_of_the_same_id_replaces_it(rig: Rig) -> None:
    rig.want("a")
    rig.read()
    rig.files = files("a", of="-sdxl")
    rig.turn()
    assert rig.read() == [protocol.Staged("a")]
    assert rig.mixer.ready == ["a", "a-sdxl"]
    assert rig.mixer.removed == []


def test_it_is_forgotten_when_its_weight_is_nought_and_written(rig: Rig) -> None:
    rig.weights = {"a": 1.0}
    rig.want("a")
    rig.read()
    rig.want()
    rig.turn()
    rig.weights, rig.mixer.written = {}, False
    rig.turn()
    assert rig.mixer.removed == []
    rig.mixer.written = True
    rig.turn()
    assert rig.mixer.removed == ["a"]
    rig.turn()
    assert rig.mixer.removed == ["a"]


def test_wanted_again_before_it_was_forgotten_it_is_ready_at_once(rig: Rig) -> None:
    rig.weights = {"a": 1.0}
    rig.want("a")
    rig.read()
    rig.want()
    rig.want("a")
    assert rig.sent == [protocol.Staged("a")] * 2
    assert rig.mixer.read == ["a"]


def test_what_made_room_comes_back_with_its_weight(rig: Rig) -> None:
    rig.mixer.room = 2
    rig.want("a", "b")
    rig.read(2)
    rig.want("a", "b", "c")
    assert rig.read() == [protocol.Dropped("a"), protocol.Staged("c")]
    for _ in range(5):
        rig.turn()
    assert rig.mixer.read == ["a", "b", "c"]
    rig.weights = {"a": 0.1}
    assert rig.read() == [protocol.Dropped("b"), protocol.Staged("a")]


def test_out_of_memory_takes_the_newest_of_the_mix_out(rig: Rig) -> None:
    rig.weights = {"a": 1.0, "b": 1.0}
    rig.want("c", "b", "a")
    rig.read(3)
    assert rig.mixer.ready == ["b", "a", "c"]
    rig.mixer.mix_error = MemoryError()
    rig.turn()
    unfit = rig.sent[-1]
    assert isinstance(unfit, protocol.Unfit)
    assert (unfit.id, rig.mixer.removed) == ("a", ["a"])
    rig.turn()
    assert len(rig.mixer.read) == 3, "it is not read again"
    rig.weights = {}
    rig.mixer.mix_error = MemoryError()
    with pytest.raises(MemoryError):
        rig.turn()


def test_settling_waits_for_what_sounds_only(rig: Rig) -> None:
    rig.weights = {"a": 1.0, "b": 1.0, "gone": 1.0}
    rig.mixer.errors = {"b": LoraError("bad")}
    rig.mixer.gate.release(2)
    rig.staging.settle(files("c", "a", "b"), rig.weights, 30.0)
    assert rig.sent == [protocol.Staged("a"), protocol.Unfit("b", "bad")]
    assert rig.mixer.mixed[-1] == rig.weights


def test_settling_ends_in_time(rig: Rig) -> None:
    rig.weights = {"a": 1.0}
    rig.staging.settle(files("a"), rig.weights, 0.01)
    assert rig.sent == []


def test_a_turn_takes_a_share_of_a_frame() -> None:
    assert Staging.budget_ms(0.0) == 4.0
    assert Staging.budget_ms(0.1) == 25.0
    assert Staging.budget_ms(0.002) == 0.5, "a fast card's frames may be no later than others"


def test_room_is_made_of_what_does_not_sound() -> None:
    rig = Rig()
    rig.want("neon", "ink", "oil")
    rig.mixer.gate.release(3)
    rig.until(lambda: len(rig.mixer.ready) == 3)
    rig.weights = {"ink": 0.5}
    rig.turn()
    assert "2 presets" in (rig.staging.make_room() or "")
    assert set(rig.mixer.removed) == {"neon", "oil"}
    dropped = {each.id for each in rig.sent if isinstance(each, protocol.Dropped)}
    assert dropped == {"neon", "oil"}
    assert rig.staging.make_room() is None
    rig.weights = {"ink": 0.5, "oil": 1.0}  # it is wanted after all
    rig.mixer.gate.release()
    rig.until(lambda: rig.mixer.read.count("oil") == 2)
