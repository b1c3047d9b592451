"""Gradients early in a training: which activation lets them vanish."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from qdesigner.design import edits, studies
from qdesigner.design.spec import DataSpec, Design
from qdesigner.design.study import Study, Task
from qdesigner.errors import UserError
from qdesigner.session import vanishing
from qdesigner.session.events import Epoch, Event
from qdesigner.session.vanishing import BINS, Gradients
from qdesigner.studies.gradients import measure, watched
from qdesigner.training.loop import train


def waves(outputs: int = 6, **data: object) -> Design:
    design = Design(data=DataSpec(source="moons", samples=80, **data))  # type: ignore[arg-type]
    for kind, settings in (
        ("linear", {"outputs": outputs}), ("quantum_activation", {}), ("linear", {}),
    ):  # fmt: skip
        design = edits.insert_stage_kind(design, kind, "", **settings)  # type: ignore[arg-type]
    return edits.set_training(design, epochs=3, batch_size=16)


def tasks(design: Design, seeds: int = 1) -> dict[str, Task]:
    study: Study = studies.built_in("activations", design, seeds=range(seeds))
    return {task.variant: task for task in study.tasks() if task.seed == 0}


def test_every_weight_before_the_activation_is_counted_at_every_step() -> None:
    found = measure(tasks(waves())["tanh"], (1, 5, 12))
    assert [row.step for row in found] == [1, 5, 12]
    for row in found:
        assert len(row.counts) == BINS
        assert sum(row.counts) == row.weights == 6 * (2 + 1)
        assert row.norm > 0 and row.vanished == 0


def test_the_same_seed_gives_the_same_gradients_and_another_others() -> None:
    task = tasks(waves())["quantum activation"]
    torch.manual_seed(99)
    assert measure(task, (1, 9)) == measure(task, (1, 9))
    other = task.model_copy(update={"design": edits.set_training(task.design, seed=1)})
    assert measure(task, (1,)) != measure(other, (1,))


def test_the_steps_are_those_of_the_run_itself(tmp_path: Path) -> None:
    """The norm of the last step of an epoch is what a run says of that epoch."""
    task = tasks(waves())["sigmoid"]
    norms: list[float] = []

    def hear(event: Event) -> None:
        if isinstance(event, Epoch):
            norms.append(event.gradient_norms["linear-1"])

    train(task.design, hear, out=str(tmp_path / "run"))
    per_epoch = 3  # 44 samples in batches of 16
    found = measure(task, (per_epoch, 2 * per_epoch))
    assert [row.norm for row in found] == pytest.approx(norms[:2], rel=1e-5)


def test_a_saturated_sigmoid_is_named_and_a_wave_is_not() -> None:
    """Far from 0 a sigmoid is flat; −sin θ is not."""
    far = waves(noise=0.0)
    made = tasks(far)
    rows = [_from_afar(made[name]) for name in ("quantum activation", "sigmoid")]
    quantum, sigmoid = vanishing.said(rows)
    assert quantum.startswith('Gradients before "quantum activation" do not vanish: at step 1, 0 %')
    assert sigmoid.startswith('Gradients before "sigmoid" vanish: at step 1, 100 % of 18')


def _from_afar(task: Task) -> Gradients:
    """The gradients of a run whose first weights are large."""
    init = torch.nn.Linear.reset_parameters

    def large(self: torch.nn.Linear) -> None:
        init(self)
        with torch.no_grad():
            self.weight.mul_(10.0)
            self.bias.fill_(100.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.Linear, "reset_parameters", large)
        return measure(task, (1,))[0]


def test_seeds_are_taken_together() -> None:
    low = Gradients(variant="a", data="", seed=0, step=1, counts=(1,) * BINS, weights=BINS,
                    vanished=6, norm=1.0)  # fmt: skip
    (both,) = vanishing.pooled([low, low.but(seed=1, norm=4.0, vanished=22)])
    assert (both.seed, both.weights, both.vanished, both.norm) == (2, 2 * BINS, 28, 2.0)
    assert both.counts == (2,) * BINS and both.share == 0.25
    assert len(vanishing.edges()) == BINS + 1
    assert vanishing.pooled([low.but(norm=0.0)])[0].norm == 0.0


def test_what_comes_before_the_activation_is_watched() -> None:
    design = waves()
    assert watched(design) == ("linear-1",)
    deeper = edits.insert_stage_kind(design, "activation", "linear-2")
    deeper = edits.insert_stage_kind(deeper, "linear", "activation-1", outputs=3)
    assert watched(deeper) == ("linear-1", "linear-3")
    with pytest.raises(UserError, match="nothing is trained before an activation"):
        watched(edits.set_frozen(design, "linear-1", True))
