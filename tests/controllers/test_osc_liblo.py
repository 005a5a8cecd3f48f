"""liblo, the library behind oscsend, oscdump and many a patch, reads what we read."""

from __future__ import annotations

import random
import socket
import subprocess

from controllers.osc_wire import Arg, pack_message, read_packet
from tests.helpers.osc import PATIENCE_S, OscClient, OscDump, bundle
from tests.helpers.tools import need_tool

SEED = 5
LETTERS = "abc XYZ,.;:()'äöü€-_0123456789"


def text(choose: random.Random) -> str:
    return "".join(choose.choices(LETTERS, k=choose.randrange(12)))


def argument(kind: str, choose: random.Random) -> Arg:
    """A value of an OSC type whose form is the same in both programs."""
    constants: dict[str, Arg] = {"T": True, "F": False, "N": None}
    if kind in constants:
        return constants[kind]
    if kind == "i":
        return choose.randrange(-(2**31), 2**31)
    if kind == "h":
        return choose.choice((2**31, -(2**31) - 1, choose.randrange(2**40, 2**63)))
    if kind == "f":
        return choose.randrange(-(2**20), 2**20) / 64
    return text(choose)


def shown(arg: Arg) -> tuple[str, str]:
    """Type and value as oscdump prints them."""
    match arg:
        case True:
            return "T", "#T"
        case False:
            return "F", "#F"
        case None:
            return "N", "Nil"
        case int():
            return ("i" if -(2**31) <= arg < 2**31 else "h"), str(arg)
        case float():
            return "f", f"{arg:.6f}"
        case str():
            return "s", f'"{arg}"'
    raise AssertionError(arg)


def test_liblo_reads_what_we_pack_as_we_do() -> None:
    choose = random.Random(SEED)
    with OscDump() as dump, OscClient(dump.port) as client:
        for number in range(300):
            kinds = choose.choices("ihfsTFN", k=choose.randrange(8))
            args = tuple(argument(kind, choose) for kind in kinds)
            packet = pack_message(f"/n{number}/", *args)
            [message] = read_packet(packet)
            client.send_bytes(bundle(1, packet) if number % 3 == 0 else packet)
            types, values = zip(*map(shown, message.args), strict=True) if args else ((), ())
            since = len(dump.lines)
            line = dump.wait_for(f"^/n{number}/", max(0, since - 1))
            assert line.split() == " ".join([message.address, "".join(types), *values]).split()


def test_we_read_what_liblo_packs() -> None:
    choose = random.Random(SEED)
    command = [need_tool("oscsend"), "127.0.0.1"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind(("127.0.0.1", 0))
        ours.settimeout(PATIENCE_S)
        for number in range(40):
            kinds = "".join(choose.choices("ihfsSTFNI", k=choose.randrange(7)))
            args = [argument(kind, choose) for kind in kinds if kind not in "I"]
            words = [str(arg) for arg in args if arg is not None and not isinstance(arg, bool)]
            line = [*command, str(ours.getsockname()[1]), f"/n{number}", kinds, *words]
            subprocess.run(line, check=True, timeout=PATIENCE_S)
            [message] = read_packet(ours.recv(65535))
            assert message.address == f"/n{number}"
            read = [arg for kind, arg in zip(kinds, message.args, strict=True) if kind not in "I"]
            assert read == args
