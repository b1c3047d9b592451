"""Source text of ``--verify``: the recorded logits computed again."""

from __future__ import annotations

from qdesigner.catalog.backbones import EMBEDDED
from qdesigner.design.spec import Design
from qdesigner.export.beside import GOLDEN
from qdesigner.export.device import runs_on
from qdesigner.export.source import filled
from qdesigner.export.training import threads

_EXACT = '''

@torch.no_grad()
def verify(model: nn.Module) -> int:
    """Compute the recorded logits again; 1 if any differs by more than the tolerance.

    <<precision>>
    """
    <<double>>
    try:
        golden = json.loads((FILES / "<<golden>>").read_text(encoding="utf-8"))
        <<load>>
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"cannot verify: {error}")
    worst, wrong = 0.0, 0
    for entry, <<what>> in zip(golden["<<whats>>"], <<whats>>, strict=True):
        logits = <<logits>>[0]
        wanted = torch.tensor(entry["logits"], dtype=torch.float64)
        delta = float((logits - wanted).abs().max())
        worst = max(worst, delta)
        if not delta <= golden["tolerance"]:
            print(f"{entry['<<name>>']} differs by {delta:.1e}")
            wrong += 1
    print(f"max |Δlogit| = {worst:.1e} over {len(<<whats>>)} <<whats>>")
    print(f"{wrong} differ by more than {golden['tolerance']:.0e}" if wrong else "verified")
    return 1 if wrong or not <<whats>> else 0
'''

_SAMPLED = '''

@torch.no_grad()
def verify(model: nn.Module) -> int:
    """Compute the recorded logits again; 1 if any differs.

    Other shots give other logits, so each image is run RUNS times. The mean of a logit may then be
    off by four standard errors (its own and the recorded one's together), and by what ten shots
    can do to it, for so many rare outcomes may all be missed. If it is off by more, four times as
    many runs decide.
    """
    <<double>>
    try:
        golden = json.loads((FILES / "<<golden>>").read_text(encoding="utf-8"))
        <<load>>
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"cannot verify: {error}")
    <<threads>>
    worst, wrong = 0.0, 0
    for entry, <<what>> in zip(golden["<<whats>>"], <<whats>>, strict=True):
        features = <<features>>
        numbers = (entry[key] for key in ("logits", "errors", "shot"))
        wanted, known, shot = (torch.tensor(row, dtype=torch.float64) for row in numbers)
        for runs in (RUNS, 4 * RUNS):
            many = features.expand(runs, *features.shape[1:]).split(ROWS)
            logits = torch.cat([<<head>>(part) for part in many])
            error = (logits.var(dim=0) / runs + known**2).sqrt()
            allowed = golden["tolerance"] + 4 * error + 10 * shot / (runs * SHOTS)
            delta = (logits.mean(dim=0) - wanted).abs()
            if (delta <= allowed).all():
                break
        else:
            print(f"{entry['<<name>>']} differs by {delta.max():.1e}")
            wrong += 1
        worst = max(worst, float((delta / allowed).max()))
    print(f"max |Δlogit| = {worst:.2f} of what shots allow over {len(<<whats>>)} <<whats>>")
    print(f"{wrong} differ by more" if wrong else "verified")
    return 1 if wrong or not <<whats>> else 0
'''


def large_backbone(design: Design) -> bool:
    """Whether the backbone is one of torchvision's, for which float64 would take too long."""
    backbone = design.backbone
    return backbone is not None and backbone.settings.text("model") != EMBEDDED


def verifying(design: Design) -> list[str]:
    """Lines of ``verify``, a function of the model."""
    parts: dict[str, str | list[str]] = {"golden": GOLDEN, "threads": [], **_samples(design)}
    x = parts.pop("x")
    if large_backbone(design):
        parts |= {
            "precision": "All behind the backbone is in float64, so that rounding does not add up.",
            "double": "backbone, head = model[0], model[1:].double()",
            "logits": f"head(backbone({x}).double())",
            "features": f"backbone({x}).double()",
            "head": "head",
        }
    else:
        parts |= {
            "precision": "It is done in float64, so that rounding does not add up.",
            "double": "model.double()",
            "logits": f"model({x}.double())",
            "features": f"{x}.double()",
            "head": "model",
            "threads": threads(design),
        }
    return filled(_SAMPLED if runs_on(design).shots else _EXACT, parts)


def _samples(design: Design) -> dict[str, str | list[str]]:
    """The words for a sample, and ``x``, how one is given to the model."""
    if design.data.rows:
        load = 'rows = [torch.tensor([entry["row"]]) for entry in golden["rows"]]'
        return {"what": "row", "whats": "rows", "name": "row", "load": [load], "x": "row"}
    load = 'images = [load_image(FILES / entry["file"]) for entry in golden["images"]]'
    image = "preprocess(image)[None]"
    return {"what": "image", "whats": "images", "name": "file", "load": [load], "x": image}
