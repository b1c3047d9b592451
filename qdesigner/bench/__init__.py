"""What the built-in engine is measured against, side by side on this machine.

Rows come as they are measured; see `session.comparison.Row`. Each is a median of turns taken with
the built-in engine, and no peer is timed before its values agree with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from qdesigner.bench.measure import Task
from qdesigner.circuit.circuit import Circuit
from qdesigner.errors import UserError
from qdesigner.session.comparison import TITLES, Measuring, Row

SECONDS = 0.4


def bench(
    what: Sequence[str] = tuple(TITLES),
    seconds: float = SECONDS,
    tell: Callable[[Measuring], None] = lambda progress: None,
    circuit: Circuit | None = None,
    batch: int = 4,
) -> Iterator[Row]:
    """All rows of ``what``, each measured for about ``seconds``; ``tell`` hears what comes next.

    With a ``circuit`` "device" runs that one on ``batch`` samples instead of the tutorial's model.
    Raises UserError for a word in ``what`` that is not in `TITLES`.
    """
    unknown = [word for word in what if word not in TITLES]
    if unknown or not what:
        name = unknown[0] if unknown else ""
        raise UserError(f"Nothing is measured as {name!r}; choose of {', '.join(TITLES)}.")
    return _rows([t for word in TITLES if word in what for t in _tasks(word, circuit, batch)],
                 seconds, tell)  # fmt: skip


def _rows(
    tasks: Sequence[Task], seconds: float, tell: Callable[[Measuring], None]
) -> Iterator[Row]:
    done, total = 0, sum(task.total for task in tasks)

    def next_is(engine: str) -> None:
        tell(Measuring(engine, done, total))

    for task in tasks:
        for row in task.run(seconds, next_is):
            done += 1
            yield row


def _tasks(word: str, circuit: Circuit | None, batch: int) -> Iterator[Task]:
    """The tasks of one word; each imports what it needs."""
    if word == "step":
        from qdesigner.bench.steps import step_task

        yield step_task()
    elif word == "edit":
        from qdesigner.bench.steps import edit_task

        yield edit_task()
    elif word == "device":
        from qdesigner.bench.on_devices import device_tasks

        yield from device_tasks(circuit, batch)
    elif word == "circuit":
        from qdesigner.bench.alone import circuit_tasks

        yield from circuit_tasks()
    elif word == "memory":
        from qdesigner.bench.memory import memory_task

        yield memory_task()
    elif word == "training":
        from qdesigner.bench.training import training_task

        yield training_task()
