"""`qdesigner templates --check`: every template trained, held against its goal, and exported."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from qdesigner.cli.common import chosen_templates, open_design
from qdesigner.errors import UserError

if TYPE_CHECKING:
    from qdesigner.design.spec import Design
    from qdesigner.proof import Proof

HEADINGS = (
    "template", "data", "metric", "goal", "reached", "best epoch", "weights", "seconds", "export",
)  # fmt: skip


def check_templates(
    names: Sequence[str],
    data_root: Path | None,
    backbone: str | None,
    weights: str | None,
    table: Path | None,
    as_json: bool,
) -> None:
    """Prove the templates called ``names`` (all for none of them), a line each as it comes.

    ``data_root`` holds local copies of the documents' own data: those that have any are trained on
    it, with ``backbone`` and its ``weights`` in place of their own. ``table`` is a Markdown file to
    write. Raises UserError; exits with 1 when a goal is missed or an export does not verify.
    """
    from rich.console import Console

    designs = {name: open_design(name) for name in chosen_templates(names)}
    if data_root is not None:
        designs = {
            name: _on_own_data(design, data_root, backbone, weights)
            for name, design in designs.items()
            if design.origin is not None and design.origin.data is not None
        }
        if not designs:
            raise UserError("None of these templates has data of its document's own.")

    from qdesigner.proof import prove

    found: list[Proof] = []
    console = Console(stderr=True)
    with console.status("Checking …") as status:
        for name, design in designs.items():
            proof = prove(name, design, say=status.update)
            found.append(proof)
            if as_json:
                print(json.dumps(proof.to_json()), flush=True)
            else:
                mark = "held  " if proof.held else "MISSED"
                print(mark, "  ".join(_cells(proof)), flush=True)
    if table is not None:
        from qdesigner.design.codec import write_text

        write_text(table, markdown(found))
    missed = [proof for proof in found if not proof.held]
    for proof in missed:
        print(f"qdesigner: {proof.name}: {why(proof)}", file=sys.stderr)
    if missed:
        raise typer.Exit(1)


def _on_own_data(design: Design, root: Path, backbone: str | None, weights: str | None) -> Design:
    from qdesigner.cli.training import adjusted
    from qdesigner.design.origins import on_own_data

    own = on_own_data(design, str(root))
    pretrained = own.backbone is not None and (backbone is not None or weights is not None)
    return adjusted(own, backbone, weights, {}) if pretrained else own


def why(proof: Proof) -> str:
    """What a template has missed, as a sentence."""
    if proof.verified:
        return f"its exported script does not verify: {proof.verified}"
    goal = proof.goal
    return (
        f"its {goal.split} {goal.metric} is {proof.value:.4f}, and its goal is {goal.threshold:g}."
    )


def _cells(proof: Proof) -> tuple[str, ...]:
    goal = proof.goal
    sign = "≤" if goal.lower else "≥"
    return (
        proof.name, proof.data, f"{goal.split} {goal.metric}", f"{sign} {goal.threshold:g}",
        f"{proof.value:.4f}", f"{proof.best} of {proof.epochs}", f"{proof.parameters:,}",
        f"{proof.seconds:.1f}", proof.verified or "verified",
    )  # fmt: skip


def markdown(found: Sequence[Proof]) -> str:
    """The proofs as a Markdown table."""
    rows = [HEADINGS, tuple("---" for _ in HEADINGS), *(_cells(proof) for proof in found)]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |\n" for row in rows)
