"""What a model's last numbers are, as far as its stages tell: it decides how a loss reads them."""

from __future__ import annotations

from typing import Literal

from qdesigner.design.spec import Design, Stage

Ending = Literal["numbers", "chances", "distribution"]


def ending(design: Design) -> Ending:
    """ "distribution": numbers from 0 to 1 that add up to 1, one a class; "chances": each from 0 to
    1 by itself; "numbers": any, such as logits."""
    stages = [stage for stage in design.stages if stage.kind != "flatten"]
    if not stages:
        return "numbers"
    last, before = stages[-1], stages[-2] if len(stages) > 1 else None
    if last.circuit is not None and last.circuit.readout.kind == "probabilities":
        return "distribution"
    if last.kind == "activation" and last.settings.text("function") == "sigmoid":
        return "chances"
    if last.kind == "probability" and before is not None and _between_minus_one_and_one(before):
        # Of one wire it gives the pair (p, 1 - p), of several each wire's own p.
        circuit = before.circuit
        single = circuit is not None and not before.row.each_feature and circuit.outputs == 1
        return "distribution" if single else "chances"
    return "numbers"


def _between_minus_one_and_one(stage: Stage) -> bool:
    """Whether it gives expectation values, or numbers of their range."""
    if stage.circuit is not None:
        return stage.circuit.readout.kind == "expectation"
    return stage.kind == "activation" and stage.settings.text("function") == "tanh"
