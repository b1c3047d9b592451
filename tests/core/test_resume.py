"""What is saved stays saved: runs that are stopped, killed, or whose disk is full, go on."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from same_runs import assert_same, figures

from qdesigner.design import codec, edits
from qdesigner.design.spec import DataSpec, Design
from qdesigner.errors import UserError
from qdesigner.paths import resource
from qdesigner.session import events
from qdesigner.session.record import read_record
from qdesigner.training import inputs, loop
from qdesigner.training.loop import train
from qdesigner.training.picture import draw
from qdesigner.training.predict import predict
from qdesigner.training.runs import Run

QUICKSTART = codec.load(resource("templates/quickstart.qdesign"))
SHORT = edits.set_data(edits.set_training(QUICKSTART, epochs=3), limit=30)


def stages(*kinds: str, **settings: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"id": f"{kind}-{number}", "kind": kind, "settings": settings.get(kind, {})}
        for number, kind in enumerate(kinds)
    ]


def pixels(*made: dict[str, Any]) -> Design:
    """A design on the digits' pixels, without a backbone."""
    raw = json.loads(codec.dumps(SHORT))
    return codec.loads(json.dumps({**raw, "stages": list(made)}))


LENET = pixels(
    *stages(
        "conv", "batch_norm", "activation", "pool", "dropout", "flatten", "linear",
        conv={"channels": 4, "kernel": 3}, dropout={"rate": 0.4},
    )
)  # fmt: skip
DESIGNS = {
    "adam": SHORT,
    "shots": edits.set_device(SHORT, shots=50),
    "sgd with momentum and a step schedule": edits.set_training(
        SHORT, optimizer="sgd", momentum=0.9, schedule="step", step_size=1, gamma=0.5
    ),
    "a small LeNet with dropout": LENET,
    "a backbone of which the last part is trained": edits.set_stage_settings(
        edits.set_frozen(SHORT, SHORT.stages[0].id, False), SHORT.stages[0].id, trained=1
    ),
    "adamw, dropout and a step schedule": edits.set_training(
        LENET, optimizer="adamw", weight_decay=0.1, schedule="step", step_size=2
    ),
}


class Killed(BaseException):
    """Stands for the end of the process at that point."""


class After:
    """A control that stops a few steps after `begin`."""

    left = 10**9

    def begin(self) -> None:
        self.left = 4

    def wish(self) -> str:
        self.left -= 1
        return "run" if self.left > 0 else "stop"

    def wait(self) -> None:
        pass


def stop_in_the_second_epoch(design: Design, out: Path) -> list[events.Event]:
    heard: list[events.Event] = []
    control = After()

    def listen(event: events.Event) -> None:
        heard.append(event)
        if isinstance(event, events.Epoch):
            control.begin()

    train(design, listen, control, out=str(out))
    return heard


def run_to_end(design: Design, out: Path) -> list[events.Event]:
    heard: list[events.Event] = []
    train(design, heard.append, out=str(out))
    return heard


def resume(out: Path) -> list[events.Event]:
    heard: list[events.Event] = []
    train(SHORT, heard.append, resume=str(out))
    assert isinstance(heard[-1], events.Finished)
    return heard


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("resume") / "whole"
    run_to_end(SHORT, out)
    return out


@pytest.mark.parametrize("name", DESIGNS)
def test_a_resumed_run_equals_the_uninterrupted_one_to_the_bit(name: str, tmp_path: Path) -> None:
    run_to_end(DESIGNS[name], tmp_path / "whole")
    heard = stop_in_the_second_epoch(DESIGNS[name], tmp_path / "cut")
    assert isinstance(heard[-1], events.Stopped) and heard[-1].epochs == 1
    resume(tmp_path / "cut")
    assert_same(tmp_path / "cut", tmp_path / "whole")


WRITES = ("best.pt", "best_predictions.npz", "predictions.npz", "last.pt", "run.json")


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_killed_at_any_write_opens_and_goes_on_as_if_nothing_had_been(
    name: str, when: str, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the second epoch; run.json is written when all epochs are done."""
    left = [2 if name != "run.json" else 3 * len(WRITES)]
    real = Path.replace
    out = tmp_path / "run"

    def killing(self: Path, target: Path) -> Path:
        ends = Path(target).name == name and name != "run.json"
        if name == "run.json" and Path(target).name == name:
            ends = (out / "last.pt").exists() and Run.open(out).load_checkpoint("last")["epoch"] > 2
        left[0] -= 1 if ends else 0
        last = ends and (name == "run.json" or left[0] == 0)
        if last and when == "before":
            raise Killed
        done = real(self, target)
        if last:
            raise Killed
        return done

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killing)
        patched.setattr(Run, "close", lambda run: run._lock.release())
        with pytest.raises(Killed):
            run_to_end(SHORT, out)
    record = read_record(out)
    assert len(record.items) and record.predictions is not None
    assert predict(out, []) == []
    if Run.open(out).about["state"] != "finished":
        resume(out)
    assert_same(out, whole)


@pytest.mark.parametrize("name", ["shots", "adamw, dropout and a step schedule"])
def test_a_run_killed_within_an_epoch_goes_on_from_a_checkpoint_within_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_to_end(DESIGNS[name], tmp_path / "whole")
    for limit in ("SAVE_EVERY", "SAVE_SHARE", "OFTEN"):
        monkeypatch.setattr(loop, limit, 0)  # as if every step took long

    def kill(event: events.Event) -> None:
        if isinstance(event, events.Steps) and event.epoch == 2 and event.at[-1] > 1.4:
            raise Killed

    with pytest.raises(Killed):
        train(DESIGNS[name], kill, out=str(tmp_path / "cut"))
    within = Run.open(tmp_path / "cut").load_checkpoint("last")["within"]
    assert within is not None and within["position"] > 0
    started = next(e for e in resume(tmp_path / "cut") if isinstance(e, events.Started))
    assert 1 < started.at < 1.5 and started.first_epoch == 2
    assert_same(tmp_path / "cut", tmp_path / "whole")


def test_a_run_folder_pulled_away_is_named_and_put_back_the_run_goes_on(
    whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"

    def pull_away(event: events.Event) -> None:
        if isinstance(event, events.Epoch) and event.epoch == 1:
            out.rename(tmp_path / "elsewhere")

    with pytest.raises(UserError, match=r"'.*run' is not there any more"):
        train(SHORT, pull_away, out=str(out))
    (tmp_path / "elsewhere").rename(out)
    resume(out)
    assert_same(out, whole)


def test_a_line_that_a_kill_cut_short_does_not_spoil_the_next_one(
    whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    stop_in_the_second_epoch(SHORT, out)
    with (out / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"event": "steps", "epoch": 2, "lo')
    resume(out)
    record = read_record(out)
    assert record.unreadable == 1
    assert [e.first_epoch for e in record.events if isinstance(e, events.Started)] == [1, 2]
    assert figures(out) == figures(whole)
    assert draw(Run.open(out), tmp_path / "p.png").stat().st_size > 1000


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """A run that was stopped after its first epoch."""
    out = tmp_path / "stopped"
    stop_in_the_second_epoch(SHORT, out)
    assert Run.open(out).about["state"] == "stopped"
    return out


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])


def changed(**values: Any) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        torch.save({**torch.load(file, weights_only=True), **values}, file)

    return change


def without(name: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        held = torch.load(file, weights_only=True)
        del held[name]
        torch.save(held, file)

    return change


def other_optimizer(file: Path) -> None:
    held = torch.load(file, weights_only=True)
    for state in held["optimizer"]["state"].values():
        state["exp_avg"] = torch.zeros(3)
    torch.save(held, file)


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (Path("trap-was-sprung"), "x"))


def a_trap(file: Path) -> None:
    file.write_bytes(pickle.dumps({"model": Trap()}))


@pytest.mark.parametrize(
    "spoil",
    [
        cut_short, other_optimizer, a_trap, without("optimizer"), without("best"),
        changed(epoch="two"), changed(best=[1]), changed(model={}), changed(model=[1, 2]),
        changed(optimizer={"param_groups": [], "state": {}}), changed(optimizer=7),
        lambda file: file.write_bytes(b""), lambda file: file.unlink(),
        lambda file: torch.save([1], file),
    ],
)  # fmt: skip
def test_a_checkpoint_that_does_not_fit_is_refused_in_a_sentence(
    spoil: Callable[[Path], object], stopped: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    spoil(stopped / "last.pt")
    with pytest.raises(UserError, match=r"'stopped'.*\.$|train again\.$"):
        resume(stopped)
    assert not Path("trap-was-sprung").exists()


def test_the_reason_of_a_full_disk_is_told_and_the_run_goes_on_when_there_is_room(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    real, writes = Path.write_bytes, []

    def full(path: Path, content: Any) -> int:
        if path.name.startswith("last.pt"):
            writes.append(1)
            if len(writes) == 2:
                real(path, b"half")
                raise OSError(28, "No space left on device")
        return real(path, content)

    write_text = codec.write_text

    def no_room(path: Path, text: str) -> None:
        if '"failed"' in text:
            raise OSError(28, "No space left on device")
        write_text(path, text)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        patched.setattr(codec, "write_text", no_room)
        with pytest.raises(UserError, match=r"cannot be written to the run folder.*No space left"):
            run_to_end(SHORT, out)
    assert not list(out.glob("*.tmp"))
    resume(out)
    assert_same(out, whole)


def drawn(root: Path) -> Design:
    """A design that trains on the pixels of forty small pictures in a folder."""
    rng = np.random.default_rng(0)
    for number in range(40):
        place = root / ("dark", "light")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        low = 120 * (number % 2)
        grey = rng.integers(low, low + 130, (12, 12, 3), dtype=np.uint8)
        Image.fromarray(grey).save(place / f"{number:02}.png")
    data = {"source": "folder", "path": str(root), "size": 12}
    return LENET.but(data=DataSpec(**data))


def test_a_folder_pulled_away_in_the_middle_is_named_and_put_back_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "KEEP_BYTES", 0)  # as if the images were too many to be kept
    design = drawn(tmp_path / "images")
    run_to_end(design, tmp_path / "whole")

    def pull_away(event: events.Event) -> None:
        if isinstance(event, events.Epoch) and event.epoch == 1:
            (tmp_path / "images").rename(tmp_path / "elsewhere")

    with pytest.raises(UserError, match=r"The image .* was lost meanwhile: the file does not"):
        train(design, pull_away, out=str(tmp_path / "cut"))
    assert Run.open(tmp_path / "cut").about["state"] == "failed"
    with pytest.raises(UserError, match="does not exist"):
        resume(tmp_path / "cut")
    (tmp_path / "elsewhere").rename(tmp_path / "images")
    resume(tmp_path / "cut")
    assert_same(tmp_path / "cut", tmp_path / "whole")


def test_two_images_suffice_and_one_of_a_class_is_too_few(tmp_path: Path) -> None:
    design = drawn(tmp_path / "images")
    for place in ("dark", "light"):
        for path in sorted((tmp_path / "images" / place).iterdir())[2:]:
            path.unlink()
    assert isinstance(run_to_end(design, tmp_path / "run")[-1], events.Finished)
    next((tmp_path / "images" / "dark").iterdir()).unlink()
    with pytest.raises(UserError, match=r"'dark' has no (usable )?validation image"):
        run_to_end(design, tmp_path / "other")


def test_a_run_that_explodes_says_so_and_never_writes_what_is_no_json(tmp_path: Path) -> None:
    wild = edits.set_training(SHORT, learning_rate=100.0, optimizer="sgd", momentum=0.99)
    wild = pixels(*stages("flatten", "linear", "linear")).but(training=wild.training)
    heard: list[events.Event] = []
    with pytest.raises(UserError, match=r"became (inf|nan).*diverged.*learning rate"):
        train(edits.set_training(wild, epochs=300), heard.append, out=str(tmp_path / "run"))
    for line in (tmp_path / "run" / "events.jsonl").read_text("utf-8").splitlines():
        json.loads(line, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))


def test_two_processes_cannot_train_into_one_run(stopped: Path) -> None:
    other = Run.open(stopped)
    other.hold()
    with pytest.raises(UserError, match="being trained by another process"):
        resume(stopped)
    other.close()
    resume(stopped)


def test_two_runs_that_begin_in_the_same_second_get_two_folders() -> None:
    runs = [Run.begin(SHORT, classes=("5", "6")) for _ in range(3)]
    assert len({run.path for run in runs}) == 3
    for run in runs:
        run.close()


def test_a_run_is_not_resumed_on_other_validation_images(tmp_path: Path, stopped: Path) -> None:
    rows = json.loads((stopped / "items.json").read_text("utf-8"))
    (stopped / "items.json").write_text(json.dumps(rows[1:]), encoding="utf-8")
    with pytest.raises(UserError, match="are not those that it began with"):
        resume(stopped)


def test_an_occupied_place_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("keep me", encoding="utf-8")
    heard: list[events.Event] = []
    with pytest.raises(UserError, match="already holds something"):
        train(SHORT, heard.append, out=str(tmp_path / "run"))
    assert not any(isinstance(e, events.Progress) and "features" in e.what for e in heard)


@pytest.mark.parametrize("key", ["digits/99999", "digits/-1", "digits/", "../../etc/passwd", ""])
def test_a_strangers_run_that_names_no_such_digit_is_refused(key: str, stopped: Path) -> None:
    rows = json.loads((stopped / "items.json").read_text("utf-8"))
    rows[0]["key"] = key
    (stopped / "items.json").write_text(json.dumps(rows), encoding="utf-8")
    with pytest.raises(UserError, match="neither a file nor a sample of its data"):
        Run.open(stopped).items()


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "[" * 100_000, '{"classes": "abcde"}', '{"classes": [1, 2]}', "{}", "\xff",
        '{"classes": []}', '{"classes": ["a"]}', '{"classes": null}',
    ],
)  # fmt: skip
def test_a_strangers_run_with_another_run_json_is_refused_in_a_sentence(
    text: str, stopped: Path
) -> None:
    (stopped / "run.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=r"'stopped'") as refused:
        predict(stopped, [])
    assert "\n" not in str(refused.value) and str(refused.value).endswith(".")
