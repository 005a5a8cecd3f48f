"""Who may play from another machine: --lan and --allow, as a decision about a sender's address.

Nothing is sent to whoever is refused; the operator is told, so that a tablet that stays silent on
the evening itself is no riddle.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

TELL_EVERY_S: Final = 10.0
LOOK_EVERY_S: Final = 5.0
"""So often at most the interfaces are looked at again: a cable may be plugged in during a show."""
MAX_KNOWN: Final = 1024
"""Senders whose answer is kept ready; a flood asks once for each message."""


class Gate:
    """Says of a sender's address, as text, whether it may play: `gate("192.168.1.5")`.

    This machine always may, over loopback. `find` names the networks that may. `told(host, text)`
    hears of refusals, every 10 s at most; `clock` is in seconds.
    """

    def __init__(
        self,
        find: Callable[[], Sequence[Network]],
        told: Callable[[str, str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.networks = tuple(find())
        self._find = find
        self._told = told
        self._clock = clock
        self._looked_at = self._tell_at = clock()
        self._untold = 0
        self._known: dict[str, bool] = {}

    def __call__(self, host: str) -> bool:
        known = self._known.get(host)
        if known is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            known = self._known[host] = may_play(host, self.networks)
        if known:
            return True
        return self._found_anew(host) or self._refused(host)

    def _found_anew(self, host: str) -> bool:
        """Whether it may play by now: the machine may have joined another network meanwhile."""
        now = self._clock()
        if now < self._looked_at + LOOK_EVERY_S:
            return False
        self._looked_at = now
        self.networks = tuple(self._find())
        self._known = {host: may_play(host, self.networks)}
        return self._known[host]

    def _refused(self, host: str) -> bool:
        now = self._clock()
        self._untold += 1
        if now >= self._tell_at:
            times = f" ({self._untold} times)" if self._untold > 1 else ""
            self._told(host, f"{refusal(host, self.networks)}{times}")
            self._tell_at = now + TELL_EVERY_S
            self._untold = 0
        return False


def everyone(_host: str) -> bool:
    """Whoever reaches the port may play: this machine, or those whom --osc-host lets reach it."""
    return True


def gate(allow: Sequence[str], told: Callable[[str, str], None]) -> Gate:
    """The gate of a show with --lan: for the networks of --allow, or else the machine's own."""
    if not allow:
        return Gate(own_networks, told)
    networks = tuple(map(as_network, allow))
    return Gate(lambda: networks, told)


def may_play(host: str, networks: Iterable[Network]) -> bool:
    """Whether the sender `host` is this machine or in one of `networks`. Never raises."""
    try:
        # the zone of a link-local address (fe80::1%eth0) says which wire, not who
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped  # how a socket for both families names IPv4
    return address.is_loopback or any(address in network for network in networks)


def refusal(host: str, networks: Sequence[Network]) -> str:
    """Why `host` was refused and what would let it in, for the operator."""
    asked = host.partition("%")[0]
    return f"not from a network that may play ({shown(networks)}); --allow {asked} lets it in"


def shown(networks: Sequence[Network]) -> str:
    """The networks for one line."""
    return ", ".join(map(str, networks)) or "nobody else"


def where(host: str, port: int, gate: Gate | None) -> str:
    """Where a server at `host`:`port` is reached and who may play, for one line.

    0.0.0.0 is every interface; what to send to from another machine stands beside it.
    """
    reached = f"{host}:{port}"
    if host == "0.0.0.0":
        own = (address for address, _ in own_addresses() if ":" not in address)
        others = [address for address in own if not ipaddress.ip_address(address).is_loopback]
        reached += f" (from here 127.0.0.1:{port}"
        reached += "".join(f", from others {address}:{port}" for address in others) + ")"
    return f"{reached}; who may play: this machine, {shown(gate.networks)}" if gate else reached


def as_network(text: str) -> Network:
    """A network as it is written; bits of a host are dropped. Raises ValueError.

    One in IPv6's notation for IPv4 (::ffff:10.0.0.0/104) is that IPv4 network.
    """
    network = ipaddress.ip_network(text, strict=False)
    if isinstance(network, ipaddress.IPv6Network):
        mapped = network.network_address.ipv4_mapped
        if mapped is not None and network.prefixlen >= 96:
            return ipaddress.IPv4Network((int(mapped), network.prefixlen - 96))
    return network


def private_networks(addresses: Iterable[tuple[str, str]]) -> tuple[Network, ...]:
    """The private networks among (address, netmask) of a machine's interfaces, loopback left out.

    Private is what the Internet does not route, all of it: a netmask so wide that it takes in
    public addresses makes no private network.
    """
    found: dict[Network, None] = {}
    for address, netmask in addresses:
        host = address.partition("%")[0]
        try:
            network = as_network(f"{host}/{_bits(netmask) if ':' in netmask else netmask}")
        except ValueError:
            continue
        if network.is_private and not network.is_loopback:
            found[network] = None
    return tuple(found)


def _bits(netmask: str) -> int:
    """The length of an IPv6 prefix, from its netmask."""
    ones = f"{int(ipaddress.IPv6Address(netmask)):0128b}".rstrip("0")
    if "0" in ones:
        raise ValueError(netmask)
    return len(ones)


def own_addresses() -> list[tuple[str, str]]:
    """(address, netmask) of every interface of this machine, of both families."""
    import psutil  # here: only a show that other machines play needs it

    return [
        (found.address, found.netmask)
        for several in psutil.net_if_addrs().values()
        for found in several
        if found.netmask and found.family.name in ("AF_INET", "AF_INET6")
    ]


def own_networks() -> tuple[Network, ...]:
    """The private networks that this machine is in now."""
    return private_networks(own_addresses())
