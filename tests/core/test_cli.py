"""The command line: what a person types, and what a machine reads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import app.main
from qdesigner.cli import cli
from qdesigner.data.dataset import open_dataset
from qdesigner.design import codec
from qdesigner.paths import resource

ROOT = Path(__file__).resolve().parents[2]


def said(*arguments: str) -> str:
    result = CliRunner().invoke(cli, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def program(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    """The real program as a subprocess."""
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments], capture_output=True, text=True, cwd=ROOT,
        encoding="utf-8", timeout=300, **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict]]:
    out = tmp_path_factory.mktemp("cli") / "run"
    lines = said("train", "quickstart", "--epochs", "2", "--out", str(out), "--json")
    return out, [json.loads(line) for line in lines.splitlines()]


def test_train_prints_one_json_event_a_line_and_ends_with_the_figures(
    run: tuple[Path, list[dict]],
) -> None:
    out, rows = run
    assert set(rows[-1]) == {
        "event", "best_val_accuracy", "best_val_loss", "val_accuracy", "val_loss", "epochs",
        "seconds_features", "seconds_training", "run", "early",
    }  # fmt: skip
    assert (rows[-1]["event"], rows[-1]["epochs"], rows[-1]["run"]) == ("finished", 2, str(out))
    assert [row["event"] for row in rows].count("epoch") == 2


def test_predict_names_a_class_for_each_file(run: tuple[Path, list[dict]], tmp_path: Path) -> None:
    data = open_dataset(codec.load(resource("templates/quickstart.qdesign")).data)
    data.image(data.validation[0], 1).save(tmp_path / "digit.png")
    row = json.loads(said("predict", str(run[0]), str(tmp_path / "digit.png"), "--json"))
    assert row["class"] in data.classes and row["confidence"] == max(row["probabilities"].values())
    assert np.isclose(sum(row["probabilities"].values()), 1, atol=1e-5)
    (tmp_path / "broken.jpg").write_text("no picture", encoding="utf-8")
    result = CliRunner().invoke(cli, ["predict", str(run[0]), str(tmp_path / "broken.jpg")])
    assert result.exit_code == 2 and "broken.jpg" in result.stdout


def test_trace_says_what_each_operation_contributes(
    run: tuple[Path, list[dict]], tmp_path: Path
) -> None:
    text = said("trace", str(run[0]), "0")
    assert "After epoch 2: '" in text and "Without a whole entangling block" in text
    row = json.loads(said("trace", str(run[0]), "0", "--epoch", "2", "--json"))
    assert (row["event"], row["stage"], row["epoch"]) == ("traced", "quantum-1", 2)
    assert np.shape(row["layers"][0]["bloch"]) == (4, 3) and len(row["angles"]) == 4
    assert {"operation", "gate", "wires", "probability", "margin"} < set(row["removed"][0])
    wrong = CliRunner().invoke(cli, ["trace", str(run[0]), str(tmp_path / "none.jpg")])
    assert wrong.exit_code == 2 and "none.jpg: the file does not exist" in wrong.stderr


def test_predict_takes_the_weights_of_an_epoch(
    run: tuple[Path, list[dict]], tmp_path: Path
) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "black.png")
    asked = [str(run[0]), str(tmp_path / "black.png"), "--json"]
    assert said("predict", *asked, "--epoch", "2") == said("predict", *asked, "--last")
    none = CliRunner().invoke(cli, ["predict", *asked, "--epoch", "9"])
    assert none.exit_code == 2 and "after epoch 9 of the run 'run' are not kept" in none.stderr


def test_templates_and_new_begin_a_project(tmp_path: Path) -> None:
    rows = json.loads(said("templates", "--json"))
    assert {"quickstart", "quantum-transfer-learning"} <= {row["name"] for row in rows}
    assert all(row["title"] and row["about"] for row in rows)
    path = tmp_path / "mine.qdesign"
    said("new", "quickstart", "-o", str(path))
    assert codec.load(path) == codec.load(resource("templates/quickstart.qdesign"))
    again = CliRunner().invoke(cli, ["new", "quickstart", "-o", str(path)])
    assert again.exit_code == 2 and "exists already" in again.stderr


def test_check_draws_the_model_and_says_that_it_is_ready() -> None:
    text = said("check", "quickstart")
    assert "2 × [CNOT brick | RY layer]" in text and "ready to train" in text


def test_help_and_the_light_verbs_load_no_heavy_library() -> None:
    for words in (["--help"], ["templates", "--json"], ["check", "quickstart"], ["version"]):
        code = (
            "import sys; from app.main import main\n"
            f"sys.argv = ['qdesigner', *{words!r}]\n"
            "try: main()\n"
            "except SystemExit as end: assert not end.code, end.code\n"
            "heavy = {'torch', 'torchvision', 'pennylane', 'qiskit', 'numba', 'PySide6'}\n"
            "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60,
            encoding="utf-8", env={**os.environ, "PYTHONUTF8": "1"},
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stderr)


def test_a_first_word_that_is_no_verb_is_a_file_to_open() -> None:
    done = program("trian")
    assert done.returncode == 2
    assert "There is no file 'trian'" in done.stderr and "train" in done.stderr


def test_without_a_display_the_window_says_so_in_one_sentence(tmp_path: Path) -> None:
    bare = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    if sys.platform != "linux":
        pytest.skip("only a Linux session can be without a display")
    done = program(env=bare)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "no display" in done.stderr


def test_a_system_without_qts_libraries_is_told_which_packages_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(name: str) -> None:
        if "xcb-cursor" in name:
            raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.setattr("ctypes.CDLL", absent)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert app.main.missing_libraries() == {}, "Wayland needs no library of X"
    monkeypatch.delenv("WAYLAND_DISPLAY")
    result = CliRunner().invoke(cli, ["open"])
    assert result.exit_code == 2
    assert "for want of libxcb-cursor.so.0;" in result.stderr
    assert "'sudo apt-get install libxcb-cursor0'" in result.stderr


def test_every_package_that_the_program_names_is_named_in_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for package in (app.main.ALWAYS | app.main.ON_X).values():
        assert f" {package} " in readme


def test_ctrl_c_stops_after_the_step_and_the_run_can_be_resumed(tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows has no SIGINT to send to one process")
    out = tmp_path / "run"
    child = subprocess.Popen(
        [sys.executable, "-m", "app", "train", "quickstart", "--epochs", "80", "--json",
         "--out", str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, encoding="utf-8",
    )  # fmt: skip
    assert child.stdout is not None
    for line in child.stdout:
        if json.loads(line)["event"] == "epoch":
            child.send_signal(signal.SIGINT)
            break
    rest, errors = child.communicate(timeout=60)
    assert child.returncode == 130, errors
    assert json.loads(rest.splitlines()[-1])["event"] == "stopped"
    stopped = json.loads(rest.splitlines()[-1])["epochs"]
    lines = said("train", "quickstart", "--resume", str(out), "--json").splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["epoch"] for row in rows if row["event"] == "epoch"] == list(range(stopped + 1, 81))


@pytest.mark.parametrize(
    "verb",
    [
        ["train", "quickstart", "--epochs", "3", "--json"],
        ["train", "quickstart", "--epochs", "3"],
        ["check", "quickstart"], ["templates"], ["--help"],
    ],
)  # fmt: skip
def test_a_reader_that_has_seen_enough_ends_the_program_quietly(
    verb: list[str], tmp_path: Path
) -> None:
    out = ["--out", str(tmp_path / "run")] if verb[0] == "train" else []
    child = subprocess.Popen(
        [sys.executable, "-m", "app", *verb, *out],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert child.stdout is not None and child.stderr is not None
    child.stdout.close()
    errors = child.stderr.read()
    child.wait(timeout=60)
    child.stderr.close()
    assert b"Traceback" not in errors and b"BrokenPipe" not in errors, errors


def test_a_terminal_that_knows_few_signs_gets_the_others_as_numbers() -> None:
    done = program("check", "quickstart", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert "\\u27e8Z\\u27e9" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--resume", "RUN", "--epochs", "9"], "give --resume alone"),
        (["--resume", "nothing-here"], "is not a run folder"),
        ([], "Name a project file or a template"),
        (["quickstart", "--data", "a\udcff"], "is not text"),
    ],
)
def test_a_resume_that_cannot_be_meant_is_one_sentence_and_json_stays_json(
    run: tuple[Path, list[dict]], arguments: list[str], sentence: str
) -> None:
    given = [str(run[0]) if word == "RUN" else word for word in arguments]
    result = CliRunner().invoke(cli, ["train", *given, "--json"])
    assert result.exit_code == 2
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert rows[-1]["event"] == "failed" and sentence in rows[-1]["reason"]


def test_the_entry_point_does_nothing_when_it_is_imported() -> None:
    """A spawned child imports the console script's module again."""
    assert app.main.main.__module__ == "app.main"
    code = "import sys, app.main; assert 'PySide6' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0


def test_every_training_value_can_be_given_and_a_number_to_predict_ends_with_its_error(
    tmp_path: Path,
) -> None:
    table = tmp_path / "t.csv"
    lines = [f"{x},{x * 10 + 7}" for x in range(60)]
    table.write_text("x,y\n" + "\n".join(lines) + "\n", encoding="utf-8")
    given = {
        "epochs": 4, "batch-size": 9, "optimizer": "sgd", "momentum": 0.5, "weight-decay": 0.01,
        "schedule": "plateau", "gamma": 0.4, "patience": 3, "warmup": 1, "loss": "mae",
        "clip": 2.0, "early-stopping": 9, "compute": "cpu", "seed": 5, "step-size": 7,
        "label-smoothing": 0.0, "class-weights": "none",
    }  # fmt: skip
    options = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    result = CliRunner().invoke(
        cli, ["train", "quickstart", "--data", str(table), "--label", "y", "--lr", "0.05",
              "--no-mixed", *options, "--out", str(tmp_path / "run")],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "Best validation mean absolute error" in result.stderr
    assert "mean squared error" in result.stderr and "accuracy" not in result.stderr
    training = codec.load(tmp_path / "run" / "design.json").training
    assert training.learning_rate == 0.05
    for name, value in given.items():
        assert getattr(training, name.replace("-", "_")) == value, name
