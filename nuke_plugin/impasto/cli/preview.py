"""Live frames in a browser on this machine: motion JPEG over HTTP on loopback."""

from __future__ import annotations

import importlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from impasto.client import BadRequestError

_PAGE = b'<!doctype html><title>Impasto live</title><body style="margin:0;background:#222"><img src="/frames">'


class Preview:
    """Shows the newest frame to whoever looks.

    Args:
        port: on 127.0.0.1; 0 takes any free one.
        width: columns of the frames.
        height: rows.

    Attributes:
        url: to open in a browser.

    Raises:
        BadRequestError: the port cannot be had.
    """

    def __init__(self, port: int, width: int, height: int) -> None:
        self._size = (height, width)
        self._changed = threading.Condition()
        self._picture = b""
        self._count = 0
        self._over = False
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        except OSError as error:
            raise BadRequestError(
                f"Port {port} cannot be had ({error.strerror}); choose another --preview.", reason="ADDRESS_IN_USE"
            ) from error
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, name="impasto-preview", daemon=True).start()

    def show(self, pixels: bytes, half: bool) -> None:
        """Show a frame: sRGB bytes, or scene-linear half RGBA."""
        np: Any = importlib.import_module("numpy")
        cv2: Any = importlib.import_module("cv2")
        srgb: Any = importlib.import_module("impasto.server.plates.srgb")
        if half:
            linear = np.frombuffer(pixels, np.float16).reshape(*self._size, 4)[..., :3].astype(np.float32)
            rgb = (np.clip(srgb.encode(linear), 0, 1) * 255 + 0.5).astype(np.uint8)
        else:
            rgb = np.frombuffer(pixels, np.uint8).reshape(*self._size, 3)
        made, jpeg = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
        if made:
            with self._changed:
                self._picture, self._count = jpeg.tobytes(), self._count + 1
                self._changed.notify_all()

    def close(self) -> None:
        """Show no more."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def next(self, seen: int) -> tuple[int, bytes] | None:
        """Number and JPEG of a frame newer than the one seen, waiting for it; None at the end."""
        with self._changed:
            while self._count == seen and not self._over:
                self._changed.wait(1.0)
            return None if self._over else (self._count, self._picture)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        preview = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Answer with the page, or the stream of frames."""
                if self.path != "/frames":
                    self.send_response(200)
                    self.send_header("Content-Type", "text/html")
                    self.end_headers()
                    self.wfile.write(_PAGE)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                seen = 0
                try:
                    while (found := preview.next(seen)) is not None:
                        seen, jpeg = found
                        self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n")
                except OSError:  # whoever looked is gone
                    return

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
                """Say nothing."""

        return Handler
