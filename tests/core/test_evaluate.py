"""A run trains on any device that can, and is evaluated on any other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from qdesigner.catalog.devices import DEVICES, missing
from qdesigner.circuit.free import Free
from qdesigner.cli import cli
from qdesigner.data.dataset import open_dataset
from qdesigner.design import codec, edits
from qdesigner.design.plan import trained_prefix
from qdesigner.design.spec import Design, DeviceSpec
from qdesigner.devices import layer
from qdesigner.devices.remote import Consent, Plan, plan
from qdesigner.errors import UserError
from qdesigner.model.build import Split
from qdesigner.paths import resource
from qdesigner.session import events
from qdesigner.session.record import read_record
from qdesigner.training.evaluate import evaluate
from qdesigner.training.loop import train
from qdesigner.training.runs import Run

QUICKSTART = codec.load(resource("templates/quickstart.qdesign"))
SHORT = edits.set_training(edits.set_data(QUICKSTART, limit=8, test=0.2), epochs=2)
REMOTE = DeviceSpec(name="ibm", shots=50, target="ibm_nowhere")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("evaluate") / "run"
    train(SHORT, lambda event: None, out=str(out))
    return out


def _present(name: str) -> None:
    absent = missing(DEVICES[name])
    if absent:
        pytest.skip(absent)


# ---- evaluating ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["built-in", "default.qubit", "default.mixed", "lightning.qubit", "qiskit.basic", "qiskit.aer"],
)
def test_exact_devices_say_what_the_run_itself_said(run: Path, name: str) -> None:
    _present(name)
    found = evaluate(run, DeviceSpec(name=name), best=False)
    told = read_record(run).predictions
    assert told is not None
    np.testing.assert_allclose(found.probabilities, told.probabilities, atol=1e-5)
    assert found.labels.tolist() == told.labels.tolist()
    assert found.circuits == len(told.labels)
    last = [e for e in read_record(run).events if isinstance(e, events.Epoch)][-1]
    assert (found.accuracy, found.loss) == pytest.approx((last.val_accuracy, last.val_loss))


def test_shots_follow_the_runs_seed(run: Path) -> None:
    exact, spec = evaluate(run, DeviceSpec()), DeviceSpec(shots=20)
    first, second = evaluate(run, spec), evaluate(run, spec)
    assert (first.probabilities == second.probabilities).all()
    assert np.abs(first.probabilities - exact.probabilities).max() > 1e-3


def test_noise_of_a_real_machine_changes_what_it_says(run: Path) -> None:
    _present("qiskit.aer")
    exact = evaluate(run, DeviceSpec(), limit=5)
    noisy = evaluate(run, DeviceSpec(name="qiskit.aer", shots=50, noise="fake_manila"), limit=5)
    assert noisy.probabilities.shape == exact.probabilities.shape == (5, 5)
    assert np.abs(noisy.probabilities - exact.probabilities).max() > 1e-3


def test_a_limit_takes_images_of_every_class(run: Path) -> None:
    whole, some = evaluate(run, DeviceSpec()), evaluate(run, DeviceSpec(), limit=10)
    assert len(some.keys) == some.circuits == 10
    assert set(some.labels.tolist()) == set(range(5))
    places = [whole.keys.index(key) for key in some.keys]
    assert (some.probabilities == whole.probabilities[places]).all()


def test_test_images_are_others_than_those_that_chose_the_epoch(run: Path) -> None:
    data = open_dataset(SHORT.data)
    found = evaluate(run, DeviceSpec(), split="test")
    assert found.keys == tuple(item.key for item in data.test)
    assert not set(found.keys) & set(evaluate(run, DeviceSpec()).keys)


def test_features_that_training_computed_are_not_computed_again(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(self: Split) -> None:
        raise AssertionError("the frozen front was asked for")

    monkeypatch.setattr(Split, "prefix", never)
    assert evaluate(run, DeviceSpec(name="default.qubit")).accuracy > 0


def test_progress_ends_with_all_images(run: Path) -> None:
    heard: list[events.Event] = []
    found = evaluate(run, DeviceSpec(shots=10), emit=heard.append)
    last = heard[-1]
    assert isinstance(last, events.Progress)
    assert last.what == "running on Built-in simulator"
    assert (last.done, last.total) == (len(found.keys), len(found.keys))


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (DeviceSpec(name="ibm"), "choose a number of shots"),
        (DeviceSpec(noise="bit_flip"), "has no noise"),
    ],
)
def test_what_cannot_run_is_refused_in_a_sentence(run: Path, spec: DeviceSpec, says: str) -> None:
    with pytest.raises(UserError, match=says):
        evaluate(run, spec)


def test_a_split_without_images_is_named(tmp_path: Path) -> None:
    train(
        edits.set_training(edits.set_data(SHORT, test=0.0), epochs=1), lambda event: None,
        out=str(tmp_path / "run"),
    )  # fmt: skip
    with pytest.raises(UserError, match="no images to test on"):
        evaluate(tmp_path / "run", DeviceSpec(), split="test")


# ---- remote machines ----------------------------------------------------------------------------


class Machine:
    """A remote device that keeps count of what it was sent and answers nothing but zeros."""

    def __init__(self) -> None:
        self.consent = Consent()
        self.sent: list[int] = []

    def plan(self, free: Free, rows: int, shots: int) -> Plan:
        return plan(REMOTE, free, rows, shots)

    def confirm(self, plan: Plan, confirmed: bool) -> None:
        self.consent.confirm(plan, confirmed)

    def run(self, free: Free, angles: Any, amplitudes: Any, shots: int, seed: int) -> Any:
        self.consent.spend(len(angles), len(angles) * shots)
        self.sent.append(len(angles))
        return np.zeros((len(angles), free.outputs))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    _present("ibm")
    made = Machine()
    monkeypatch.setattr(layer, "open_device", lambda spec: made)
    return made


def test_nothing_is_sent_without_consent(run: Path, machine: Machine) -> None:
    asked: list[str] = []
    with pytest.raises(UserError, match="Nothing was sent"):
        evaluate(run, REMOTE, limit=6, agree=lambda sentence: bool(asked.append(sentence)))
    assert machine.sent == []
    assert "6 circuits to ibm_nowhere" in asked[0]


def test_what_was_agreed_to_is_sent_at_once(run: Path, machine: Machine) -> None:
    found = evaluate(run, REMOTE, limit=20, agree=lambda sentence: True)
    assert machine.sent == [20] and found.circuits == 20


def test_a_machine_that_reads_json_is_not_asked(run: Path, machine: Machine) -> None:
    words = ["evaluate", str(run), "--device", "ibm", "--shots", "50", "--target", "ibm_nowhere"]
    words += ["--limit", "4", "--json"]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 2 and "Say --yes to send it" in result.output
    assert machine.sent == []
    assert CliRunner().invoke(cli, [*words, "--yes"]).exit_code == 0
    assert machine.sent == [4]


def test_a_person_is_asked_first(run: Path, machine: Machine) -> None:
    words = ["evaluate", str(run), "--device", "ibm", "--shots", "50", "--target", "ibm_nowhere"]
    refused = CliRunner().invoke(cli, [*words, "--limit", "4"], input="n\n")
    assert refused.exit_code == 2 and machine.sent == []
    assert "4 circuits to ibm_nowhere" in refused.stderr
    agreed = CliRunner().invoke(cli, [*words, "--limit", "4"], input="y\n")
    assert agreed.exit_code == 0 and machine.sent == [4]


# ---- the command line ---------------------------------------------------------------------------


def test_evaluate_prints_every_image_as_json(run: Path) -> None:
    words = ["evaluate", str(run), "--shots", "30", "--limit", "5", "--json"]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output
    row = json.loads(result.stdout.splitlines()[-1])
    assert (row["event"], row["images"], row["circuits"]) == ("evaluated", 5, 5)
    assert row["device"]["shots"] == 30
    right = [image["label"] == image["class"] for image in row["predictions"]]
    assert row["accuracy"] == pytest.approx(sum(right) / 5)


def test_evaluate_says_it_in_a_line(run: Path) -> None:
    words = ["evaluate", str(run), "--device", "default.mixed", "--noise", "bit_flip"]
    result = CliRunner().invoke(cli, [*words, "--limit", "5"])
    assert "PennyLane default.mixed, exact, noise bit_flip 0.01: accuracy" in result.stdout
    assert CliRunner().invoke(cli, ["evaluate", str(run / "nowhere")]).exit_code == 2


def test_devices_lists_each_with_what_a_step_takes() -> None:
    result = CliRunner().invoke(cli, ["devices", "quickstart", "--json"])
    rows = {row["name"]: row for row in map(json.loads, result.stdout.splitlines())}
    assert list(rows) == list(DEVICES)
    assert rows["built-in"]["step_ms"] > 0 and rows["built-in"]["step_circuits"] == 16
    assert "does not train here" in rows["ibm"]["refusal"]
    table = CliRunner().invoke(cli, ["devices"]).stdout
    assert all(name in table for name in DEVICES)


def test_check_names_what_the_device_cannot(tmp_path: Path) -> None:
    codec.save(edits.set_device(QUICKSTART, name="ibm"), tmp_path / "remote.qdesign")
    result = CliRunner().invoke(cli, ["check", str(tmp_path / "remote.qdesign")])
    assert result.exit_code == 2 and "does not train here" in result.output


# ---- training on devices ------------------------------------------------------------------------

TINY = edits.set_training(edits.set_data(SHORT, limit=4, test=0.0), batch_size=10)
TRAINABLE = {
    "built-in, shots": {"shots": 50},
    "built-in, parameter-shift": {"gradient": "parameter-shift"},
    "default.qubit": {"name": "default.qubit"},
    "default.qubit, shots": {"name": "default.qubit", "shots": 50},
    "default.mixed, noise": {"name": "default.mixed", "noise": "depolarizing"},
    "lightning.qubit": {"name": "lightning.qubit"},
    "qiskit.basic, shots": {"name": "qiskit.basic", "shots": 10},
    "qiskit.aer, shots": {"name": "qiskit.aer", "shots": 50},
}


def _figures(out: Path) -> list[tuple[float, ...]]:
    told = [e for e in read_record(out).events if isinstance(e, events.Epoch)]
    return [(e.train_loss, e.val_loss, e.val_accuracy) for e in told]


@pytest.mark.parametrize("name", ["default.qubit", "lightning.qubit", "built-in, parameter-shift"])
def test_exact_devices_train_alike(name: str, tmp_path: Path) -> None:
    for folder, design in (("there", edits.set_device(TINY, **TRAINABLE[name])), ("here", TINY)):
        train(design, lambda event: None, out=str(tmp_path / folder))
    np.testing.assert_allclose(_figures(tmp_path / "there"), _figures(tmp_path / "here"), atol=1e-4)


class SecondEpoch:
    """Stops before the second step after the first epoch."""

    left = 10**9

    def wish(self) -> str:
        self.left -= 1
        return "run" if self.left > 0 else "stop"

    def wait(self) -> None:
        pass


@pytest.mark.parametrize("name", TRAINABLE)
def test_a_run_on_any_device_goes_on_to_the_bit(name: str, tmp_path: Path) -> None:
    values = TRAINABLE[name]
    _present(values.get("name", "built-in"))
    design: Design = edits.set_device(TINY, **values)
    train(design, lambda event: None, out=str(tmp_path / "whole"))
    control = SecondEpoch()

    def listen(event: events.Event) -> None:
        if isinstance(event, events.Epoch):
            control.left = 2

    train(design, listen, control, out=str(tmp_path / "parts"))
    assert len(_figures(tmp_path / "parts")) == 1
    train(design, lambda event: None, resume=str(tmp_path / "parts"))
    assert _figures(tmp_path / "parts") == _figures(tmp_path / "whole")
    assert Run.open(tmp_path / "whole").about["engine"] == design.device.name


def test_shots_draw_anew_in_every_epoch(tmp_path: Path) -> None:
    still = edits.set_training(edits.set_device(TINY, shots=20), learning_rate=1e-12)
    train(still, lambda event: None, out=str(tmp_path / "run"))
    (_, first, _), (_, second, _) = _figures(tmp_path / "run")
    assert first != second


def test_shots_end_what_is_computed_once() -> None:
    design = QUICKSTART
    for stage in design.stages:
        design = edits.set_frozen(design, stage.id, True)
    places = [number for number, stage in enumerate(design.stages) if stage.circuit is not None]
    assert trained_prefix(design) > places[0]
    assert trained_prefix(edits.set_device(design, shots=10)) <= places[0]
