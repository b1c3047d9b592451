"""A study conducted: every run once, whatever befalls it, and only what is missing."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qdesigner.design import edits
from qdesigner.design.spec import DataSpec, Design
from qdesigner.design.studies import template
from qdesigner.design.study import NamedData, Study, Task, Variant
from qdesigner.errors import UserError
from qdesigner.session import events
from qdesigner.session.record import read_record
from qdesigner.session.studying import Conduct, Result, RunDone, RunFailed, StudyBegun, StudyEnded
from qdesigner.studies import conduct as conducting
from qdesigner.studies.conduct import conduct
from qdesigner.studies.crew import Done, Failed, Lost, News
from qdesigner.studies.lanes import Lanes
from qdesigner.studies.one import conduct_one
from qdesigner.studies.store import Store, default_folder
from qdesigner.training.runs import Run

QUICKSTART = template("quickstart")
SMALL = edits.set_data(edits.set_training(QUICKSTART, epochs=3), limit=12, test=0.2)


def without_circuit(design: Design) -> Design:
    for name in [s.id for s in design.stages if s.kind in ("quantum", "squash")]:
        design = edits.remove_stage(design, name)
    return design


def study(*designs: Design, seeds: int = 2, **more: Any) -> Study:
    variants = tuple(Variant(name=f"v{n}", design=d) for n, d in enumerate(designs))
    return Study(name="small", variants=variants, seeds=tuple(range(seeds)), **more)


def one(design: Design) -> Task:
    return study(design, seeds=1).tasks()[0]


class Doing:
    """A crew that does the runs here and now, or what ``answers`` says of a key."""

    queues = False
    where = "this process"
    hands = 1

    def __init__(self, store: Store, answers: dict[str, list[News]] | None = None) -> None:
        self.store, self.answers = store, answers or {}
        self.begun: list[str] = []
        self.told: list[News] = []
        self.ended = False

    @property
    def room(self) -> int:
        return 1 - len(self.told)

    def begin(self, task: Task) -> None:
        self.begun.append(task.key)
        planned = self.answers.get(task.key)
        if planned:
            self.told.append(planned.pop(0))
            return
        result = conduct_one(task, self.store.run_folder(task.key))
        assert result is not None
        self.told.append(Done(task.key, result.model_dump_json()))

    def news(self, seconds: float) -> list[News]:
        told, self.told = self.told, []
        return told

    def end(self) -> None:
        self.ended = True


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[Doing]]]:
    """Studies are conducted in this process, as ``answers`` says."""
    crews: list[Doing] = []

    def answering(answers: dict[str, list[News]] | None = None) -> list[Doing]:
        def crew(count: int, folder: Callable[[str], Path]) -> Doing:
            crews.append(Doing(folder.__self__, answers))  # type: ignore[attr-defined]
            return crews[-1]

        monkeypatch.setattr(conducting, "Lanes", crew)
        return crews

    yield answering
    assert all(crew.ended for crew in crews)


def conducted(what: Study, out: Path, **more: Any) -> list[events.Event]:
    heard: list[events.Event] = []
    ended = conduct(Conduct(what, str(out), **more), heard.append)
    assert heard[-1] == ended
    return heard


def of(heard: list[events.Event], kind: type) -> list[Any]:
    return [event for event in heard if isinstance(event, kind)]


# ---- one run -------------------------------------------------------------------------------------


def test_a_run_is_trained_and_its_best_epoch_scored_on_the_test_samples(tmp_path: Path) -> None:
    task = one(SMALL)
    result = conduct_one(task, tmp_path / "run")
    assert result is not None and (result.key, result.variant) == (task.key, "v0")
    epochs = of(list(read_record(tmp_path / "run").events), events.Epoch)
    best = next(e for e in epochs if e.epoch == result.epoch)
    assert best.val_accuracy == result.validation == max(e.val_accuracy for e in epochs)
    assert len(result.samples) == len(set(result.samples)) == len(result.values) > 20
    assert result.test == pytest.approx(sum(result.values) / len(result.values))
    assert set(result.values) <= {0.0, 1.0} and not result.errors
    assert 0 < result.quantum < result.parameters
    assert 0 < result.step < result.seconds
    items = {item.key for item in read_record(tmp_path / "run").items}
    assert not items & set(result.samples), "what an epoch was chosen by is no test"


def test_a_run_leaves_little_and_can_be_looked_at(tmp_path: Path) -> None:
    conduct_one(one(SMALL), tmp_path / "run")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert not names & {"epochs", "thumbnails.npy", "scatter.npz", "plane.npz", "last.pt"}
    assert sum(path.stat().st_size for path in (tmp_path / "run").iterdir()) < 60_000
    assert Run.open(tmp_path / "run").model() is not None
    assert read_record(tmp_path / "run").predictions is not None


def test_a_model_without_a_circuit_and_a_number_to_predict_have_results_too(
    tmp_path: Path,
) -> None:
    plain = conduct_one(one(without_circuit(SMALL)), tmp_path / "plain")
    assert plain is not None and plain.quantum == 0 < plain.parameters
    table = tmp_path / "t.csv"
    table.write_text("a,b,y\n" + "".join(f"{k % 7},{k % 5},{k % 7 + 0.5}\n" for k in range(60)))
    design = edits.use_table(SMALL, str(table), "y", "regress")
    design = edits.remove_stage(design, design.stages[0].id)
    number = conduct_one(one(edits.set_data(design, test=0.2)), tmp_path / "number")
    assert number is not None and number.errors and number.test > 0
    assert number.test == pytest.approx(sum(number.values) / len(number.values))
    assert number.metrics["mae"] == pytest.approx(number.test, rel=1e-5)


def test_data_without_test_samples_is_refused_before_it_is_trained_on(tmp_path: Path) -> None:
    heard: list[events.Event] = []
    with pytest.raises(UserError, match=r"no images to test on.*--test 0\.2"):
        conduct_one(one(edits.set_data(SMALL, test=0.0)), tmp_path / "run", heard.append)
    assert not of(heard, events.Steps)


class Wishing:
    """Wishes to stop once it has heard of an epoch."""

    def __init__(self) -> None:
        self.stopped = False

    def hear(self, event: events.Event) -> None:
        self.stopped = self.stopped or isinstance(event, events.Epoch)

    def wish(self) -> str:
        return "stop" if self.stopped else "run"

    def wait(self) -> None: ...

    def changes(self) -> tuple[()]:
        return ()


def test_a_run_that_was_stopped_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    task, wishing = one(SMALL), Wishing()
    assert conduct_one(task, tmp_path / "cut", wishing.hear, wishing) is None
    heard: list[events.Event] = []
    result = conduct_one(task, tmp_path / "cut", heard.append)
    assert of(heard, events.Started)[0].first_epoch == 2
    whole = conduct_one(task, tmp_path / "whole")
    assert result is not None and whole is not None
    times = {"seconds": 0.0, "step": 0.0}
    assert result.but(**times) == whole.but(**times)
    again: list[events.Event] = []
    assert conduct_one(task, tmp_path / "cut", again.append) == result
    assert not of(again, events.Started), "a run that was only not scored is not trained again"


@pytest.mark.parametrize("spoil", ["last.pt", "design.json", "another design"])
def test_what_cannot_be_gone_on_with_is_begun_anew(spoil: str, tmp_path: Path) -> None:
    task, wishing = one(SMALL), Wishing()
    conduct_one(task, tmp_path / "run", wishing.hear, wishing)
    if spoil == "another design":
        task = one(edits.set_training(SMALL, epochs=2))
    else:
        (tmp_path / "run" / spoil).write_bytes(b"{")
    heard: list[events.Event] = []
    assert conduct_one(task, tmp_path / "run", heard.append) is not None
    assert of(heard, events.Started)[0].first_epoch == 1


# ---- all of them ---------------------------------------------------------------------------------


def test_a_study_tells_of_every_run_and_a_second_time_of_what_is_there(
    tmp_path: Path, here: Callable[..., list[Doing]]
) -> None:
    crews, what = here(), study(SMALL, without_circuit(SMALL))
    heard = conducted(what, tmp_path / "s")
    assert of(heard, StudyBegun) == [StudyBegun(str(tmp_path / "s"), 4, 0, "this process")]
    done = of(heard, RunDone)
    assert [event.result.key for event in done] == [task.key for task in what.tasks()]
    assert [event.done for event in done] == [1, 2, 3, 4] and done[-1].left == 0
    assert all(event.left > 0 for event in done[:-1])
    ended = heard[-1]
    assert isinstance(ended, StudyEnded) and (ended.done, ended.failed, ended.why) == (4, 0, "")
    again = conducted(what, tmp_path / "s")
    assert crews[1].begun == []
    assert [event.result for event in of(again, RunDone)] == [event.result for event in done]
    more = conducted(study(SMALL, without_circuit(SMALL), seeds=3), tmp_path / "s")
    assert len(crews[2].begun) == 2 and of(more, StudyBegun)[0].done == 4
    for event in heard + more:
        json.dumps(event.to_json())


def test_no_run_is_begun_that_would_wait_for_features_another_computes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two hands one computes the frozen features; the other does what needs none."""
    other = edits.set_frozen(SMALL, SMALL.backbone.id, False)
    what = study(SMALL, edits.set_training(SMALL, epochs=2), other, seeds=2)
    crews: list[Doing] = []

    class Two(Doing):
        hands = 2

        @property
        def room(self) -> int:
            return 2 - len(self.told)

        def news(self, seconds: float) -> list[News]:
            return [self.told.pop(0)]

    def crew(count: int, folder: Callable[[str], Path]) -> Doing:
        crews.append(Two(folder.__self__))  # type: ignore[attr-defined]
        return crews[-1]

    monkeypatch.setattr(conducting, "Lanes", crew)
    conducted(what, tmp_path)
    first, second, third, later, then, last = (task.key for task in what.tasks())
    # Other seeds are other images, but it is the same front that would compute them.
    assert crews[0].begun == [first, third, second, later, last, then]


def test_a_result_that_is_not_whole_is_missing(
    tmp_path: Path, here: Callable[..., list[Doing]]
) -> None:
    crews, what = here(), study(SMALL)
    conducted(what, tmp_path)
    first, second = (tmp_path / "runs" / task.key / "result.json" for task in what.tasks())
    first.write_bytes(first.read_bytes()[:-20])
    shutil.copy(first.with_name("design.json"), second)
    before = Store.open(tmp_path)
    assert before.results() == {} and before.study == what
    conducted(what, tmp_path)
    assert len(crews[1].begun) == 2 and len(before.results()) == 2


def test_a_run_that_fails_is_told_of_while_the_others_go_on(
    tmp_path: Path, here: Callable[..., list[Doing]]
) -> None:
    what = study(SMALL)
    bad = what.tasks()[0].key
    crews = here({bad: [Failed(bad, "It does not.")]})
    heard = conducted(what, tmp_path)
    failed = of(heard, RunFailed)
    assert [(event.task.key, event.reason) for event in failed] == [(bad, "It does not.")]
    assert len(of(heard, RunDone)) == 1 and (heard[-1].done, heard[-1].failed) == (1, 1)  # type: ignore[attr-defined]
    json.dumps(failed[0].to_json())
    conducted(what, tmp_path)
    assert crews[1].begun == [bad], "a failed run is missing, and tried again"


def test_a_lost_run_is_begun_again_but_not_for_ever(
    tmp_path: Path, here: Callable[..., list[Doing]]
) -> None:
    what = study(SMALL)
    unlucky, fatal = (task.key for task in what.tasks())
    crews = here(
        {
            unlucky: [Lost(unlucky, "Gone.")],
            fatal: [Lost(fatal, "Killed.")] * conducting.ATTEMPTS,
        }
    )
    heard = conducted(what, tmp_path)
    assert [event.result.key for event in of(heard, RunDone)] == [unlucky]
    (failed,) = of(heard, RunFailed)
    assert failed.task.key == fatal and "3 times" in failed.reason and "Killed." in failed.reason
    assert crews[0].begun.count(unlucky) == 2 and crews[0].begun.count(fatal) == 3


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": 1}', "other"])
def test_an_answer_that_is_no_result_of_the_run_is_a_failure(
    text: str, tmp_path: Path, here: Callable[..., list[Doing]]
) -> None:
    what = study(SMALL, seeds=1)
    (task,) = what.tasks()
    if text == "other":
        text = Result(
            key=task.key, variant="v9", data="", seed=0, epoch=1, validation=1, test=1, loss=0,
            samples=("a",), values=(1.0,),
        ).model_dump_json()  # fmt: skip
    here({task.key: [Done(task.key, text)]})
    heard = conducted(what, tmp_path)
    assert len(of(heard, RunFailed)) == 1 and not of(heard, RunDone)


def test_a_folder_that_is_no_such_study_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(UserError, match="already holds something"):
        conducted(study(SMALL), tmp_path)
    other = tmp_path / "other"
    Store.begin(study(SMALL), str(other))
    with Store.begin(study(SMALL), str(other)).held():
        with pytest.raises(UserError, match="being conducted by another process"):
            conducted(study(SMALL), other)
        with pytest.raises(UserError, match="holds the study 'small', not 'big'"):
            conducted(study(SMALL).but(name="big"), other)
    (other / "study.json").write_text('{"name": 3}')
    with pytest.raises(UserError, match=r"is broken: study.json: at name"):
        conducted(study(SMALL), other)
    assert (tmp_path / "mine.txt").read_text() == "keep me"


def test_the_same_study_has_the_same_folder_and_another_one_another() -> None:
    assert default_folder(study(SMALL)) == default_folder(study(SMALL, seeds=7))
    other = study(SMALL, data=(NamedData(name="d", spec=DataSpec(source="moons")),))
    assert default_folder(study(SMALL)) != default_folder(other)


# ---- local processes -----------------------------------------------------------------------------


def test_local_processes_do_the_runs_one_that_dies_is_replaced_and_none_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process is killed in the middle; data that is not there fails its run."""
    away = edits.set_data(SMALL, source="folder", path=str(tmp_path / "away"), classes=())
    what = study(SMALL, edits.set_training(away, epochs=1), seeds=4)
    crews: list[Lanes] = []
    pids: set[int] = set()

    def crew(count: int, folder: Callable[[str], Path]) -> Lanes:
        crews.append(Lanes(count, folder))
        return crews[-1]

    monkeypatch.setattr(conducting, "Lanes", crew)
    heard: list[events.Event] = []

    def hear(event: events.Event) -> None:
        heard.append(event)
        pids.update(crews[0].pids)
        if isinstance(event, RunDone) and event.done == 1:
            os.kill(crews[0].pids[0], signal.SIGKILL)

    ended = conduct(Conduct(what, str(tmp_path / "s"), workers=1), hear)
    assert (ended.done, ended.failed, ended.why) == (4, 4, "")
    assert sorted(e.result.key for e in of(heard, RunDone)) == sorted(
        task.key for task in what.tasks() if task.variant == "v0"
    )
    assert all("does not exist" in event.reason for event in of(heard, RunFailed))
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_study_that_is_stopped_keeps_its_runs_and_goes_on(
    tmp_path: Path, here: Callable[..., list[Doing]]
) -> None:
    what = study(edits.set_training(SMALL, epochs=100_000), SMALL, seeds=1)
    long, short = (task.key for task in what.tasks())
    heard: list[events.Event] = []

    class Stopping(Wishing):
        def wish(self) -> str:
            return "stop" if (tmp_path / "s" / "runs" / long / "best.pt").is_file() else "run"

    ended = conduct(Conduct(what, str(tmp_path / "s"), workers=1), heard.append, Stopping())
    assert (ended.done, ended.failed, ended.why) == (0, 0, "stopped")
    run = Run.open(tmp_path / "s" / "runs" / long)
    assert run.about["state"] == "stopped" and run.load_checkpoint("last")["epoch"] >= 1
    run.hold()  # nobody trains it any more
    run.close()
    assert not (tmp_path / "s" / "runs" / short).exists()
