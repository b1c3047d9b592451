"""A Design as one readable Python script: PennyLane, torch and torchvision, nothing of ours.

The text depends on the design, its classes and the name of the folder beside it alone: neither a
run nor torch is needed, so the window shows it after every edit.
"""

from __future__ import annotations

from collections.abc import Sequence

from qdesigner.catalog.devices import refusal
from qdesigner.design.checks import problems
from qdesigner.design.facts import DataFacts
from qdesigner.design.shapes import Traced, trace
from qdesigner.design.spec import Design, DeviceSpec, WeightsSpec, preprocess
from qdesigner.errors import UserError
from qdesigner.export import augmentation, braket, choosing, losses, qiskit, rows
from qdesigner.export.beside import WEIGHTS
from qdesigner.export.circuit_text import uses_combinations
from qdesigner.export.device import constants as device_constants
from qdesigner.export.device import dialect, in_words, library, packages, runs_on
from qdesigner.export.images import loading, preparing, preprocessing
from qdesigner.export.layers import build_model, modules
from qdesigner.export.source import bracketed, filled, in_docstring, string_items
from qdesigner.export.sources import Reading, reading
from qdesigner.export.training import training, training_constants
from qdesigner.export.verification import large_backbone, verifying

_WEIGHTS = """

def read_weights(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        sys.exit(f"cannot read weights: {path} is missing")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds on a file that holds no weights
        sys.exit(f"cannot read weights from {path}: {error}")


def trained_model(weights: Path) -> nn.Sequential:
    model = build_model()
    try:
        model.load_state_dict(read_weights(weights))
    except RuntimeError as error:
        sys.exit(f"{weights} holds other weights: {error}")
    return model.eval()
"""

_USE = '''

@torch.no_grad()
def predict(model: nn.Module, paths: list[Path]) -> int:
    """Say what each image shows; 1 if one of them could not be read."""
    failed = 0
    for path in paths:
        try:
            image = load_image(path)
        except Exception as error:  # Pillow raises many kinds on a broken file
            print(f"{path}: {error}", file=sys.stderr)
            failed = 1
            continue
        <<probabilities>>
        best = int(probabilities.argmax())
        print(f"{path}: {CLASSES[best]} ({probabilities[best]:.1%})")
    return failed
'''

_MAIN = """

def main() -> int:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a console that lacks a sign shows "?" for it
    parser = argparse.ArgumentParser(description="<<says>>")
    <<what>>
    <<train>>
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="how long (%(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, help="weights to write (%(default)s)")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="weights to use")
    parser.add_argument("--verify", action="store_true", help="check against the recorded logits")
    args = parser.parse_args()
    if args.train<<given>>:
        if args.out.resolve().is_relative_to(FILES):
            parser.error("--out must not overwrite what --verify checks")
        if args.epochs < 1 or not args.out.parent.is_dir():
            parser.error("--epochs must be 1 or more, and --out lie in a folder that exists")
        train(<<data>>args.epochs, args.out)
        return 0
    if args.verify:
        return verify(trained_model(args.weights))
    if not args.<<whats>>:
        parser.error("name <<one>>, or use --train or --verify")
    return predict(trained_model(args.weights), args.<<whats>>)


if __name__ == "__main__":
    sys.exit(main())
"""


def script(design: Design, classes: Sequence[str], files: str, *, trained: bool = True) -> str:
    """The source of the script for ``design``, whose weights and golden images lie in the folder
    ``files`` beside it. ``trained`` False says in it that the weights are the first ones.

    Raises UserError, with the first problem's sentence, when the model cannot be built.
    """
    outputs = len(classes) or 1
    traced = _checked(design, outputs)
    how = reading(design, classes)
    lines = _docstring(design, classes, files, trained, how)
    lines += _imports(design, how)
    lines += _constants(design, classes, files, how)
    lines += [] if design.data.rows else loading(preprocess(design))
    lines += rows.standardise() if rows.standardises(design) else []
    lines += losses.unit() if losses.has_unit(design) else []
    lines += modules(design)
    lines += build_model(design, traced, outputs)
    lines += filled(_WEIGHTS, {})
    lines += _data(design, how)
    lines += training(design, how)
    lines += rows.predicting(design) if design.data.rows else _predicting(design)
    lines += verifying(design)
    lines += _main(design, how)
    return "\n".join(lines) + "\n"


def _predicting(design: Design) -> list[str]:
    """Lines of ``predict``, which names images."""
    said = losses.probabilities(design, "model(preprocess(image)[None])")
    return filled(_USE, {"probabilities": said})


def _data(design: Design, how: Reading) -> list[str]:
    """Lines of the functions that read, choose and prepare samples."""
    lines = choosing.choosing(design.data, how.parts, how.files) + how.code
    if design.data.rows:
        return lines + rows.preparing(len(design.data.columns) or 2)
    vary = augmentation.varying(design, preprocess(design).resize)
    return lines + vary + preparing(design, how.files)


def _checked(design: Design, outputs: int) -> tuple[Traced, ...]:
    """The stages with their shapes, when they make a model."""
    # What is missing on this machine hides no code.
    stages = tuple(stage.but(weights=WeightsSpec()) for stage in design.stages)
    plain = design.model_copy(update={"stages": stages, "device": DeviceSpec()})
    classes = range(outputs if design.data.task == "classify" else 0)
    facts = DataFacts(tuple(map(str, classes)), 1, 1, 0)
    for problem in problems(plain, facts):
        if problem.severity == "error":
            raise UserError(problem.text)
    for stage in design.stages:
        refused = refusal(runs_on(design), stage.circuit) if stage.circuit else ""
        if refused:
            raise UserError(refused)
    return trace(design, outputs)


def _docstring(
    design: Design, classes: Sequence[str], files: str, trained: bool, how: Reading
) -> list[str]:
    name = in_docstring(files.removesuffix("_files") + ".py", 22)
    train = f"--train {how.argument}".strip()
    what = "each row of these tables is" if design.data.rows else "each image shows"
    uses = [
        (f"python {name} {'TABLE' if design.data.rows else 'IMAGE'}...", f"say what {what}"),
        (f"python {name} {train}", "train again from the first weights"),
        (f"python {name} --verify", "check this script against the recorded outputs"),
    ]
    room = max(len(use) for use, _ in uses) + 2
    kind = "hybrid quantum-classical" if any(s.circuit for s in design.stages) else "classical"
    of = "rows of numbers" if design.data.rows else "images"
    made = f"classifier of {of} into {len(classes)} classes"
    if design.data.task == "regress":
        made = "model that predicts a number from rows of numbers"
    where = in_words(design)
    return [
        f'"""{in_docstring(design.name)}',
        "",
        f"A {kind} {made}.",
        *where,
        *([] if trained else ["It is untrained: its weights are the first ones, drawn by SEED."]),
        "",
        *(f"    {use:<{room}}{what}" for use, what in uses),
        "",
        *how.about,
        f"The weights and the recorded outputs lie in {in_docstring(files, 40)}/.",
        "",
        f"Needs {', '.join(_needs(design, how))}.",
        '"""',
    ]


def _needs(design: Design, how: Reading) -> list[str]:
    quantum = any(stage.circuit for stage in design.stages)
    return [
        "torch",
        *([] if design.data.rows else ["torchvision"]),
        "numpy",
        *([] if design.data.rows else ["pillow"]),
        *(packages(runs_on(design)) if quantum else ()),
        *how.packages,
    ]


def _imports(design: Design, how: Reading) -> list[str]:
    circuits = [stage.circuit for stage in design.stages if stage.circuit is not None]
    device = runs_on(design)
    paired = any(uses_combinations(circuit, dialect(device, circuit)) for circuit in circuits)
    tools = ["combinations"] if paired else []
    tools += ["islice"] if design.data.limit and how.files else []
    vary = design.data.augmentation
    modules = {"argparse", "json", "math", "random", "sys", *how.modules}
    modules |= {"hashlib"} if vary.any else set()
    vision = [*(["models"] if large_backbone(design) else []), "transforms"]
    vision = sorted({*vision, *({"datasets"} & set(how.imports))})
    pillow = ["Image", *(["ImageEnhance"] if vary.colour else []), "ImageOps"]
    rows = design.data.rows
    return [
        "",
        "from __future__ import annotations",
        "",
        *(f"import {name}" for name in sorted(modules)),
        "from collections import OrderedDict",
        *([f"from itertools import {', '.join(tools)}"] if tools else []),
        "from pathlib import Path",
        "",
        *(["import numpy as np"] if not rows or "np." in "".join(how.code) else []),
        *(["import pennylane as qml"] if circuits and library(device) == "pennylane" else []),
        "import torch",
        *(braket.imports() if circuits and library(device) == "braket" else []),
        *([] if rows else [f"from PIL import {', '.join(pillow)}"]),
        *(line for line in how.imports if "pyarrow" in line),
        *(qiskit.imports(device) if circuits and library(device) == "qiskit" else []),
        *(line for line in how.imports if "sklearn" in line),
        "from torch import nn",
        *([] if rows else [f"from torchvision import {', '.join(vision)}"]),
    ]


def _constants(design: Design, classes: Sequence[str], files: str, how: Reading) -> list[str]:
    classify = design.data.task == "classify"
    what = "a row's numbers" if design.data.rows else "an image"
    item = (
        f"Item = tuple[{how.thing}, int]  # {what}, and its class as an index into CLASSES"
        if classify
        else f"Item = tuple[{how.thing}, float]  # {what}, and the number to predict"
    )
    return [
        "",
        *(bracketed("CLASSES = [", string_items(classes, 90), "]") if classify else []),
        *bracketed("FILES = Path(__file__).resolve().with_name(", string_items([files], 90), ")"),
        f'WEIGHTS = FILES / "{WEIGHTS}"',
        'OUT = Path(__file__).resolve().with_name(Path(__file__).stem + "_trained.pt")',
        *training_constants(design),
        "",
        f"# How the {'rows' if design.data.rows else 'images'} to train on are chosen.",
        *how.constants,
        *choosing.constants(design.data),
        *augmentation.constants(design.data.augmentation),
        *device_constants(design),
        "",
        item,
        *([] if design.data.rows else preprocessing(preprocess(design))),
    ]


def _main(design: Design, how: Reading) -> list[str]:
    one, whats = ("a table", "tables") if design.data.rows else ("an image", "images")
    name, of = ("TABLE", "to answer to") if design.data.rows else ("IMAGE", "to name")
    options = [f'"{whats}"', 'nargs="*"', "type=Path", f'metavar="{name}"']
    options.append(f'help="{"a picture" if name == "IMAGE" else "a table"} {of}"')
    train = ['"--train"', 'action="store_true"', 'help="train again"']
    if how.argument:
        train = [
            '"--train"',
            f'metavar="{how.argument}"',
            "type=Path",
            'help="train again on this"',
        ]
    return filled(
        _MAIN,
        {
            "says": f"Say what {'rows of numbers are' if design.data.rows else 'images show'}.",
            "what": bracketed("parser.add_argument(", options, ")", 96),
            "train": bracketed("parser.add_argument(", train, ")", 96),
            "given": " is not None" if how.argument else "",
            "data": "args.train, " if how.argument else "",
            "one": one,
            "whats": whats,
        },
    )
