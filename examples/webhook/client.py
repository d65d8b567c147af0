"""A whole client: alice pays bob, enters her PIN on the keys that the bot shows, and reads what it says to her.

BOTPAY is where botpay listens, SECRET that of both sides, PORT the one in the tenant's url; the PIN is read from
standard input. A real client also remembers each webhook-id, for what it shows and for what it sends again.
"""

import base64
import hmac
import json
import os
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.request import Request, urlopen
from uuid import uuid4


def signed(body: bytes, id_: str, at: str) -> str:
    key = base64.b64decode(os.environ["SECRET"].removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.digest(key, f"{id_}.{at}.".encode() + body, "sha256")).decode()


def tell(**deed: str) -> None:
    alice = {"author": {"id": "1", "handle": "alice"}, "chat": {"id": "1", "visibility": "private"}}
    body = json.dumps({**alice, **deed, "said_at": datetime.now(UTC).isoformat()}).encode()
    headers = {"Content-Type": "application/json", "webhook-id": (id_ := str(uuid4()))}
    headers["webhook-timestamp"] = at = str(int(datetime.now(UTC).timestamp()))
    headers["webhook-signature"] = signed(body, id_, at)
    urlopen(Request(os.environ["BOTPAY"] + "/webhook/messages", body, headers)).close()


class Screen(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        mine = signed(body, self.headers["webhook-id"], self.headers["webhook-timestamp"])
        ours = any(hmac.compare_digest(mine, one) for one in self.headers["webhook-signature"].split())
        self.send_response_only(204 if ours else 401)
        self.end_headers()
        self.server.said = json.loads(body) if ours else {}


screen, last = HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Screen), "#envoyer 10 € @bob pour la pizza"
print("alice>", last)
tell(type="message", text=last)
while "Réf." not in last:
    screen.handle_request()
    keypad = screen.said.get("keypad", {})
    if screen.said.get("to") == "1" and "●" not in keypad.get("shown", ""):  # not each new dot
        print("bot>", last := screen.said["text"])
        tokens = {key["label"]: key["token"] for row in keypad.get("rows", ()) for key in row}
        for digit in input() if tokens else "":
            tell(type="press", token=tokens[digit])
