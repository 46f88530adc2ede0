"""The app behind two pipes: frames go out to `kullm web`, keys come in from it, each in Textual's packets.

As in a terminal, a reader that takes nothing holds up nothing (`output_writer.py`), and the app ends when whoever reads it has gone.
"""

from __future__ import annotations

from typing import Any, TextIO

from textual import messages
from textual.app import App
from textual.drivers import web_driver

from kullm_tui.ui.terminal import input_parser
from kullm_tui.ui.terminal.output_writer import PatientWriter


def install() -> None:
    """For every app that this process opens from now on; Textual finds the driver itself by TEXTUAL_DRIVER."""
    input_parser.install(web_driver)


class PacketWriter(PatientWriter):
    """What waits goes out as one packet of drawing."""

    def __init__(self, file: TextIO) -> None:
        super().__init__(file)
        self._encoding, self._errors = "utf-8", "replace"

    def _put(self, data: bytes) -> None:
        super()._put(b"D" + len(data).to_bytes(4, "big") + data)


class BrowserDriver(web_driver.WebDriver):
    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        assert self.stdout
        self._writer_thread = PacketWriter(self.stdout)

    def write(self, data: str) -> None:
        self._writer_thread.write(data)

    def start_application_mode(self) -> None:
        super().start_application_mode()  # its first line is no packet, and goes out before all of them
        self._writer_thread.start()

    def stop_application_mode(self) -> None:
        """Without Textual's packet of farewell, which would go out past the writer: the end of the pipe says the same."""
        self.exit_event.set()
        self._input_reader.close()
        self._writer_thread.stop()

    def run_input_thread(self) -> None:
        super().run_input_thread()
        if not self.exit_event.is_set():
            self._app.post_message(messages.ExitApp())
