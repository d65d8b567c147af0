"""How often somebody may ask for pages. It only spares work: tries of PINs are counted in the tables, for all."""

import ipaddress
import time
from collections import Counter
from collections.abc import Callable

from aiohttp import web

_WINDOW_SECONDS = 60.0
_IPV6_OF_ONE_SITE = 64


class Rate:
    """At most `most` a minute for each name. All counts end with the minute, so they take no more room than that."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._ends = clock() + _WINDOW_SECONDS
        self._counts: Counter[str] = Counter()

    def takes(self, name: str) -> bool:
        """Count one more for a name; whether it is still within the rate."""
        self._forget()
        self._counts[name] += 1
        return self._counts[name] <= self._most

    def is_over(self, name: str) -> bool:
        """Whether a name may not ask again within this minute."""
        self._forget()
        return self._counts[name] >= self._most

    def _forget(self) -> None:
        now = self._clock()
        if now >= self._ends:
            self._counts.clear()
            self._ends = now + _WINDOW_SECONDS


def address_of(request: web.Request, proxies: int) -> str:
    """Whom a request comes from, as the outermost of our proxies saw it; what stands before that anybody can write.

    All addresses of one IPv6 network count as one: a single customer commonly has that many.
    """
    written = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
    chain = [part.strip() for part in written if part.strip()] + [request.remote or ""]
    seen = chain[max(len(chain) - 1 - proxies, 0)]
    try:
        address = ipaddress.ip_address(seen)
    except ValueError:
        return seen[:64]
    address = getattr(address, "ipv4_mapped", None) or address  # "::ffff:…", in which all of IPv4 is one network
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, _IPV6_OF_ONE_SITE), strict=False))
