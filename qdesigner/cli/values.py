"""Options that change how a project is trained."""

from __future__ import annotations

from typing import Annotated

import typer

EPOCHS = Annotated[int | None, typer.Option(help="Epochs to train.")]
BATCH_SIZE = Annotated[int | None, typer.Option(help="Images in a step.")]
RATE = Annotated[float | None, typer.Option(help="Learning rate.")]
OPTIMIZER = Annotated[str | None, typer.Option(help="adam, adamw or sgd.")]
MOMENTUM = Annotated[float | None, typer.Option(help="SGD's momentum.")]
DECAY = Annotated[float | None, typer.Option(help="Weight decay.")]
SCHEDULE = Annotated[str | None, typer.Option(help="constant, step, cosine or plateau.")]
EVERY = Annotated[
    int | None, typer.Option(help="Epochs after which the schedule step lowers the rate.")
]
GAMMA = Annotated[
    float | None, typer.Option(help="What step and plateau multiply the learning rate by.")
]
PATIENCE = Annotated[
    int | None,
    typer.Option(help="Epochs without a better validation loss before plateau lowers the rate."),
]
WARMUP = Annotated[
    int | None, typer.Option(help="Epochs in which the rate rises before the schedule; 0: none.")
]
LOSS = Annotated[
    str | None,
    typer.Option(help="cross_entropy, nll or bce; mse or mae where a number is predicted."),
]
SMOOTHING = Annotated[
    float | None, typer.Option(help="Cross-entropy's share of a label for all classes; 0: none.")
]
CLASS_WEIGHTS = Annotated[
    str | None, typer.Option(help="none, or balanced: a rare class counts as much as any.")
]
CLIP = Annotated[float | None, typer.Option(help="Largest norm of the gradient; 0: any.")]
EARLY = Annotated[
    int | None,
    typer.Option(help="End after so many epochs without a better validation loss; 0: never."),
]
COMPUTE = Annotated[str | None, typer.Option(help="Where torch computes: auto, cpu or cuda.")]
MIXED = Annotated[
    bool | None, typer.Option("--mixed/--no-mixed", help="Half precision where CUDA computes.")
]
SEED = Annotated[int | None, typer.Option(help="Seed of weights and order.")]
