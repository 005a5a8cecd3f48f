"""The HTTP client of all downloads: which proxy it goes through, and why there can be none."""

from __future__ import annotations

import http.cookiejar
import urllib.request
from typing import Any, Final

import httpx

from engine.version import show_version
from presets.wanted import DownloadError

_NAMED: Final = "nothing can be fetched through the proxy that the environment names"
_HTTP: Final = "http://HOST:PORT in HTTPS_PROXY"
_UNUSABLE: Final = (ValueError, httpx.InvalidURL)


def new_client() -> httpx.AsyncClient:
    """A client that uses the environment's proxies, but for this machine; it keeps no cookies.

    Raises `DownloadError` where what the environment says cannot be followed.
    """
    try:
        try:
            return _client()
        except (ImportError, *_UNUSABLE):
            # httpx refuses for any proxy that is named, also one that https does not go through
            return _client(
                proxy=_proxy(), trust_env=False, verify=httpx.create_ssl_context(trust_env=True)
            )
    except ImportError as error:
        raise DownloadError(
            f"{_NAMED}: a SOCKS proxy needs the package socksio, which is not installed; "
            f"pip install socksio, or name {_HTTP}"
        ) from error
    except _UNUSABLE as error:
        raise DownloadError(f"{_NAMED}; allowed: {_HTTP}, or socks5://HOST:PORT") from error
    except OSError as error:
        raise DownloadError(
            "nothing can be fetched without the certificates that SSL_CERT_FILE or SSL_CERT_DIR "
            f"names: {error.strerror or type(error).__name__}; mend or unset it"
        ) from error


def _proxy() -> str | None:
    """The one that https goes through."""
    named = urllib.request.getproxies()
    proxy = named.get("https") or named.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def _client(**more: Any) -> httpx.AsyncClient:
    nothing = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    return httpx.AsyncClient(
        headers={"user-agent": f"artflow/{show_version()}"},
        cookies=nothing,
        mounts={f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")},
        limits=httpx.Limits(max_keepalive_connections=4),
        **more,
    )
