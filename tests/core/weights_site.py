"""A server of weights on this machine, with the faults of a real one."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import threading
import time
from typing import Any


class Site:
    """A local web server that plays download.pytorch.org: it serves one file, whatever its name."""

    def __init__(self) -> None:
        self.content = b""
        self.cut = 0  # answers are broken off after so many bytes, once
        self.slow = 0.0  # s between the pieces of an answer
        self.ranges: list[str | None] = []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                wanted = self.headers.get("Range")
                site.ranges.append(wanted)
                start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
                if not self.path.startswith("/models/"):
                    self.send_error(404, "Not Found")
                elif start >= len(site.content):
                    self.send_error(416, "Range Not Satisfiable")
                else:
                    self.send_from(start)

            def send_from(self, start: int) -> None:
                rest = site.content[start:]
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(rest)))
                self.end_headers()
                rest = rest[: site.cut] if site.cut else rest
                site.cut = 0
                size = 1 << 18 if site.slow else len(rest)
                with contextlib.suppress(ConnectionError):  # whoever asked has had enough
                    for piece in range(0, len(rest), size):
                        self.wfile.write(rest[piece : piece + size])
                        time.sleep(site.slow)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def url(self, promised: str = "") -> str:
        promised = promised or hashlib.sha256(self.content).hexdigest()[:8]
        return f"{self.base}/models/squeezenet1_1-{promised}.pth"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
