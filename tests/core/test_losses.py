"""Every loss against its formula, metrics against scikit-learn, and what does not fit is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn import metrics as peer
from torch.nn import functional

from qdesigner.circuit.circuit import Block, Circuit
from qdesigner.circuit.readout import Readout
from qdesigner.data.dataset import open_dataset
from qdesigner.design import edits
from qdesigner.design.checks import problems, require_trainable
from qdesigner.design.facts import DataFacts
from qdesigner.design.spec import DataSpec, Design, Stage
from qdesigner.errors import UserError
from qdesigner.session import events
from qdesigner.training.evaluate import evaluate
from qdesigner.training.loop import train
from qdesigner.training.losses import Criterion, Reading, balanced
from qdesigner.training.metrics import metrics
from qdesigner.training.predict import predict
from qdesigner.training.runs import Run

WIRE = Circuit(
    wires=1, blocks=(Block(id="e", kind="h_ry_embedding"), Block(id="w", kind="ry_layer"))
)
ONE_WIRE = (
    Stage(id="flat-1", kind="flatten"),
    Stage(id="line-1", kind="linear", settings={"outputs": 1}),
    Stage(id="wire-1", kind="quantum", circuit=WIRE),
    Stage(id="prob-1", kind="probability"),
)
LOGITS = (ONE_WIRE[0], Stage(id="line-1", kind="linear"))
DIGITS = DataSpec(classes=("0", "1"), limit=60)


def heard_from(design: Design, out: Path) -> list[events.Event]:
    heard: list[events.Event] = []
    train(design, heard.append, out=str(out))
    return heard


def epochs(heard: list[events.Event]) -> list[events.Epoch]:
    return [event for event in heard if isinstance(event, events.Epoch)]


def test_each_loss_is_its_formula() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(7, 3), torch.tensor([0, 1, 2, 2, 2, 1, 0])
    weights = balanced(labels.tolist(), 3)
    assert weights.tolist() == pytest.approx([7 / 6, 7 / 6, 7 / 9])
    own = weights[labels]

    def loss(name: str, outputs: torch.Tensor, ends: str = "numbers", **more: object) -> float:
        return float(Criterion(Reading(name, ends), **more)(outputs, labels))  # type: ignore[arg-type]

    log_p = logits.log_softmax(dim=1)
    of_true = -log_p[torch.arange(7), labels]
    assert loss("cross_entropy", logits) == pytest.approx(float(of_true.mean()))
    weighted = float((own * of_true).sum() / own.sum())
    assert loss("cross_entropy", logits, weights=weights) == pytest.approx(weighted)
    smooth = 0.8 * of_true.mean() - 0.2 * log_p.mean()
    assert loss("cross_entropy", logits, smoothing=0.2) == pytest.approx(float(smooth))
    p = logits.softmax(dim=1)
    assert loss("nll", p, "distribution") == pytest.approx(-float(p[range(7), labels].mean()))
    truth = functional.one_hot(labels, 3).double()
    chances = logits.double().sigmoid()
    each = -(truth * chances.log() + (1 - truth) * (1 - chances).log()).mean(dim=1)
    assert loss("bce", logits) == pytest.approx(float(each.mean()))
    assert loss("bce", chances, "chances") == pytest.approx(float(each.mean()))
    weighted = float((own * each).sum() / own.sum())
    assert loss("bce", logits, weights=weights) == pytest.approx(weighted)


def test_a_number_is_learnt_in_its_deviation_and_told_in_its_own_unit() -> None:
    outputs, labels = torch.tensor([[0.0], [2.0]]), torch.tensor([10.0, 30.0])
    for name, wanted in (("mse", 1.0), ("mae", 1.0)):
        criterion = Criterion(Reading(name, "numbers", unit=(20.0, 10.0)))
        assert float(criterion(outputs, labels)) == pytest.approx(wanted)
        assert criterion.reading.probabilities(outputs).flatten().tolist() == [20.0, 40.0]
        assert criterion.reading.scores(outputs, labels).tolist() == [10.0, 10.0]


def test_metrics_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(1)
    labels = random.choice(4, size=80, p=[0.7, 0.2, 0.1, 0.0])
    chances = random.dirichlet(np.ones(4), size=80)
    told = chances.argmax(axis=1)
    found = metrics(chances, labels)
    with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
        assert found["balanced_accuracy"] == pytest.approx(
            peer.balanced_accuracy_score(labels, told)
        )
    assert found["f1"] == pytest.approx(peer.f1_score(labels, told, average="macro"))
    numbers, truth = random.normal(size=(50, 1)), random.normal(size=50)
    found = metrics(numbers, truth)
    assert found["mse"] == pytest.approx(peer.mean_squared_error(truth, numbers))
    assert found["mae"] == pytest.approx(peer.mean_absolute_error(truth, numbers))


@pytest.mark.parametrize(
    ("loss", "stages"),
    [("nll", ONE_WIRE), ("bce", LOGITS), ("bce", ONE_WIRE), ("cross_entropy", LOGITS)],
)
def test_every_loss_of_classes_learns_and_is_evaluated_as_it_was_trained(
    loss: str, stages: tuple[Stage, ...], tmp_path: Path
) -> None:
    design = edits.set_training(
        Design(data=DIGITS, stages=stages), loss=loss, epochs=8, learning_rate=0.02,
        class_weights="balanced", label_smoothing=0.1 if loss == "cross_entropy" else 0.0,
    )  # fmt: skip
    heard = heard_from(design, tmp_path / "run")
    told = epochs(heard)
    assert told[-1].val_accuracy >= 0.97 and told[-1].val_loss < told[0].val_loss
    if loss == "nll":
        assert -1 <= told[-1].val_loss < -0.8, "the page's loss is minus a probability"
    last = next(e for e in reversed(heard) if isinstance(e, events.Predictions))
    np.testing.assert_allclose(last.probabilities.sum(axis=1), 1, atol=1e-5)
    assert {"balanced_accuracy", "f1"} == set(told[-1].metrics)
    data = open_dataset(design.data)
    data.image(data.validation[0], 1).save(tmp_path / "0.png")
    answer = predict(tmp_path / "run", [tmp_path / "0.png"], best=False)[0]
    assert answer.probabilities is not None
    assert list(answer.probabilities.values()) == pytest.approx(
        last.probabilities[0].tolist(), abs=1e-5
    )
    if stages is ONE_WIRE:
        found = evaluate(tmp_path / "run", design.device, best=False)
        assert (found.loss, found.accuracy) == pytest.approx(
            (told[-1].val_loss, told[-1].val_accuracy)
        )


def test_balanced_weights_raise_the_recall_of_a_rare_class(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = [*random.normal(0, 1, 400), *random.normal(1, 1, 40)]
    names = ["common"] * 400 + ["rare"] * 40
    lines = [f"{x:.4f},{name}" for x, name in zip(rows, names, strict=True)]
    (tmp_path / "t.csv").write_text("x,kind\n" + "\n".join(lines) + "\n", encoding="utf-8")
    design = edits.use_table(Design(stages=(Stage(id="line-1", kind="linear"),)),
                             str(tmp_path / "t.csv"), "kind")  # fmt: skip
    design = edits.set_training(design, epochs=15, learning_rate=0.05)
    plain = epochs(heard_from(design, tmp_path / "plain"))[-1].metrics["balanced_accuracy"]
    even = edits.set_training(design, class_weights="balanced")
    weighed = epochs(heard_from(even, tmp_path / "even"))[-1].metrics["balanced_accuracy"]
    assert weighed > plain + 0.1


def table_of_numbers(folder: Path) -> Path:
    """y = 3 a - 2 b + 500, with a text column."""
    random = np.random.default_rng(2)
    a, b = random.normal(10, 3, 160), random.normal(-4, 1, 160)
    lines = [f"{x:.5f},{z:.5f},{3 * x - 2 * z + 500:.5f}" for x, z in zip(a, b, strict=True)]
    path = folder / "numbers.csv"
    path.write_text("a,b,y\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_a_number_to_predict_is_learnt_from_a_table(loss: str, tmp_path: Path) -> None:
    stages = (
        Stage(id="two-1", kind="linear", settings={"outputs": 1}),
        Stage(id="wire-1", kind="quantum", circuit=WIRE),
        Stage(id="line-1", kind="linear"),
    )
    design = edits.use_table(Design(stages=stages), str(table_of_numbers(tmp_path)), "y")
    assert (design.data.task, design.training.loss) == ("regress", "mse")
    design = edits.set_training(design, loss=loss, epochs=25, learning_rate=0.03)
    heard = heard_from(design, tmp_path / "run")
    started = next(e for e in heard if isinstance(e, events.Started))
    assert (started.score, started.classes) == ("mae", ())
    told = epochs(heard)
    last = next(e for e in reversed(heard) if isinstance(e, events.Predictions))
    assert last.probabilities.shape == (len(last.labels), 1)
    errors = np.abs(last.probabilities[:, 0] - last.labels)
    assert told[-1].val_accuracy == pytest.approx(errors.mean(), rel=1e-4)
    assert told[-1].metrics["mae"] == pytest.approx(told[-1].val_accuracy, rel=1e-4)
    assert told[-1].val_accuracy < 0.25 * np.std(last.labels)
    lowest = min(told, key=lambda event: event.val_accuracy)
    end = heard[-1]
    assert isinstance(end, events.Finished) and end.best_val_accuracy == lowest.val_accuracy
    assert Run.open(tmp_path / "run").load_checkpoint("best")["epoch"] == lowest.epoch
    found = evaluate(tmp_path / "run", design.device, best=False)
    assert found.accuracy == pytest.approx(told[-1].val_accuracy, rel=1e-4)
    assert found.to_json()["mae"] == found.accuracy
    with pytest.raises(UserError, match="rows of numbers"):
        predict(tmp_path / "run", [tmp_path / "x.png"])


CLASSES = DataFacts(("0", "1"), 10, 4, 0)
NUMBER = DataFacts((), 10, 4, 0)
TABLE = DataSpec(source="table", path="t.csv", label="y", columns=("a", "b"))


def said(facts: DataFacts, design: Design, **training: object) -> list[tuple[str, str]]:
    found = problems(edits.set_training(design, **training), facts)
    return [(p.severity, p.text) for p in found if p.where == "training"]


def test_values_that_do_not_fit_are_named_and_mended_by_their_fix() -> None:
    logits, wire = Design(data=DIGITS, stages=LOGITS), Design(data=DIGITS, stages=ONE_WIRE)
    numbers = Design(data=TABLE.but(task="regress"), stages=(Stage(id="line-1", kind="linear"),))
    two_wires = Circuit(wires=2, blocks=(Block(id="e", kind="h_ry_embedding"),))
    pair = ONE_WIRE[1].but(settings={"outputs": 2}), ONE_WIRE[2].but(circuit=two_wires)
    each = Design(data=DIGITS, stages=(ONE_WIRE[0], *pair, ONE_WIRE[3]))
    chances = Readout(kind="probabilities", wires=(0,))
    measured = Design(data=DIGITS, stages=(
        ONE_WIRE[0], pair[0], pair[1].but(circuit=two_wires.but(readout=chances)),
    ))  # fmt: skip
    for facts, design, training, severity, words in (
        (CLASSES, logits, {"loss": "nll"}, "error", "add up to 1"),
        (CLASSES, each, {"loss": "nll"}, "error", "add up to 1"),
        (CLASSES, logits, {"loss": "mse"}, "error", "number to predict"),
        (NUMBER, numbers, {"loss": "cross_entropy"}, "error", "loss of classes"),
        (NUMBER, numbers, {"loss": "bce"}, "error", "loss of classes"),
        (NUMBER, numbers, {"loss": "mse", "label_smoothing": 0.1}, "warning", "no effect"),
        (NUMBER, numbers, {"loss": "mae", "class_weights": "balanced"}, "warning", "no effect"),
        (CLASSES, wire, {}, "warning", "never sure"),
        (CLASSES, each, {}, "warning", "never sure"),
        (CLASSES, logits, {"mixed": True, "compute": "cpu"}, "warning", "Half precision"),
        (CLASSES, logits, {"warmup": 20, "epochs": 20}, "warning", "warm-up takes 20"),
        (CLASSES, logits, {"schedule": "plateau", "patience": 6, "early_stopping": 4}, "warning",
         "before the schedule"),
    ):  # fmt: skip
        made = edits.set_training(design, **training)
        (problem,) = [p for p in problems(made, facts) if p.where == "training"]
        assert problem.severity == severity and words in problem.text, problem.text
        assert problem.fix is not None
        mended = problem.fix.apply(made)
        assert not said(facts, mended), (training, said(facts, mended))
    for facts, design, loss in (
        (CLASSES, logits, "bce"), (CLASSES, each, "bce"), (CLASSES, wire, "nll"),
        (CLASSES, measured, "nll"), (NUMBER, numbers, "mae"),
    ):  # fmt: skip
        assert not said(facts, design, loss=loss), loss
    with pytest.raises(UserError, match="add up to 1"):
        require_trainable(edits.set_training(logits, loss="nll"))
