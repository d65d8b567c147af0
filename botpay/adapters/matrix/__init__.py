"""Matrix: rooms, direct rooms, and long polling with `/sync`, on matrix-nio.

`api.py` calls the homeserver, `rooms.py` says who can read a room, `translate.py` reads events, `intake.py` takes what
`/sync` brings, `sending.py` delivers, `adapter.py` joins them. Nothing here knows about money.
"""

from botpay.adapters.matrix.adapter import MatrixAdapter
from botpay.adapters.matrix.settings import MatrixSettings

__all__ = ["MatrixAdapter", "MatrixSettings"]
