"""A backbone of which only the last parts are trained, cut in two: what stays, and what learns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor, nn

from qdesigner.catalog.backbones import BACKBONES, Part
from qdesigner.design.spec import Stage
from qdesigner.design.stages import still_parts, trained_places
from qdesigner.model.places import found, put


class Still(nn.Module):
    """The front of a backbone: images [B, C, H, W] to what its last part gives, a picture of
    channels or the tokens of a vision transformer."""

    def __init__(self, model: nn.Module, place: str) -> None:
        super().__init__()
        self.model = model
        self._seen: list[Tensor] = []
        [last] = found(model, place)
        last.register_forward_hook(self._see)

    def _see(self, module: nn.Module, arguments: Any, output: Tensor) -> None:
        self._seen[:] = [output]

    def forward(self, images: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, ...]"""
        self.model(images)
        return self._seen.pop()


class Tokens(nn.Module):
    """The end of a vision transformer: tokens [B, N, F] to the class token's features [B, F]."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.encoder = model.get_submodule("encoder")
        del self.encoder.pos_embedding

    def forward(self, tokens: Tensor) -> Tensor:
        """[B, N, F] -> [B, F]"""
        layers, norm = (self.encoder.get_submodule(name) for name in ("layers", "ln"))
        features: Tensor = norm(layers(tokens))
        return features[:, 0]


def hold_still(stage: Stage, model: nn.Module) -> None:
    """Let only the trained parts of a backbone, or of its end, have gradients."""
    if still_parts(stage):
        model.requires_grad_(False)
        for module in _trained(stage, model):
            module.requires_grad_(True)


def set_parts_mode(stage: Stage, model: nn.Module, training: bool) -> None:
    """Training or eval mode of a backbone; parts that are not trained are always in eval mode."""
    model.train(training and not still_parts(stage) and not stage.frozen)
    if still_parts(stage):
        for module in _trained(stage, model):
            module.train(training)


def still_front(stage: Stage, model: nn.Module, count: int) -> nn.Module:
    """The first ``count`` parts of the stage's whole ``model``, which is taken apart."""
    parts = _parts(stage)
    _blank(model, parts[count:])
    return Still(model, parts[count - 1].name)


def trained_end(stage: Stage, model: nn.Module, count: int) -> nn.Module:
    """What follows the first ``count`` parts of ``model``, which is taken apart; its weights keep
    their names."""
    if BACKBONES[stage.settings.text("model")].family == "vit":
        chain = [place for part in _parts(stage)[:count] for place in part.modules]
        for place in chain:
            if place.startswith("encoder."):
                put(model, place, [nn.Identity() for _ in found(model, place)])
        return Tokens(model)
    _blank(model, _parts(stage)[:count])
    if hasattr(model, "transform_input"):
        model.transform_input = False  # type: ignore[assignment]
    return model


def join(stage: Stage, model: nn.Module, end: nn.Module, count: int) -> None:
    """Put the parts of a `trained_end` into a whole ``model``, which shares their weights then."""
    for part in _parts(stage)[count:]:
        for place in part.modules:
            put(model, place, found(end, place))


def _parts(stage: Stage) -> Sequence[Part]:
    return BACKBONES[stage.settings.text("model")].kept(stage.settings.text("cut"))


def _trained(stage: Stage, model: nn.Module) -> list[nn.Module]:
    return [module for place in trained_places(stage) for module in found(model, place)]


def _blank(model: nn.Module, parts: Iterable[Part]) -> None:
    for part in parts:
        for place in part.modules:
            put(model, place, [nn.Identity() for _ in found(model, place)])
