"""A new run that begins with what another one had learned by one of its epochs."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from qdesigner.design import codec
from qdesigner.design.spec import Design
from qdesigner.errors import UserError
from qdesigner.session import events, record
from qdesigner.training.history import EVERY
from qdesigner.training.runs import Run
from qdesigner.training.transplant import Grown


class Branch:
    """Where a new run of ``design`` begins: with the weights of the run in ``folder`` after
    ``epoch`` (0: the last that is kept). Raises UserError when there is no such thing.

    The new run counts its epochs from there. It has as many as its design says; where those are
    over already, it has so many more.
    """

    def __init__(self, design: Design, folder: str, epoch: int) -> None:
        self.source = Run.open(Path(folder).absolute())
        kept = record.kept_epochs(self.source.path)
        values = self.source.load_epoch(epoch or (kept[-1] if kept else 0))
        try:
            self.epoch = int(values["epoch"])
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"A checkpoint of {self.source.path.name!r} is broken.") from error
        self._old = self.source.design_of(values)
        if self._old.data.task != design.data.task:
            raise UserError(
                f"The run {self.source.path.name!r} does not predict what this design does: "
                "classes and numbers do not branch from one another."
            )
        self.grown = Grown(self._old, self.source.split_of(values).tail)
        epochs = design.training.epochs
        if epochs <= self.epoch:
            training = design.training.model_copy(update={"epochs": self.epoch + epochs})
            design = design.model_copy(update={"training": training})
        self.design = design

    @property
    def words(self) -> str:
        """Where it comes from, in a few words."""
        return f"from epoch {self.epoch} of {self.source.path.name}"

    def copy_curve(self, run: Run) -> int:
        """Write what the source said up to here as the new run's own; how many steps that were."""
        steps = 0
        for event in self._said():
            if isinstance(event, events.Started):
                event = replace(event, run=str(run.path))
            elif isinstance(event, events.Steps):
                steps = event.first + len(event.losses)
            run.record(event)
        return steps

    def _said(self) -> Iterator[events.Event]:
        for event in record.read_events(self.source.path):
            match event:
                case events.Started():
                    yield event
                case events.Epoch() if event.epoch <= self.epoch:
                    yield event
                case events.Mark() if event.at <= self.epoch:
                    yield event
                case events.Steps() if event.epoch <= self.epoch:
                    yield event

    def copy_epochs(self, run: Run) -> None:
        """Copy the source's epochs up to here, which the new run can go back to then as well.
        Raises UserError."""
        source = self.source.path
        try:
            for epoch in record.kept_epochs(source):
                if epoch <= self.epoch:
                    for suffix in (".pt", ".npz"):
                        _copy(source, run.path, f"{record.EPOCHS}/{epoch:06d}{suffix}")
            for file in sorted((source / record.DESIGNS).glob("*.json")):
                if file.stem.isdecimal() and int(file.stem) < self.epoch:
                    _copy(source, run.path, f"{record.DESIGNS}/{file.name}")
            if self._old.stages != self.design.stages and self.epoch:
                file = run.path / record.DESIGNS / f"{self.epoch:06d}.json"
                file.parent.mkdir(exist_ok=True)
                codec.write_text(file, codec.dumps(self._old))
            newest = f"{record.EPOCHS}/{self.epoch:06d}.npz"
            if (source / newest).is_file():
                shutil.copyfile(source / newest, run.path / "predictions.npz")
        except OSError as error:
            raise UserError(
                f"The epochs of {source.name!r} cannot be copied to {str(run.path)!r}: "
                f"{error.strerror or error}."
            ) from error
        if EVERY in self.source.about:
            run.about[EVERY] = self.source.about[EVERY]

    def same_samples(self, items: list[tuple[str, float]], classes: tuple[str, ...]) -> bool:
        """Whether the source was judged by these validation samples, and tells these classes
        apart."""
        with contextlib.suppress(UserError):
            theirs = [(row["key"], row["label"]) for row in self.source.items()]
            return items == theirs and classes == self.source.classes
        return False


def _copy(source: Path, target: Path, name: str) -> None:
    (target / name).parent.mkdir(exist_ok=True)
    shutil.copyfile(source / name, target / name)
