"""Conduct a study: have every run done that is missing, here or on a cluster, and tell of it."""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from statistics import median

from qdesigner.design.plan import trained_prefix
from qdesigner.design.spec import DataSpec
from qdesigner.design.study import Task
from qdesigner.errors import UserError
from qdesigner.session import events
from qdesigner.session.studying import (
    STOPPED,
    Conduct,
    Result,
    RunDone,
    RunFailed,
    StudyBegun,
    StudyEnded,
)
from qdesigner.studies.crew import Crew, Done, Failed, Lost, News
from qdesigner.studies.ending import report
from qdesigner.studies.lanes import Lanes
from qdesigner.studies.store import Store, is_of
from qdesigner.training.control import Control, Emit, Free

ATTEMPTS = 3  # a run is begun as often when whoever does it is lost
LOOK = 0.2  # s between two looks at whether to stop
LOOK_AHEAD = 100  # runs among which another one to do meanwhile is looked for


def conduct(
    wanted: Conduct, emit: Emit, control: Control | None = None, repeat: str = ""
) -> StudyEnded:
    """Do the runs of a study that are missing in its folder, and tell ``emit`` of everything; the
    last event, which is returned, is StudyEnded. A report on what there is lies in the folder then.

    ``control`` wishes "run" or "stop"; what is stopped can be gone on with by the same call.
    ``repeat`` is the command that the report names. Raises UserError when the study cannot begin.
    """
    store = Store.begin(wanted.study, wanted.out)
    with store.held():
        results = store.results()
        missing = [task for key, task in store.tasks.items() if key not in results]
        with _crew(wanted, store, len(missing)) as crew:
            return _Conductor(store, results, missing, crew, emit, control or Free()).run(repeat)


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


@contextlib.contextmanager
def _crew(wanted: Conduct, store: Store, missing: int) -> Iterator[Crew]:
    """Who does the runs; on leaving, what is under way is stopped."""
    crew: Crew
    if wanted.scheduler and missing:
        from qdesigner.studies.cluster import Cluster

        crew = Cluster(wanted.scheduler)
    else:
        count = min(wanted.workers or cores(), max(1, missing))
        crew = Lanes(count, store.run_folder)
    try:
        yield crew
    finally:
        crew.end()


class _Conductor:
    """One study from what is there already to its last run."""

    def __init__(
        self, store: Store, results: dict[str, Result], missing: Sequence[Task], crew: Crew,
        emit: Emit, control: Control,
    ) -> None:  # fmt: skip
        self.store, self.results, self.crew = store, results, crew
        self.emit, self.control = emit, control
        self.waiting = deque(missing)
        self.under_way: dict[str, float] = {}  # since when, by key
        self.attempts: dict[str, int] = {}
        self.computed: set[tuple[str, DataSpec]] = set()  # frozen features that are there by now
        self.failed: list[RunFailed] = []
        self.total = len(store.tasks)
        self.begun = time.perf_counter()

    def run(self, repeat: str) -> StudyEnded:
        """Do what is missing; the end, told of as well."""
        folder = str(self.store.path)
        self.emit(StudyBegun(folder, self.total, len(self.results), self.crew.where))
        for number, result in enumerate(self.results.values(), start=1):
            self.emit(RunDone(result, number, self.total))
        why = ""
        try:
            while self.waiting or self.under_way:
                if self.control.wish() == "stop":
                    why = STOPPED
                    break
                while self.waiting and self.crew.room > 0:
                    self._begin(self._next())
                for news in self.crew.news(LOOK):
                    self._hear(news)
        except UserError as error:
            why = str(error)
        try:
            report(self.store, self.results, self.failed, self.emit, self.control, repeat)
        except UserError as error:
            why = why or str(error)
        spent = time.perf_counter() - self.begun
        ended = StudyEnded(folder, len(self.results), len(self.failed), spent, why)
        self.emit(ended)
        return ended

    def _next(self) -> Task:
        """The run to begin now: the next one, unless it would only wait for the frozen features
        that one under way computes, and there is another to do meanwhile."""
        under_way = [self.store.tasks[key] for key in self.under_way]
        computing = {_front(t) for t in under_way if not self._computed(t)} - {""}
        place = 0
        if computing and not self.crew.queues:
            some = enumerate(islice(self.waiting, LOOK_AHEAD))
            free = (n for n, t in some if _front(t) not in computing or self._computed(t))
            place = next(free, 0)
        task = self.waiting[place]
        del self.waiting[place]
        return task

    def _computed(self, task: Task) -> bool:
        """Whether a run on the same frozen features has ended, so that they are there."""
        return (_front(task), task.design.data) in self.computed

    def _begin(self, task: Task) -> None:
        self.attempts[task.key] = self.attempts.get(task.key, 0) + 1
        self.under_way[task.key] = time.perf_counter()
        self.crew.begin(task)

    def _hear(self, news: News) -> None:
        task = self.store.tasks[news.key]
        if isinstance(news, Done):
            self._done(task, news.result)
        elif isinstance(news, Failed):
            self._fail(task, news.reason)
        elif isinstance(news, Lost):
            self._lose(task, news.reason)
        else:
            what = f"{_words(task)}: {news.what}"
            self.emit(events.Progress(what, news.done, news.total, news.rate))

    def _done(self, task: Task, text: str) -> None:
        try:
            result = Result.model_validate_json(text)
        except ValueError as error:
            self._fail(task, f"Its result cannot be read: {str(error).splitlines()[0][:300]}.")
            return
        if not is_of(result, task):
            self._fail(task, "Its result is that of another run.")
            return
        self.under_way.pop(task.key, None)
        self.store.save(result)
        self.results[task.key] = result
        self.computed.add((_front(task), task.design.data))
        self.emit(RunDone(result, len(self.results), self.total, self._left()))

    def _fail(self, task: Task, reason: str) -> None:
        self.under_way.pop(task.key, None)
        self.failed.append(RunFailed(task, reason, len(self.results), self.total))
        self.emit(self.failed[-1])

    def _lose(self, task: Task, reason: str) -> None:
        """Whoever did a run is gone: let another do it, but not for ever."""
        if self.attempts[task.key] >= ATTEMPTS:
            self._fail(task, f"It was begun {ATTEMPTS} times, and each time lost. {reason}")
            return
        self.under_way.pop(task.key, None)
        self.waiting.appendleft(task)

    def _left(self) -> float:
        """The expected rest in seconds: of every run that is not done as long as those like it
        took, on as many hands as there are."""
        spent = _Spent(self.results.values())
        now = time.perf_counter()
        rests = [spent.of(task) for task in self.waiting]
        for key, since in self.under_way.items():
            passed = 0.0 if self.crew.queues else now - since
            rests.append(max(0.0, spent.of(self.store.tasks[key]) - passed))
        return max(sum(rests) / self.crew.hands, max(rests, default=0.0))


class _Spent:
    """How long runs took: of the same variant on the same data, else of the same variant, else of
    any."""

    def __init__(self, results: Iterable[Result]) -> None:
        by: dict[tuple[str, ...], list[float]] = {}
        for result in results:
            for like in ((result.variant, result.data), (result.variant,), ()):
                by.setdefault(like, []).append(result.seconds)
        # The first run of all computes what the others find in the cache: no mean.
        self._medians = {like: median(seconds) for like, seconds in by.items()}

    def of(self, task: Task) -> float:
        """Seconds to expect of a run."""
        for like in ((task.variant, task.data), (task.variant,), ()):
            if like in self._medians:
                return self._medians[like]
        return 0.0


def _front(task: Task) -> str:
    """The frozen front of a run's model, "" for none. One process at a time computes what the same
    front makes of images."""
    stages = task.design.stages[: trained_prefix(task.design)]
    return "\n".join(stage.model_dump_json() for stage in stages)


def _words(task: Task) -> str:
    data = f" on {task.data}" if task.data else ""
    return f"{task.variant}{data}, seed {task.seed}"
