"""Children that come and go with the work there is for them, as Qt objects."""

from __future__ import annotations

import logging
import threading

from PySide6.QtCore import QObject, QTimer

from qdesigner.session.client import Child

_log = logging.getLogger(__name__)

LOOK = 50  # ms between two looks at the child


class Attended(QObject):
    """A child of ``module`` that begins with the first message to it and is looked at every while.

    Who inherits says what becomes of what it says (`_take`) and of its death (`_broke_off`), and
    ends it when there is nothing more to do.
    """

    def __init__(self, module: str) -> None:
        super().__init__()
        self._module = module
        self._child: Child | None = None
        self._dead = False  # seen dead once; its last words are read before it is reported
        self._timer = QTimer(self, interval=LOOK)
        self._timer.timeout.connect(self._poll)

    @property
    def running(self) -> bool:
        """Whether there is a child."""
        return self._child is not None

    def close(self) -> None:
        """End the child, and say nothing more."""
        self.blockSignals(True)
        self._end()

    def _send(self, message: object) -> None:
        """Send ``message``, to a new child where there is none; returns at once."""
        if self._child is None:
            self._dead = False
            self._child = Child(self._module)
            self._child.start()
            self._timer.start()
        self._child.send(message)

    def _take(self, message: object) -> None:
        raise NotImplementedError

    def _broke_off(self, reason: str) -> None:
        """The child is gone by itself, for ``reason``, a sentence."""
        raise NotImplementedError

    def _poll(self) -> None:
        child = self._child
        if child is None:
            return
        dead = not child.alive
        for message in child.poll():
            if self._child is not child:
                return  # a listener has ended it
            self._take(message)
        if dead and self._dead and self._child is child:
            reason = child.exit_reason()
            _log.warning("The process %s is gone. %s", self._module, reason)
            self._end()
            self._broke_off(reason)
        else:
            self._dead = dead

    def _end(self) -> None:
        """End the child, without waiting here."""
        child, self._child = self._child, None
        self._timer.stop()
        if child is not None:
            stop_soon(child)


def stop_soon(child: Child) -> None:
    """Stop ``child`` in a thread: it may take seconds."""
    threading.Thread(target=child.stop, name=f"stop {child.module}", daemon=False).start()
