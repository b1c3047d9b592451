"""Source text of ``--train``: the start, order, loss and schedule of the program's own run."""

from __future__ import annotations

from qdesigner.design.plan import EPOCH_SEEDS, one_thread, trained_prefix, trains_batch_norm
from qdesigner.design.spec import Design, Stage, TrainingSpec
from qdesigner.design.stages import still_parts, trained_places
from qdesigner.export import descent, losses
from qdesigner.export.augmentation import variant_number
from qdesigner.export.beside import STARTING_WEIGHTS
from qdesigner.export.rows import standardises
from qdesigner.export.source import LINE, bracketed, filled
from qdesigner.export.sources import Reading

_FEATURES = '''

@torch.no_grad()
def features(front: nn.Module, items: list[Item]<<variant>>) -> torch.Tensor:
    """What the frozen front makes of each <<what>>."""
    front.eval()
    rows: list[torch.Tensor] = []
    for start in range(0, len(items), 32):
        rows.append(front(prepared(items[start : start + 32]<<number>>)))
        done = start + len(rows[-1])
        print(f"\\rfeatures of {done}/{len(items)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return torch.cat(rows)
'''

_IMAGES = '''

class Images:
    """Images prepared when asked for, so that they need not all fit into memory."""

    def __init__(self, items: list[Item]) -> None:
        self.items = items
        <<variant>>

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        return prepared([self.items[row] for row in rows.tolist()]<<number>>)
'''

_BATCHES = '''

def batches(order: torch.Tensor) -> list[torch.Tensor]:
    """Slices of BATCH_SIZE; a last image alone, too few for batch norm, joins the one before."""
    parts = list(order.split(BATCH_SIZE))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts
'''

_TRAIN = '''

def train(<<data>>epochs: int, out: Path) -> None:
    """Train from the first weights, and save those of the best epoch."""
    train_items, val_items = <<items>>
    labels = torch.tensor([label for _, label in train_items])
    val_labels = torch.tensor([label for _, label in val_items])
    model = build_model()
    <<begin>>
    <<far>>
    <<optimizer>>
    <<schedule>>
    <<scaler>>
    <<balance>>
    <<best>>
    <<counts>>
    for epoch in range(1, epochs + 1):
        <<rate>>
        <<vary>>
        number = SEED * <<seeds>> + epoch  # seeds all that is random in this epoch
        torch.manual_seed(number)
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(number))
        <<mode>>
        loss_sum, <<sum>> = 0.0, <<zero>>
        for rows in <<batches>>:
            optimizer.zero_grad()
            <<forward>>
            loss = <<loss>>
            <<descend>>
            loss_sum += loss.item() * len(rows)
            <<sum>> += <<added>>
        if not math.isfinite(loss_sum):
            sys.exit("the loss is no longer a number: lower LEARNING_RATE")
        <<step>>
        val_loss, val_<<score>> = evaluate(<<head>>, val_images, val_labels<<more>>)
        print(
            f"epoch {epoch}/{epochs}  "
            <<told>>
            f"validation loss {val_loss:.6f} <<score>> {val_<<score>>:<<digits>>}",
            flush=True,
        )
        if (<<sign>>val_<<score>>, -val_loss) > best:
            best = (<<sign>>val_<<score>>, -val_loss)
            torch.save(model.state_dict(), out)
        <<plateau>>
        <<early>>
    print(f"best validation <<score>> {<<sign>>best[0]:<<digits>>}, its weights in {out}")
'''


def training_constants(design: Design) -> list[str]:
    """Lines of the constants of the loop."""
    spec = design.training
    return [
        "",
        "# How it is trained.",
        f"SEED = {spec.seed}",
        f"EPOCHS = {spec.epochs}",
        f"BATCH_SIZE = {spec.batch_size}",
        f"LEARNING_RATE = {spec.learning_rate!r}",
        *descent.constants(design),
    ]


def _optimizer(spec: TrainingSpec, weights: str) -> list[str]:
    name = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}[spec.optimizer]
    settings = [weights, "lr=LEARNING_RATE"]
    if spec.optimizer == "sgd":
        settings.append(f"momentum={spec.momentum!r}")
    if spec.weight_decay or spec.optimizer == "adamw":
        settings.append(f"weight_decay={spec.weight_decay!r}")
    return bracketed(f"optimizer = torch.optim.{name}(", settings, ")", LINE - 4)


def started(design: Design) -> tuple[str, ...]:
    """Ids of the stages that are trained from weights that no seed gives again, so that the export
    must carry them as they were."""
    return tuple(s.id for s in design.stages if not s.frozen and s.weights.origin != "random")


def _stays(stage: Stage) -> bool:
    """Whether the stage is frozen with weights that are in the trained ones and cannot be drawn."""
    return stage.frozen and (stage.kind == "backbone" or stage.weights.origin != "random")


def training(design: Design, how: Reading) -> list[str]:
    """Lines of everything that ``--train`` runs, behind the functions that read samples."""
    cut = trained_prefix(design)
    lines = _samples(design, cut)
    if trains_batch_norm(design):
        lines += filled(_BATCHES, {})
    tensor = cut or design.data.rows
    lines += losses.loss_function(design)
    kind = "torch.Tensor" if tensor else "Images"
    lines += losses.evaluating(design, kind, descent.far(design))
    lines += descent.functions(design)
    head = "head" if cut or losses.has_unit(design) else "model"
    still, learns = _still(design, cut), _learns(design)
    parts: dict[str, str | list[str]] = {
        "data": "data: Path, " if how.argument else "",
        "items": how.call,
        "begin": [
            *_first_weights(design),
            *_inputs(design, cut),
            *([] if _anew(design, cut) else threads(design)),
            *_frozen(still, learns, head),
        ],
        "optimizer": _optimizer(design.training, "weights" if still else f"{head}.parameters()"),
        "vary": _vary(design, cut),
        "mode": _mode(still, learns, head),
        "batches": "batches(order)" if trains_batch_norm(design) else "order.split(BATCH_SIZE)",
        "head": head,
        "seeds": f"{EPOCH_SEEDS:_}",
        **_judging(design),
        **descent.parts(design, head, "logits" if losses.plain(design) else "outputs"),
    }
    return lines + filled(_TRAIN, parts)


def _judging(design: Design) -> dict[str, str | list[str]]:
    """The loss and the score of the template."""
    errors = losses.regresses(design)
    found = losses.scores(design, "labels[rows]")
    best = "best = (-1.0, 0.0)  # accuracy, then minus the loss, of validation"
    if errors:
        best = "best = (-math.inf, 0.0)  # minus the mean absolute error, then minus the loss"
    return {
        "balance": losses.preparing(design),
        "best": [best],
        "loss": losses.loss_call(design, "labels[rows]"),
        "sum": "errors" if errors else "right",
        "zero": "0.0" if errors else "0",
        "added": f"{found}.sum().item()" if errors else f"int({found}.sum())",
        "score": "error" if errors else "accuracy",
        "digits": ".6g" if errors else ".3f",
        "told": _told("error", "errors", ".6g") if errors else _told("accuracy", "right", ".3f"),
        "sign": "-" if errors else "",
        "more": losses.more(design),
    }


def _told(score: str, total: str, digits: str) -> list[str]:
    return [
        f'f"train loss {{loss_sum / len(labels):.6f}} {score} {{{total} / len(labels):{digits}}}  "'
    ]


def _first_weights(design: Design) -> list[str]:
    """First weights that SEED does not draw: those of the frozen stages, which are among the
    trained ones, and those that others began with."""
    backbone = design.backbone
    stay = [f'"{stage.id}."' for stage in design.stages if _stays(stage)]
    lines = []
    if started(design):
        lines = [f'model.load_state_dict(read_weights(FILES / "{STARTING_WEIGHTS}"), strict=False)']
    if not stay:
        return lines
    if backbone is None or not backbone.frozen or len(stay) > 1:
        return [
            *lines,
            "saved = read_weights(WEIGHTS)  # frozen stages are kept, all else begins anew",
            *([f"marks = {stay[0]}"] if len(stay) == 1 else bracketed("marks = (", stay, ")", 96)),
            "kept = {k: v for k, v in saved.items() if k.startswith(marks)}",
            "model.load_state_dict(kept, strict=False)",
        ]
    return [
        *lines,
        "saved = read_weights(WEIGHTS)",
        f'mark = "{backbone.id}."  # only the frozen backbone is kept, all else begins anew',
        "kept = {k.removeprefix(mark): v for k, v in saved.items() if k.startswith(mark)}",
        "model[0].load_state_dict(kept)",
    ]


def _samples(design: Design, cut: int) -> list[str]:
    """Lines of what gives the samples of a step."""
    vary = design.data.augmentation
    if not cut:
        if design.data.rows:
            return []
        parts: dict[str, str | list[str]] = {
            "variant": ["self.variant: int | None = None"] if vary.any else [],
            "number": ", self.variant" if vary.any else "",
        }
        return filled(_IMAGES, parts)
    of = "row" if design.data.rows else "image"
    what = f"{of}: it never changes, so once is enough"
    if vary.any:
        what = f"{of}, or of a variant of each"
    return filled(
        _FEATURES,
        {
            "variant": ", number: int | None = None" if vary.any else "",
            "number": ", number" if vary.any else "",
            "what": what,
        },
    )


def _inputs(design: Design, cut: int) -> list[str]:
    lines = ["model.standardise.fit(prepared(train_items))"] if standardises(design) else []
    kept = design.data.augmentation.variants and design.data.augmentation.any
    if not cut:
        made = "prepared" if design.data.rows else "Images"
        if losses.has_unit(design):
            lines.append("head = model[:-1]  # all but the label's unit")
        return [*lines, f"images, val_images = {made}(train_items), {made}(val_items)"]
    cut += standardises(design)  # it stands first
    end = "-1" if losses.has_unit(design) else ""
    lines.append(f"front, head = model[:{cut}], model[{cut}:{end}]")
    if not design.data.augmentation.any:
        both = "features(front, train_items), features(front, val_items)"
        return [*lines, f"images, val_images = {both}"]
    if kept:
        lines.append("variants = [features(front, train_items, k) for k in range(VARIANTS)]")
    return [*lines, "val_images = features(front, val_items)"]


def _anew(design: Design, cut: int) -> bool:
    """Whether features are computed anew in every epoch, which all cores are worth."""
    how = design.data.augmentation
    return bool(cut) and how.any and not how.variants


def _vary(design: Design, cut: int) -> list[str]:
    """The line that takes an epoch's variants of the training images."""
    how = design.data.augmentation
    if not how.any:
        return []
    number = variant_number(how)
    if not cut:
        return [f"images.variant = {number}"]
    if how.variants:
        return [f"images = variants[{number}]"]
    return [f"images = features(front, train_items, {number})"]


def threads(design: Design) -> list[str]:
    """The line that leaves a small model to one thread."""
    if not one_thread(design):
        return []
    return ["torch.set_num_threads(1)  # one is faster for so small a model"]


def _still(design: Design, cut: int) -> list[str]:
    """Ids of the frozen stages behind the frozen front, as literals."""
    return [
        f'"{s.id}"' for s in design.stages[cut:] if (s.frozen and _matters(s)) or still_parts(s)
    ]


def _learns(design: Design) -> list[str]:
    """Expressions for the parts that are trained of a backbone which is frozen otherwise."""
    backbone = design.backbone
    if backbone is None or not still_parts(backbone):
        return []
    return [
        f"*model[0].{place}" if ":" in place else f"model[0].{place}"
        for place in trained_places(backbone)
    ]


def _matters(stage: Stage) -> bool:
    return stage.row.trainable or stage.kind == "dropout"


def _frozen(still: list[str], learns: list[str], head: str) -> list[str]:
    """Lines that hold frozen stages fast, and name the weights that are left to train."""
    if not still:
        return []
    return [
        *bracketed("frozen = [", [f"model.get_submodule({name})" for name in still], "]", 92),
        "for stage in frozen:",
        "    stage.requires_grad_(False)",
        *(bracketed("trained = [", learns, "]", 92) if learns else []),
        *(["for part in trained:", "    part.requires_grad_(True)"] if learns else []),
        f"weights = [weight for weight in {head}.parameters() if weight.requires_grad]",
    ]


def _mode(still: list[str], learns: list[str], head: str) -> list[str]:
    if not still:
        return [f"{head}.train()"]
    lines = [f"{head}.train()", "for stage in frozen:", "    stage.eval()"]
    return [*lines, *(["for part in trained:", "    part.train()"] if learns else [])]
