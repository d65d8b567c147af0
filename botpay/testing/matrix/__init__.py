"""A homeserver to test against, over HTTP: as many of its calls as matrix-nio makes for a bot, and people on it.

`FakeHomeserver` is the server, `MatrixStage` plays `.chat` scenarios. It knows nothing of money.
"""

from botpay.testing.matrix.homeserver import FakeHomeserver
from botpay.testing.matrix.stage import MatrixStage
from botpay.testing.matrix.world import Room, World

__all__ = ["FakeHomeserver", "MatrixStage", "Room", "World"]
