"""The weights of a run's epochs, as far as they are kept."""

from __future__ import annotations

from torch import Tensor, nn

from qdesigner.errors import UserError
from qdesigner.model.build import Split
from qdesigner.session import record
from qdesigner.training.runs import Run, load_weights


def weights_of(run: Run, epoch: int) -> tuple[int, dict[str, Tensor]]:
    """The trained weights after ``epoch`` (0: the newest), and its number. Raises UserError when
    they are not kept."""
    kept = f"{record.EPOCHS}/{epoch:06d}"
    if not (run.path / record.LAST).is_file() and run.about.get("state") == "running":
        raise UserError(f"The run {run.path.name!r} can be asked after its first epoch.")
    names = ["last"] if not epoch else [kept, "last", "best"]
    for name in names:
        if not epoch or (run.path / f"{name}.pt").is_file():
            values = run.load_checkpoint(name)
            number = values.get("epoch", epoch)
            if not isinstance(number, int):
                raise UserError(f"{name}.pt of the run {run.path.name!r} is broken.")
            if number == epoch or not epoch:
                return number, values["model"]
    epochs = [number for number in record.kept_epochs(run.path) if number]
    instead = f"; it keeps {_listed(epochs)}" if epochs else ""
    raise UserError(f"The run {run.path.name!r} keeps no weights of epoch {epoch}{instead}.")


def model_at(run: Run, epoch: int) -> nn.Sequential:
    """The whole model after ``epoch``, as the design was then, in eval mode. Raises UserError."""
    _, weights = weights_of(run, epoch)
    split = Split(record.design_at(run.path, epoch), len(run.classes) or 1)
    load_weights(split.tail, weights, run.path.name)
    return split.whole().eval()


def _listed(epochs: list[int]) -> str:
    """At most a few epochs in words."""
    if len(epochs) <= 8:
        return ", ".join(map(str, epochs))
    return f"{len(epochs)} epochs from {epochs[0]} to {epochs[-1]}"
