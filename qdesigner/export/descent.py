"""Source text of how a script's weights move: learning rate, clipping, early stopping, half
precision and where torch computes."""

from __future__ import annotations

from qdesigner.design.plan import one_thread
from qdesigner.design.spec import Design, TrainingSpec
from qdesigner.export.device import circuit_names, library, runs_on
from qdesigner.export.source import filled

_RATE = '''

def learning_rate(epoch: int<<given>>) -> float:
    """The rate of an epoch, from 1: <<about>>."""
    <<warmup>>
    <<rest>>
'''

_FORWARD = '''

def forward(model: nn.Sequential, x: torch.Tensor) -> torch.Tensor:
    """The outputs in half precision where CUDA computes<<but>>."""
    for stage in model:
        <<exact>>
        with torch.autocast(DEVICE, torch.float16, enabled=<<enabled>>):
            x = stage(<<x>>)
    return x.float()
'''


def far(design: Design) -> bool:
    """Whether the script computes on CUDA where there is some, as the program does."""
    training = design.training
    if training.compute == "cpu" or (training.compute == "auto" and one_thread(design)):
        return False
    device = runs_on(design)
    circuits = any(stage.circuit for stage in design.stages)
    return not circuits or (library(device) == "pennylane" and not device.shots)


def half(design: Design) -> bool:
    """Whether it uses half precision there."""
    return design.training.mixed and far(design)


def constants(design: Design) -> list[str]:
    """Lines of the constants."""
    training = design.training
    lines = []
    if _by_function(training):
        if training.warmup:
            lines.append(f"WARMUP = {training.warmup}  # epochs in which the learning rate rises")
        if training.schedule == "step":
            lines.append(f"STEP_SIZE = {training.step_size}  # epochs")
        if training.schedule == "plateau":
            lines.append(f"PATIENCE = {training.patience}  # epochs")
        if training.schedule in ("step", "plateau"):
            lines.append(f"GAMMA = {training.gamma!r}")
    if training.loss == "cross_entropy" and training.label_smoothing:
        lines.append(f"LABEL_SMOOTHING = {training.label_smoothing!r}")
    if training.clip:
        lines.append(f"CLIP = {training.clip!r}  # largest norm of the gradient")
    if training.early_stopping:
        lines.append(f"EARLY_STOPPING = {training.early_stopping}  # epochs")
    if far(design):
        lines.append('DEVICE = "cuda" if torch.cuda.is_available() else "cpu"')
    return lines


def _by_function(training: TrainingSpec) -> bool:
    """Whether a function of the script gives the learning rate: torch has a scheduler for steps."""
    return training.warmup > 0 or training.schedule in ("cosine", "plateau")


def functions(design: Design) -> list[str]:
    """Lines of the functions that `train` uses."""
    lines = _rate(design.training) if _by_function(design.training) else []
    if not half(design):
        return lines
    names = circuit_names(design)
    exact = [names[stage.circuit] for stage in design.stages if stage.circuit is not None]
    exact = sorted(set(exact))
    kinds = exact[0] if len(exact) == 1 else f"({', '.join(exact)})"
    cuda = 'DEVICE == "cuda"'
    return lines + filled(
        _FORWARD,
        {
            "but": "; circuits stay exact" if exact else "",
            "exact": [f"exact = isinstance(stage, {kinds})"] if exact else [],
            "enabled": f"{cuda} and not exact" if exact else cuda,
            "x": "x.float() if exact else x" if exact else "x",
        },
    )


def _rate(training: TrainingSpec) -> list[str]:
    given = {"cosine": ", epochs: int", "plateau": ", lowered: int"}.get(training.schedule, "")
    about = {
        "constant": "the full one",
        "step": "GAMMA times itself every STEP_SIZE epochs",
        "cosine": "half a cosine down to 0",
        "plateau": "GAMMA times itself after each plateau",
    }[training.schedule]
    done = "epoch - WARMUP - 1" if training.warmup else "epoch - 1"
    span = "(epochs - WARMUP)" if training.warmup else "epochs"
    rest = {
        "constant": "return LEARNING_RATE",
        "step": f"return LEARNING_RATE * GAMMA ** (({done}) // STEP_SIZE)",
        "cosine": f"return LEARNING_RATE * (1 + math.cos(math.pi * ({done}) / {span})) / 2",
        "plateau": "return LEARNING_RATE * GAMMA**lowered",
    }[training.schedule]
    warmup = ["if epoch <= WARMUP:", "    return LEARNING_RATE * epoch / (WARMUP + 1)"]
    return filled(
        _RATE,
        {
            "given": given,
            "about": f"it rises, then {about}" if training.warmup else about,
            "warmup": warmup if training.warmup else [],
            "rest": rest,
        },
    )


def parts(design: Design, head: str, outputs: str) -> dict[str, str | list[str]]:
    """What the template of ``train`` is filled with. ``outputs`` names what the model gives."""
    training = design.training
    plateau = training.schedule == "plateau"
    samples = "images[rows].to(DEVICE)" if far(design) else "images[rows]"
    called = f"{head}({samples})"
    if half(design):
        called = f"forward({head}, {samples})"
    return {
        "far": _far(head) if far(design) else [],
        "forward": f"{outputs} = {called}",
        "schedule": _scheduler(training),
        "rate": _set_rate(training),
        "descend": _descend(training, half(design), head),
        "scaler": ['scaler = torch.amp.GradScaler(DEVICE, enabled=DEVICE == "cuda")']
        if half(design)
        else [],
        "counts": [
            *(["lowest, stale, lowered = math.inf, 0, 0"] if plateau else []),
            *(["least, waited = math.inf, 0"] if training.early_stopping else []),
        ],
        "step": ["schedule.step()"] if _scheduler(training) else [],
        "plateau": _plateau(training) if plateau else [],
        "early": _early() if training.early_stopping else [],
    }


def _far(head: str) -> list[str]:
    labels = "labels, val_labels = labels.to(DEVICE), val_labels.to(DEVICE)"
    return [f"{head}.to(DEVICE)", labels]


def _scheduler(training: TrainingSpec) -> list[str]:
    if training.schedule != "step" or _by_function(training):
        return []
    every = f"step_size={training.step_size}, gamma={training.gamma!r}"
    return [f"schedule = torch.optim.lr_scheduler.StepLR(optimizer, {every})"]


def _set_rate(training: TrainingSpec) -> list[str]:
    if not _by_function(training):
        return []
    given = {"cosine": ", epochs", "plateau": ", lowered"}.get(training.schedule, "")
    return [
        "for group in optimizer.param_groups:",
        f'    group["lr"] = learning_rate(epoch{given})',
    ]


def _descend(training: TrainingSpec, scaled: bool, head: str) -> list[str]:
    """Lines from the loss to the next weights."""
    clip = [f"nn.utils.clip_grad_norm_({head}.parameters(), CLIP)"] if training.clip else []
    if not scaled:
        return ["loss.backward()", *clip, "optimizer.step()"]
    return [
        "scaler.scale(loss).backward()",
        "scaler.unscale_(optimizer)",
        *clip,
        "scaler.step(optimizer)",
        "scaler.update()",
    ]


def _plateau(training: TrainingSpec) -> list[str]:
    seen = [
        "stale = 0 if val_loss < lowest else stale + 1",
        "lowest = min(lowest, val_loss)",
        "if stale >= PATIENCE:",
        "    stale, lowered = 0, lowered + 1",
    ]
    if not training.warmup:
        return seen
    return ["if epoch > WARMUP:", *(f"    {line}" for line in seen)]


def _early() -> list[str]:
    return [
        "waited = 0 if val_loss < least else waited + 1",
        "least = min(least, val_loss)",
        "if waited >= EARLY_STOPPING:",
        '    print(f"no lower validation loss for {waited} epochs: it ends here")',
        "    break",
    ]
