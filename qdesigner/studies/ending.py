"""What a study ends with: gradients where it is about them, and its report."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from qdesigner.design.study import Task
from qdesigner.errors import UserError
from qdesigner.model.features import Interrupted
from qdesigner.session import events
from qdesigner.session.studying import Result, RunFailed
from qdesigner.session.vanishing import Gradients
from qdesigner.session.verdict import Reported
from qdesigner.studies.gradients import measure
from qdesigner.studies.store import STUDY, Store
from qdesigner.training.control import Control, Emit, StopTraining, Telling

OF_GRADIENTS = "activations"  # the built-in study whose report tells of them


def report(
    store: Store,
    results: Mapping[str, Result],
    failed: Sequence[RunFailed],
    emit: Emit,
    control: Control,
    repeat: str = "",
) -> None:
    """Write the report on what there is of the study in ``store`` and tell of it; ``repeat`` is the
    command that conducts it again. Raises UserError."""
    if not results:
        return
    gradients = _gradients(store, results, emit, control)
    emit(events.Progress("writing the report", 0, 0))
    # Plots take a second to import: a study that has nothing to tell does without.
    from qdesigner.studies.report import write_report

    # The whole study in a folder of its own; in this one there is nothing left to do.
    file = shlex.quote(str(store.path / STUDY))
    again = repeat or f"qdesigner study {file} --out FOLDER"
    written = write_report(
        store.path, store.study, list(results.values()), failed, gradients, again
    )
    emit(Reported(str(written.path), written.verdict))


def _gradients(
    store: Store, results: Mapping[str, Result], emit: Emit, control: Control
) -> tuple[Gradients, ...]:
    """Those of every run that is done, measured once each; what is there already when the study is
    to stop."""
    if store.study.name != OF_GRADIENTS:
        return ()
    known = store.gradients()
    todo = [task for key, task in store.tasks.items() if key in results and key not in known]
    for number, task in enumerate(todo):
        if control.wish() == "stop":
            break
        emit(events.Progress("measuring gradients", number, len(todo)))
        try:
            known[task.key] = _measured(task, control)
        except (StopTraining, Interrupted):
            break
        except UserError:  # no gradient passes through an activation there, or its data is gone
            continue
        store.save_gradients(known)
    return tuple(row for key in store.tasks for row in known.get(key, ()))


def _measured(task: Task, control: Control) -> tuple[Gradients, ...]:
    return measure(task, tell=Telling(lambda event: None, control))
