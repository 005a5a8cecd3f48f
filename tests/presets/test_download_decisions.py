"""What is asked of a mirror and what its answer means: plain decisions, no network."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from presets import fetching, mirrors
from presets.fetching import Anew, Follow, Have, Later, Never, Reply, Take, Whole, judge
from presets.mirrors import Life, Lives, Rates, Refused
from presets.wanted import Limits, Mirror

DIGEST = "ab" * 32
HAVE = Have(kept=10, size=100, ceiling=1000, pinned=True)
RANGE = "bytes 10-99/100"


def reply(status: int, hops: int = 0, **headers: str) -> Reply:
    return Reply(status, {name.replace("_", "-"): text for name, text in headers.items()}, hops)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(206, content_range=RANGE), Take(10, 100, 90, "")),
        (reply(206, content_range=RANGE, etag='"a"'), Take(10, 100, 90, '"a"')),
        (reply(206, content_range="bytes 10-49/*"), Take(10, 100, 40, "")),
        (reply(200, content_length="100"), Take(0, 100, 100, "")),
        (reply(200), Take(0, 100, None, "")),
        (reply(200, content_encoding="identity"), Take(0, 100, None, "")),
        (reply(302, location="/there"), Follow("/there")),
        (reply(429, retry_after="7"), Later("has had too many requests (429)", 7.0)),
        (reply(503), Later("is overloaded (503)", None)),
        (reply(403, 1), Later("forbids it (403)")),
        (reply(416, content_range="bytes */100"), Anew("has no such range (416)")),
        (reply(416), Anew("has no such range (416)")),
    ],
)
def test_an_answer_that_helps(answer: Reply, expected: object) -> None:
    assert judge(answer, HAVE, 10) == expected


@pytest.mark.parametrize(
    "content_range",
    [
        "",
        "bytes 9-99/100",
        "bytes 11-99/100",
        "bytes 10-5/100",
        "bytes 10-100/100",
        "items 10-99/100",
    ],
)
def test_only_the_part_asked_for_continues_what_is_kept(content_range: str) -> None:
    verdict = judge(reply(206, content_range=content_range), HAVE, 10)
    assert isinstance(verdict, Anew)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply(404), "does not have it (404)"),
        (reply(403), "forbids it (403)"),
        (reply(200, content_length="99"), "99 bytes, expected 100"),
        (reply(206, content_range="bytes 10-98/99"), "99 bytes, expected 100"),
        (reply(416, content_range="bytes */50"), "50 bytes, expected 100"),
        (reply(200, content_encoding="gzip"), "compressed (gzip)"),
        (reply(206, content_range=RANGE, content_encoding="br"), "compressed (br)"),
        (reply(200, content_type="text/html; charset=utf-8"), "web page"),
        (reply(302), "nowhere"),
        (reply(204), "unexpected"),
    ],
)
def test_an_answer_that_rules_the_mirror_out(answer: Reply, words: str) -> None:
    verdict = judge(answer, HAVE, 10)
    assert isinstance(verdict, Never)
    assert words in verdict.reason


def test_what_cannot_be_checked_is_not_taken() -> None:
    assert isinstance(judge(reply(200), Have(), 0), Never)
    assert judge(reply(200), Have(pinned=True), 0) == Take(0, None, None, "")
    assert judge(reply(200, content_length="5"), Have(), 0) == Take(0, 5, 5, "")


def test_the_ceiling_holds_before_a_byte_is_read() -> None:
    verdict = judge(reply(200, content_length="2000"), Have(ceiling=1000), 0)
    assert verdict == Never("sends 2,000 bytes; allowed: up to 1,000 bytes")


def test_a_whole_part_of_unknown_size_is_whole() -> None:
    whole = reply(416, content_range="bytes */10")
    assert judge(whole, Have(kept=10, pinned=True), 10) == Whole()
    assert isinstance(judge(whole, Have(kept=10), 10), Anew)


def test_another_version_does_not_continue_this_one() -> None:
    have = Have(kept=10, noted_size=100, validator='"old"')
    assert isinstance(judge(reply(206, content_range=RANGE, etag='"new"'), have, 10), Anew)
    assert isinstance(judge(reply(206, content_range="bytes 10-98/99"), have, 10), Anew)
    assert isinstance(judge(reply(206, content_range=RANGE), have, 10), Take)


@given(
    st.sampled_from([200, 206, 302, 404, 416, 429, 503]),
    st.dictionaries(
        st.sampled_from(["content-range", "content-length", "location", "etag", "retry-after"]),
        st.text(max_size=30) | st.sampled_from([RANGE, "100", "bytes */100", "bytes 0-1/2"]),
    ),
)
def test_no_answer_is_too_odd_to_judge(status: int, headers: dict[str, str]) -> None:
    verdict = judge(Reply(status, headers), HAVE, 10)
    if isinstance(verdict, Take):
        assert verdict.start in (0, 10)
        assert verdict.size == 100


def test_what_is_asked() -> None:
    identity = {"accept": "*/*", "accept-encoding": "identity"}
    assert fetching.headers_for(Have(), ranges=True) == identity
    assert fetching.headers_for(HAVE, ranges=False) == identity
    assert fetching.headers_for(HAVE, ranges=True) == {**identity, "range": "bytes=10-"}
    told = fetching.headers_for(Have(kept=10, validator='"a"'), ranges=True)
    assert told == {**identity, "range": "bytes=10-", "if-range": '"a"'}
    assert fetching.headers_for(Have(kept=10), ranges=True) == identity  # nobody could tell


def test_validators_are_strong() -> None:
    old, sent = "Mon, 01 Jan 2024 00:00:00 GMT", "Tue, 02 Jan 2024 00:00:00 GMT"
    assert fetching.validator(reply(200, etag='"a"')) == '"a"'
    assert fetching.validator(reply(200, etag='W/"a"', last_modified=old, date=sent)) == ""
    assert fetching.validator(reply(200, last_modified=old, date=sent)) == old
    assert fetching.validator(reply(200, last_modified=sent, date=sent)) == ""
    assert fetching.validator(reply(200, last_modified="yesterday", date=sent)) == ""


def test_the_hub_tells_the_digest() -> None:
    told = reply(302, x_linked_etag=f'"{DIGEST}"', x_linked_size="12")
    assert fetching.linked(told) == (DIGEST, 12)
    assert fetching.linked(reply(302, x_linked_etag='"short"')) == ("", None)


def test_retry_after() -> None:
    now = datetime(2024, 1, 1, tzinfo=UTC)
    assert fetching.retry_after_s("12", now) == 12
    assert fetching.retry_after_s("Mon, 01 Jan 2024 00:00:30 GMT", now) == 30
    assert fetching.retry_after_s("Sun, 31 Dec 2023 00:00:30 GMT", now) == 0
    assert fetching.retry_after_s("soon", now) is None


# urls

PUBLIC = httpx.URL("https://mirror.example/file")
HOME = httpx.URL("http://127.0.0.1:8000/file")


@pytest.mark.parametrize(
    "text",
    [
        "http://mirror.example/file",
        "ftp://mirror.example/file",
        "file:///etc/passwd",
        "https://10.1.2.3/file",
        "https://192.168.0.1/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://me.localhost/",
        "https://169.254.169.254/latest",
        "https://100.100.100.200/",
        "https://0.0.0.0/",
        "https://[::1]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://224.0.0.1/",
    ],
)
def test_where_no_mirror_may_lead(text: str) -> None:
    with pytest.raises(Refused):
        mirrors.check_url(httpx.URL(text), PUBLIC)


def test_where_mirrors_may_lead() -> None:
    for text in ("https://cdn.example/x", "https://1.1.1.1/", "https://[2606:4700::1111]/"):
        mirrors.check_url(httpx.URL(text), PUBLIC)
        mirrors.check_url(httpx.URL(text), HOME)
    for text in (
        "http://127.0.0.1:1/",
        "http://localhost:1/",
        "http://[::1]:1/",
        "https://127.0.0.1/",
    ):
        mirrors.check_url(httpx.URL(text), HOME)


@pytest.mark.parametrize(
    "text", ["http://mirror.example/", "https://10.0.0.1/", "http://10.0.0.1/"]
)
def test_a_mirror_at_home_leads_to_no_other_private_place(text: str) -> None:
    with pytest.raises(Refused):
        mirrors.check_url(httpx.URL(text), HOME)


def test_a_name_must_not_lead_to_a_private_address() -> None:
    mirrors.check_addresses("mirror.example", ["1.1.1.1", "2606:4700::1111"], PUBLIC)
    for address in ("10.0.0.1", "127.0.0.1", "fe80::1%eth0", "::ffff:192.168.1.1"):
        with pytest.raises(Refused, match=r"mirror\.example at .*, not a public address"):
            mirrors.check_addresses("mirror.example", ["1.1.1.1", address], PUBLIC)
    with pytest.raises(Refused, match="not this machine"):
        mirrors.check_addresses("localhost", ["10.0.0.1"], HOME)


def test_a_login_stays_with_its_host() -> None:
    here = httpx.URL("https://me:secret@mirror.example/a/b")
    assert mirrors.moved(here, "/c") == "https://me:secret@mirror.example/c"
    assert mirrors.moved(here, "https://mirror.example/c").userinfo == b"me:secret"
    assert mirrors.moved(here, "https://cdn.example/c").userinfo == b""
    assert mirrors.moved(here, "https://you:x@cdn.example/c").userinfo == b""
    assert mirrors.moved(here, "https://mirror.example:444/c").userinfo == b""
    assert mirrors.moved(here, "//cdn.example/c") == "https://cdn.example/c"


@pytest.mark.parametrize(
    "location", ["http://[::1", "javascript:x", "https://a:b:c/", "mailto:x@y"]
)
def test_a_redirect_to_nonsense(location: str) -> None:
    with pytest.raises(Refused):
        mirrors.check_url(mirrors.moved(PUBLIC, location), PUBLIC)


@given(st.text(max_size=50) | st.sampled_from(["http://a.example/", "https://10.0.0.1/", "//["]))
def test_a_refusal_shows_no_signature(location: str) -> None:
    told = ""
    try:
        mirrors.check_url(mirrors.moved(PUBLIC, location + "?signature=secret"), PUBLIC)
    except Refused as refused:
        told = str(refused)
    assert "secret" not in told
    assert "secret" not in repr(Mirror("m", "https://x.example/?signature=secret"))


# order and patience

A, B, C = (Mirror(name, f"https://{name}.example/") for name in "abc")


def test_the_fastest_goes_first_and_equals_keep_their_order() -> None:
    assert Rates().ordered([A, B, C]) == [A, B, C]
    rates = Rates({"a": 100e3, "b": 20e6, "c": 19e6})
    assert rates.ordered([A, B, C]) == [B, C, A]
    assert rates.ordered([A, B, C], first=2) == [C, B, A]
    assert Rates({"a": 100e3}).ordered([A, B]) == [B, A]  # known to be slow, after the unknown
    for _ in range(6):
        rates.failed("b")
    assert rates.ordered([A, B, C])[0] == C


def test_waits_double_up_to_a_limit_and_are_not_all_the_same() -> None:
    limits = Limits(back_off_s=1, back_off_max_s=8)
    assert [mirrors.back_off_s(n, limits, lambda: 0.5) for n in range(6)] == [1, 2, 4, 8, 8, 8]
    assert mirrors.back_off_s(1, limits, lambda: 0.0) == 1
    assert mirrors.back_off_s(9999, limits, lambda: 1.0) == 12


def test_who_is_asked_next() -> None:
    lives = Lives([Life(A), Life(B)])
    a, b = lives.lives
    assert lives.next(0, continuing=False) is a
    a.fail("broke off", 0.0, Limits(back_off_s=1))
    assert lives.next(0.1, continuing=False) is b
    b.fail("has had too many requests (429)", 0.0, Limits(), after_s=40)
    assert lives.next(0.1, continuing=False) == a.not_before
    a.end("does not have it (404)")
    assert lives.next(0.1, continuing=False) == b.not_before >= 40
    b.end("forbids it (403)")
    assert lives.next(0.1, continuing=False) is None
    assert lives.told() == "a does not have it (404); b forbids it (403)"


def test_who_can_continue_goes_first() -> None:
    lives = Lives([Life(A, ranges=False), Life(B)])
    assert lives.next(0, continuing=True) is lives.lives[1]
    assert lives.next(0, continuing=False) is lives.lives[0]
    lives.lives[1].suspect = 1
    assert lives.next(0, continuing=True) is lives.lives[0]
