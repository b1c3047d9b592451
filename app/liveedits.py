"""Edits while a run goes on: what it can take up at once is sent, what it cannot is said.

Learning rate, batch size and epochs go to the worker as they are changed. An edit of the stages or
of the device is offered: go on with the weights that survive, or train anew. Anything else waits
for the next run.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from app.checked import Checked
from app.document import Document
from app.panels.notices import Button, Notices
from app.session import Session
from qdesigner.design.spec import Design, TrainingSpec

LIVE = ("learning_rate", "batch_size", "epochs")
KEY = "live-edit"


class LiveEdits(QObject):
    """Compares the document with what the run trains, whenever one of them changes."""

    def __init__(
        self,
        document: Document,
        session: Session,
        checked: Checked,
        notices: Notices,
        train_anew: Callable[[], None],
    ) -> None:
        super().__init__()
        self._document, self._session = document, session
        self._checked, self._notices = checked, notices
        self._train_anew = train_anew
        self._trained: Design | None = None
        document.changed.connect(lambda _design: self._follow())
        checked.changed.connect(self._offer)

    def begin(self, design: Design | None) -> None:
        """A run of ``design`` has begun; None: no run goes on, or it is another project's."""
        self._trained = design
        self._follow()

    def _follow(self) -> None:
        trained = self._trained
        if trained is not None and self._goes_on:
            now = self._document.design.training
            new = {
                n: getattr(now, n) for n in LIVE if getattr(now, n) != getattr(trained.training, n)
            }
            if new:
                self._session.change(**new)
                training = trained.training.model_copy(update=new)
                self._trained = trained.model_copy(update={"training": training})
        self._offer()

    @property
    def _goes_on(self) -> bool:
        return self._session.state in ("training", "paused")

    def _offer(self) -> None:
        """Say what of the design on screen the run does not know."""
        trained, now = self._trained, self._document.design
        if trained is None or not self._goes_on:
            self._notices.dismiss(KEY)
            return
        waiting = _waiting(trained, now)
        if trained.stages != now.stages or trained.device != now.device:
            self._offer_edit(waiting)
        elif waiting:
            verb = "waits" if len(waiting) == 1 else "wait"
            self._post(f"{_listed(waiting).capitalize()} {verb} for the next run.")
        else:
            self._notices.dismiss(KEY)

    def _offer_edit(self, waiting: list[str]) -> None:
        if self._checked.error:
            self._post(f"The run goes on as it was; the edit cannot be trained yet. "
                       f"{self._checked.error}", "warning")  # fmt: skip
            return
        text = "The model was edited; the run goes on as it was."
        if waiting:
            text += f" Changes of {_listed(waiting)} wait for the next run."
        self._post(
            text, "info",
            ("Continue with these weights", self._continue), ("Train anew", self._train_anew),
        )  # fmt: skip

    def _post(self, text: str, tone: str = "info", *buttons: Button) -> None:
        """Not again while it stands there already: a banner's button must not move away."""
        if self._notices.texts().get(KEY) != text:
            self._notices.post(KEY, text, "warning" if tone == "warning" else "info", buttons)

    def _continue(self) -> None:
        """Go on with the edited model; data and the values that wait stay those of the run."""
        trained, now = self._trained, self._document.design
        if trained is None or not self._goes_on:
            return
        edited = trained.model_copy(update={"stages": now.stages, "device": now.device})
        self._trained = edited
        self._session.edit(edited)
        self._offer()


def goes_on_with(trained: Design, now: Design) -> bool:
    """Whether a run of ``trained`` that is taken up again can become all of ``now``."""
    same = trained.stages == now.stages and trained.device == now.device
    return same and not _waiting(trained, now)


def _waiting(trained: Design, now: Design) -> list[str]:
    """What differs that no running run takes up, in words."""
    names = ["data"] if trained.data != now.data else []
    for name in TrainingSpec.model_fields:
        if name not in LIVE and getattr(trained.training, name) != getattr(now.training, name):
            names.append(name.replace("_", " "))
    return names


def _listed(names: list[str]) -> str:
    """ "data, loss and seed"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
