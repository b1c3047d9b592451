"""Source text of the loss that a script trains and validates by, and of what outputs say by it."""

from __future__ import annotations

from qdesigner.catalog.losses import LOSSES
from qdesigner.design.endings import ending
from qdesigner.design.spec import Design
from qdesigner.export.source import filled

_LOSS = '''

def loss_of(outputs: torch.Tensor, labels: torch.Tensor<<more>>) -> torch.Tensor:
    """<<about>>."""
    <<lines>>
'''

_EVALUATE = '''

@torch.no_grad()
def evaluate(
    model: nn.Module, images: <<images>>, labels: torch.Tensor<<more>>
) -> tuple[float, float]:
    """Mean loss and <<score>>."""
    model.eval()
    parts = torch.arange(len(labels)).split(256)
    outputs = torch.cat([model(images[rows]<<to>>) for rows in parts])
    loss = <<loss>>.item()
    return loss, <<mean>>
'''

_PLAIN = '''

@torch.no_grad()
def evaluate(model: nn.Module, images: <<images>>, labels: torch.Tensor) -> tuple[float, float]:
    """Mean loss and accuracy."""
    model.eval()
    logits = torch.cat([model(images[rows]) for rows in torch.arange(len(labels)).split(256)])
    loss = nn.functional.cross_entropy(logits, labels).item()
    return loss, (logits.argmax(dim=1) == labels).float().mean().item()
'''

_UNIT = '''

class Unit(nn.Module):
    """What is learnt in deviations from a mean, in the label's own unit."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(0.0, dtype=torch.float64))
        self.register_buffer("deviation", torch.tensor(1.0, dtype=torch.float64))

    def fit(self, labels: torch.Tensor) -> None:
        self.mean.copy_(labels.mean())
        self.deviation.copy_(labels.std(correction=0))
        if self.deviation == 0:
            self.deviation.fill_(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.deviation + self.mean
'''


def regresses(design: Design) -> bool:
    """Whether the model predicts a number."""
    return design.data.task == "regress"


def has_unit(design: Design) -> bool:
    """Whether the number is learnt in units of its deviation: the model of a script ends with what
    undoes that."""
    return regresses(design) and design.data.standardise


def unit() -> list[str]:
    """Lines of the module that ends such a model."""
    return filled(_UNIT, {})


def _balanced(design: Design) -> bool:
    return design.training.class_weights == "balanced" and not regresses(design)


def plain(design: Design) -> bool:
    """Whether the loss is torch's cross-entropy as it stands."""
    training = design.training
    smooth = training.label_smoothing > 0
    return training.loss == "cross_entropy" and not smooth and not _balanced(design)


def more(design: Design, typed: bool = False) -> str:
    """What the loss takes besides outputs and labels, as arguments after a comma."""
    if _balanced(design):
        return ", balance: torch.Tensor" if typed else ", balance"
    if has_unit(design):
        return ", unit: Unit" if typed else ", unit"
    return ""


def loss_call(design: Design, labels: str) -> str:
    """The expression for the loss of ``logits`` or ``outputs``."""
    if plain(design):
        return f"nn.functional.cross_entropy(logits, {labels})"
    return f"loss_of(outputs, {labels}{more(design)})"


def score(design: Design) -> str:
    """What the score is called."""
    return "mean absolute error" if regresses(design) else "accuracy"


def loss_function(design: Design) -> list[str]:
    """Lines of ``loss_of``, none where torch's own function is called."""
    if plain(design):
        return []
    loss = LOSSES[design.training.loss]
    about = loss.label
    if _balanced(design):
        about += "; every class has the same say, however many samples it has"
    elif has_unit(design):
        about += ", in units of the label's deviation"
    lines = _formula(design)
    return filled(_LOSS, {"more": more(design, typed=True), "about": about, "lines": lines})


def _formula(design: Design) -> list[str]:
    training = design.training
    balance = ", balance" if _balanced(design) else ""
    if training.loss == "cross_entropy":
        smooth = ", label_smoothing=LABEL_SMOOTHING" if training.label_smoothing else ""
        return [f"return nn.functional.cross_entropy(outputs, labels{balance}{smooth})"]
    if training.loss == "nll":
        return [f"return nn.functional.nll_loss(outputs, labels{balance})"]
    if training.loss == "bce":
        logits = ending(design) == "numbers"
        name = "binary_cross_entropy_with_logits" if logits else "binary_cross_entropy"
        given = "outputs" if logits else "outputs.clamp(0, 1)"
        mean = ["return rows.mean()"]
        if balance:
            mean = [
                "weights = balance[labels]",
                "return (rows * weights).sum() / weights.sum()",
            ]
        return [
            "truth = nn.functional.one_hot(labels, len(CLASSES)).to(outputs.dtype)",
            f'each = nn.functional.{name}({given}, truth, reduction="none")',
            "rows = each.mean(dim=1)",
            *mean,
        ]
    name = "mse_loss" if training.loss == "mse" else "l1_loss"
    if not has_unit(design):
        return [f"return nn.functional.{name}(outputs[:, 0], labels)"]
    return [
        "aims = (labels - unit.mean) / unit.deviation",
        f"return nn.functional.{name}(outputs[:, 0], aims)",
    ]


def scores(design: Design, labels: str) -> str:
    """The expression for what each sample adds to the score: a bool, or its error."""
    if not regresses(design):
        return f"({'logits' if plain(design) else 'outputs'}.argmax(dim=1) == {labels})"
    said = "unit(outputs)" if has_unit(design) else "outputs"
    return f"({said}[:, 0] - {labels}).abs()"


def evaluating(design: Design, images: str, far: bool) -> list[str]:
    """Lines of ``evaluate``; ``far`` where the model may be on another device."""
    if plain(design) and not far:
        return filled(_PLAIN, {"images": images})
    found = scores(design, "labels")
    mean = f"{found}.mean().item()" if regresses(design) else f"{found}.float().mean().item()"
    text = _EVALUATE.replace("outputs = torch", "logits = torch") if plain(design) else _EVALUATE
    return filled(
        text,
        {
            "images": images,
            "more": more(design, typed=True),
            "score": score(design),
            "loss": loss_call(design, "labels"),
            "to": ".to(DEVICE)" if far else "",
            "mean": mean,
        },
    )


def preparing(design: Design) -> list[str]:
    """Lines of ``train`` that make what the loss takes besides outputs and labels."""
    if _balanced(design):
        return ["balance = len(labels) / (len(CLASSES) * labels.bincount().float())"]
    if has_unit(design):
        numbers = "torch.tensor([label for _, label in train_items], dtype=torch.float64)"
        return ["unit = model.unit", f"unit.fit({numbers})"]
    return []


def probabilities(design: Design, outputs: str) -> list[str]:
    """Lines that make ``probabilities`` [classes] of the expression ``outputs`` [1, classes]."""
    if design.training.loss == "nll":
        return [f"probabilities = {outputs}[0]"]
    if design.training.loss == "bce":
        squashed = ".sigmoid()" if ending(design) == "numbers" else ".clamp(0, 1)"
        return [
            f"chances = {outputs}{squashed}[0]",
            "probabilities = chances / chances.sum()",
        ]
    return [f"probabilities = {outputs}.softmax(dim=1)[0]"]
