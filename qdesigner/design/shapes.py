"""Shapes and weight counts along the stages, for a given number of classes."""

from __future__ import annotations

from dataclasses import dataclass

from qdesigner.design.spec import Design, Stage, sample_shape
from qdesigner.design.stages import Shape, ShapeError


@dataclass(frozen=True, slots=True)
class Traced:
    """One stage with what goes in and comes out. After a stage that cannot take its input,
    ``error`` is set there and ``shape_out`` is None from there on."""

    stage: Stage
    shape_in: Shape | None
    shape_out: Shape | None
    parameters: int = 0
    error: str = ""


def trace(design: Design, classes: int) -> tuple[Traced, ...]:
    """Follow one sample through the stages."""
    shape: Shape | None = sample_shape(design)
    traced: list[Traced] = []
    for number, stage in enumerate(design.stages):
        if shape is None:
            traced.append(Traced(stage, None, None))
            continue
        try:
            if stage.kind == "backbone" and number > 0:
                raise ShapeError("a backbone can only be the first stage; drag it to the front")
            out = stage.row.shape(stage, shape, classes)
            count = stage.row.parameters(stage, shape, classes)
            traced.append(Traced(stage, shape, out, count))
            shape = out
        except ShapeError as error:
            traced.append(Traced(stage, shape, None, error=str(error)))
            shape = None
    return tuple(traced)
