"""One aiohttp application for all webhooks and pages. It keeps no access log: tokens can stand in paths."""

from collections.abc import Iterable

from aiohttp import web

from botpay.errors import ConfigError
from botpay.web import headers
from botpay.web.front import Front

_LARGEST_BODY = 1024 * 1024


class WebServer:
    """Serves on one address until stopped.

    Args:
        routes: of the adapters; nothing of the pages stands in front of them.
        front: the door of the pages, if the installation has pages.
        pages: their routes.
        public_url: where those browsers find us.
    """

    def __init__(
        self,
        host: str,
        port: int,
        routes: Iterable[web.RouteDef],
        front: Front | None = None,
        pages: Iterable[web.RouteDef] = (),
        public_url: str | None = None,
    ) -> None:
        self._host, self._port = host, port
        application = web.Application(
            client_max_size=_LARGEST_BODY, middlewares=[front.tell_strays] if front is not None else []
        )
        application.on_response_prepare.append(headers.put_on(public_url))
        application.router.add_routes([*routes, web.get("/healthz", _alive), *pages])
        self._runner = web.AppRunner(application, access_log=None)

    async def start(self) -> str:
        """Begin to serve; returns the base URL, with the port that was chosen if it was 0.

        Raises `ConfigError` if the address cannot be had.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            where = f"{self._host}:{self._port}"
            raise ConfigError(f"[web]: cannot listen on {where} ({error.strerror}); choose another port") from None
        host, port, *_ = self._runner.addresses[0]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """Let requests under way finish, then close."""
        await self._runner.cleanup()


async def _alive(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})
