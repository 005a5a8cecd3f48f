"""One mirror or several that misbehave: the right file is installed, or none is."""

from __future__ import annotations

import errno
import logging
import ssl
import sys
from pathlib import Path

import httpx
import pytest
import trio

from presets import part_file
from presets.body import as_fault
from presets.download import Downloader
from presets.part_file import notes_path
from presets.transfer import SOON
from presets.wanted import (
    Mirror,
    Wanted,
    WantedFile,
)
from tests.helpers.downloads import BODY, NAME, OTHER, QUICK, Stage, sha256, staging
from tests.helpers.mirror_server import Answer, pattern, serving


async def test_a_good_mirror(stage: Stage) -> None:
    end = await stage.fetch("/a")
    assert stage.has()
    assert stage.states() == ["queued", "resolving", "downloading", "verifying", "installed"]
    assert (end.share, end.received_bytes, end.total_bytes) == (1.0, len(BODY), len(BODY))
    assert (end.mirror, end.error, end.checked) == ("mirror 0", "", "digest")
    assert [one.received_bytes for one in stage.transfers] == [len(BODY)]
    assert stage.server.requests[0].headers["accept-encoding"] == "identity"
    assert "mirror 0" in stage.rates.known()


WELL = {
    "cut at once": [Answer(cut_after=0)],
    "cut at the first byte": [Answer(cut_after=1)],
    "cut in the middle": [Answer(cut_after=150_000)],
    "cut at the last byte": [Answer(cut_after=len(BODY) - 1)],
    "cut again and again": [Answer(cut_after=70_000)] * 4,
    "cut, then the range ignored": [Answer(cut_after=70_000), Answer(ignore_range=True)],
    "cut, then another part": [
        Answer(cut_after=70_000),
        Answer(headers=(("content-range", f"bytes 0-{len(BODY) - 1}/{len(BODY)}"),)),
    ],
    "cut, then no word of the part": [Answer(cut_after=70_000), Answer(drop=("content-range",))],
    "cut, then 416": [Answer(cut_after=70_000), Answer(status=416)],
    "too many requests": [Answer(status=429, headers=(("retry-after", "0"),))],
    "overloaded": [Answer(status=503), Answer(status=500), Answer(status=502)],
    "stalls": [Answer(stall_after=100_000)],
    "stalls before its first byte": [Answer(stall_after=0)],
    "trickles": [Answer(trickle=(2_000, 0.05))],
    "no tag": [Answer(drop=("etag",), cut_after=90_000)],
    "no length": [Answer(drop=("content-length",))],
    "no length, and cut": [Answer(drop=("content-length",), cut_after=90_000)],
    "chunked": [Answer(chunked=True)],
    "chunked, and cut": [Answer(chunked=True, cut_after=90_000)],
    "redirected": [Answer(redirect="/b")],
    "redirected for good": [Answer(redirect="/b", status=308)],
}


@pytest.mark.parametrize("answers", WELL.values(), ids=WELL.keys())
async def test_faults_that_one_mirror_recovers_from(stage: Stage, answers: list[Answer]) -> None:
    stage.server.answers["/a"] = list(answers)
    end = await stage.fetch("/a")
    assert end.state == "installed", end.error
    assert stage.has()


ILL = {
    "does not have it (404)": Answer(status=404),
    "forbids it (403)": Answer(status=403),
    "wants a login (401)": Answer(status=401),
    "too many requests (429), asks to wait 120 s": Answer(
        status=429, headers=(("retry-after", "120"),)
    ),
    "is overloaded (503)": Answer(status=503),
    "compressed (gzip)": Answer(compress=True),
    "its digest is": Answer(body=OTHER),
    "its digest is ": Answer(corrupt_at=123_456),
    "another file: 5 bytes": Answer(body=b"short"),
    "another file: 300,007 bytes": Answer(extra=b"surplus"),
    "more bytes than the file has": Answer(extra=b"surplus", chunked=True),
    "another file: 5 bytes ": Answer(body=b"short", chunked=True),
    "its digest is another": Answer(headers=(("x-linked-etag", "ab" * 32),)),
    "web page": Answer(body=b"<html>", headers=(("content-type", "text/html"),), chunked=True),
    "allowed: https": Answer(redirect="http://mirror.example/a?signature=secret"),
    "not a public address": Answer(redirect="https://10.0.0.1/a?signature=secret"),
    "not a public address ": Answer(redirect="https://[fd00::1]/a?signature=secret"),
    "broke off ": Answer(redirect="mailto:x@y"),
    "without end": Answer(redirect="/a"),
    "sent nothing for": Answer(stall_after=0),
    "bytes a second": Answer(trickle=(1_000, 0.05)),
    "broke off": Answer(cut_after=0),
    "cannot continue it": Answer(ignore_range=True, cut_after=150_000),
}


@pytest.mark.parametrize("words", ILL)
async def test_a_mirror_of_no_use_alone(stage: Stage, words: str) -> None:
    stage.server.always["/a"] = ILL[words]
    end = await stage.fetch("/a")
    assert end.state == "failed"
    assert words.strip() in end.error
    assert "secret" not in end.error
    assert end.share < 1
    assert stage.has_none()
    assert end.received_bytes == part_file.kept_bytes(stage.folder / NAME)


@pytest.mark.parametrize("words", ILL)
async def test_and_beside_a_good_one(stage: Stage, words: str) -> None:
    stage.server.always["/a"] = ILL[words]
    end = await stage.fetch("/a", "/b")
    assert end.state == "installed", end.error
    assert end.mirror == "mirror 1"
    assert stage.has()
    shares = [progress.share for _, progress in stage.told]
    assert shares == sorted(shares)
    assert [progress.state for _, progress in stage.told if progress.share == 1] == ["installed"]


async def test_after_wrong_bytes_of_two_the_one_without_another_fault_is_asked_first(
    stage: Stage,
) -> None:
    big, other = pattern(SOON + 200_000), pattern(SOON + 200_000, seed=2)
    stage.server.files["/b"] = big
    stage.server.always["/a"] = Answer(body=other, cut_after=SOON)
    stage.server.answers["/a"] = [
        Answer(body=other, cut_after=SOON),
        Answer(body=other, status=416),
    ]
    end = await stage.fetch("/a", "/b", size=len(big), sha256=sha256(big))
    assert end.state == "installed", end.error
    assert stage.server.ranges("/a") == ["", f"bytes={SOON}-"]
    assert stage.server.ranges("/b") == [f"bytes={SOON}-", ""]


async def test_no_mirror_there_at_all(stage: Stage) -> None:
    end = await stage.fetch("http://127.0.0.1:9/a")
    assert end.state == "failed"
    assert end.error.startswith(f"no mirror gives {NAME}: mirror 0 cannot be reached; nothing is")


async def test_a_name_that_leads_home_is_not_asked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def found(host: str, port: int) -> list[str]:  # noqa: ARG001
        return ["1.1.1.1", "127.0.0.1"]

    monkeypatch.setattr(stage.downloader, "_resolve", found)
    async with trio.open_nursery() as nursery:
        await nursery.start(stage.downloader.run)
        end = await stage.fetch("https://mirror.example/a")
        nursery.cancel_scope.cancel()
    assert "mirror.example at 127.0.0.1, not a public address" in end.error
    assert not stage.server.requests


async def test_a_name_without_an_address(tmp_path: Path) -> None:
    async def nobody(host: str, port: int) -> list[str]:  # noqa: ARG001
        raise OSError(errno.ENOENT, "no such host")

    downloader = Downloader(lambda *_: None, resolve=nobody, limits=QUICK)
    async with trio.open_nursery() as nursery:
        await nursery.start(downloader.run)
        mirrors = (Mirror("m", "https://mirror.example/x?signature=secret"),)
        wanted = Wanted("x", tmp_path, (WantedFile("x.bin", mirrors, 5, "ab" * 32),))
        end = await downloader.want(wanted).wait()
        nursery.cancel_scope.cancel()
    assert "cannot be found: no address for mirror.example" in end.error
    assert "secret" not in end.error


async def test_the_environments_proxy_is_asked_but_not_for_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving({}) as proxy:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.url(""))
        async with staging(tmp_path) as stage:
            assert (await stage.fetch("/a")).state == "installed"
            assert not proxy.requests
            end = await stage.fetch("https://mirror.invalid/b", name="b.bin")
            private = await stage.fetch("https://10.0.0.1/b", name="b.bin")
        assert {request.path for request in proxy.requests} == {"mirror.invalid:443"}
    assert "cannot be reached through the proxy" in end.error
    assert "10.0.0.1, not a public address" in private.error


@pytest.mark.parametrize("unusable", ["socks://127.0.0.1:9", "http://[::1"])
async def test_a_proxy_that_nobody_can_use_stops_downloads_and_nothing_else(
    unusable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("all_proxy", unusable)
    async with staging(tmp_path) as stage:
        end = await stage.fetch("/a")
        assert (end.state, stage.states()) == ("failed", ["queued", "failed"])
        assert end.error.startswith("nothing can be fetched through the proxy that ")
    async with serving({}) as proxy:  # of several that are named, the one that https goes through
        monkeypatch.setenv("https_proxy", proxy.url(""))
        async with staging(tmp_path) as stage:
            await stage.fetch("https://mirror.invalid/b", name="b.bin")
            assert {request.path for request in proxy.requests} == {"mirror.invalid:443"}
            assert (await stage.fetch("/a")).state == "installed"


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_a_socks_proxy_without_its_package_is_told_with_the_remedy(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)  # as where it is not installed
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://me:secret@127.0.0.1:9")
    async with staging(tmp_path) as stage:
        end = await stage.fetch("https://mirror.invalid/b")
    assert (end.state, end.error) == (
        "failed",
        "nothing can be fetched through the proxy that the environment names: a SOCKS proxy needs "
        "the package socksio, which is not installed; pip install socksio, or name "
        "http://HOST:PORT in HTTPS_PROXY; nothing is kept",
    )


async def test_a_proxy_that_https_does_not_go_through_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:9")
    async with staging(tmp_path) as stage:
        assert (await stage.fetch("/a")).state == "installed"
    async with serving({}) as proxy:  # and a name without a scheme is an http proxy's
        monkeypatch.setenv("HTTPS_PROXY", proxy.url("").removeprefix("http://"))
        async with staging(tmp_path) as stage:
            await stage.fetch("https://mirror.invalid/b", name="b.bin")
        assert {request.path for request in proxy.requests} == {"mirror.invalid:443"}


async def test_certificates_that_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    async with staging(tmp_path) as stage:
        end = await stage.fetch("/a")
    assert "the certificates that SSL_CERT_FILE or SSL_CERT_DIR names: No such file" in end.error


async def test_a_mirror_is_not_asked_sooner_than_it_says(stage: Stage) -> None:
    stage.server.answers["/a"] = [Answer(status=429, headers=(("retry-after", "1"),))]
    began = trio.current_time()
    assert (await stage.fetch("/a")).state == "installed"
    assert trio.current_time() - began >= 1


def test_httpx_words_are_told_in_ours() -> None:
    certificate = httpx.ConnectError("TLS")
    certificate.__cause__ = ssl.SSLCertVerificationError("self-signed")
    faults = [
        as_fault(error, QUICK)
        for error in (
            certificate,
            httpx.ConnectTimeout("https://x.example/?signature=secret"),
            httpx.ReadTimeout(""),
            httpx.ReadError(""),
            httpx.UnsupportedProtocol(""),
        )
    ]
    assert [(fault.reason, fault.lasting) for fault in faults] == [
        ("has no valid certificate", True),
        ("did not answer within 2 s", False),
        ("sent nothing for 1 s", False),
        ("broke off", False),
        ("cannot be asked", True),
    ]


async def test_a_login_is_not_taken_to_another_host(stage: Stage) -> None:
    async with serving({"/a": BODY}) as other:
        stage.server.answers["/a"] = [Answer(redirect="/b")]
        stage.server.answers["/b"] = [Answer(redirect=other.url("/a", "you:too@"))]
        end = await stage.fetch(stage.server.url("/a", "me:secret@"))
    assert end.state == "installed"
    logins = ["authorization" in request.headers for request in stage.server.requests]
    assert logins == [True, True]
    assert "authorization" not in other.requests[0].headers


async def test_no_signature_is_logged_or_kept(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    there = "?signature=secret"
    stage.server.answers["/a"] = [Answer(redirect=f"/b{there}"), Answer(status=404)]
    stage.server.answers["/b"] = [Answer(cut_after=100_000)]
    end = await stage.fetch(stage.server.url("/a", "me:secret@") + there)
    assert end.state == "failed"
    kept = notes_path(stage.folder / NAME).read_text()
    assert "secret" not in caplog.text + kept + repr(stage.told)
