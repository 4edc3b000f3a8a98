"""The scene net: the AudioSet tagger mn04 with a head for ESC-50 beside the rows of its own classifier.

The body is EfficientAT's `mn04_as` (Schmid et al. 2023, arXiv 2211.04772): MobileNetV3-Large (Howard et al. 2019,
arXiv 1905.02244) of width 0.4 on a log-mel image, squeeze-excitation over channels. The image here is time by
frequency, as the front end gives it, so the teacher's kernels are transposed when they are read.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from training.needs import teachers_file

EMBEDDING: Final = 384
HIDDEN: Final = 512
AUDIOSET: Final = 527
ESC50: Final = 50


class _Shape(NamedTuple):
    """One inverted residual; `squeezed` 0: without squeeze-excitation."""

    kernel: int
    inputs: int
    wide: int
    outputs: int
    squeezed: int
    swish: bool
    stride: int


# MobileNetV3-Large at width 0.4
_BLOCKS: Final = (
    _Shape(3, 8, 8, 8, 0, False, 1),
    _Shape(3, 8, 24, 16, 0, False, 2),
    _Shape(3, 16, 32, 16, 0, False, 1),
    _Shape(5, 16, 32, 16, 8, False, 2),
    _Shape(5, 16, 48, 16, 16, False, 1),
    _Shape(5, 16, 48, 16, 16, False, 1),
    _Shape(3, 16, 96, 32, 0, True, 2),
    _Shape(3, 32, 80, 32, 0, True, 1),
    _Shape(3, 32, 72, 32, 0, True, 1),
    _Shape(3, 32, 72, 32, 0, True, 1),
    _Shape(3, 32, 192, 48, 48, True, 1),
    _Shape(3, 48, 272, 48, 72, True, 1),
    _Shape(5, 48, 272, 64, 72, True, 2),
    _Shape(5, 64, 384, 64, 96, True, 1),
    _Shape(5, 64, 384, 64, 96, True, 1),
)


def _pool(x: Tensor) -> Tensor:
    """Take the mean over time and frequency: [n, c, t, f] to [n, c].

    The two axes are kept until it is taken: the interpreter then needs no transpose before it.
    """
    return x.mean((2, 3), keepdim=True).flatten(1)


class _Squeeze(nn.Module):
    """Squeeze-excitation over channels (Hu et al. 2018, arXiv 1709.01507)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, squeezed)
        self.fc2 = nn.Linear(squeezed, channels)

    def forward(self, x: Tensor) -> Tensor:
        scale = torch.sigmoid(self.fc2(torch.relu(self.fc1(_pool(x)))))
        return x * scale[:, :, None, None]


class _Squeezes(nn.Module):
    """The teacher's list of squeezes; in this one it holds the one over channels only."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.conc_se_layers = nn.ModuleList([_Squeeze(channels, squeezed)])

    def forward(self, x: Tensor) -> Tensor:
        scaled: Tensor = self.conc_se_layers[0](x)
        return scaled


def _conv(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1, act: type[nn.Module] | None = None
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
        *([act()] if act else []),
    )


class _Block(nn.Module):
    """An inverted residual."""

    def __init__(self, shape: _Shape) -> None:
        super().__init__()
        act = nn.Hardswish if shape.swish else nn.ReLU
        wide = shape.wide
        layers: list[nn.Module] = [_conv(shape.inputs, wide, 1, act=act)] if wide != shape.inputs else []
        layers.append(_conv(wide, wide, shape.kernel, stride=shape.stride, groups=wide, act=act))
        if shape.squeezed:
            layers.append(_Squeezes(wide, shape.squeezed))
        layers.append(_conv(wide, shape.outputs, 1))
        self.block = nn.Sequential(*layers)
        self.residual = shape.stride == 1 and shape.inputs == shape.outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.block(x)
        return x + y if self.residual else y


class Tagger(nn.Module):
    """The teacher: log-mel float32 [n, t, 128] to logits [n, 527]."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _conv(1, 8, 3, stride=2, act=nn.Hardswish),
            *(_Block(shape) for shape in _BLOCKS),
            _conv(64, EMBEDDING, 1, act=nn.Hardswish),
        )
        self.hidden = nn.Linear(EMBEDDING, HIDDEN)
        self.audioset = nn.Linear(HIDDEN, AUDIOSET)

    def embed(self, mel: Tensor) -> Tensor:
        """Pool the last features over time and frequency: [n, t, 128] to [n, 384]."""
        return _pool(self.features(mel[:, None]))

    def hide(self, embedding: Tensor) -> Tensor:
        """Give the layer before the classifier: [n, 384] to [n, 512]."""
        return nn.functional.hardswish(self.hidden(embedding))

    def forward(self, mel: Tensor) -> Tensor:
        """Give the logits."""
        logits: Tensor = self.audioset(self.hide(self.embed(mel)))
        return logits


def load_teacher(path: Path) -> Tagger:
    """Read `mn04_as_mAP_432.pt`, a plain state dict.

    Raises UserError where it is missing, RuntimeError where keys or shapes differ.
    """
    names = {"classifier.2": "hidden", "classifier.5": "audioset"}
    renamed = {}
    for key, value in torch.load(teachers_file(path), map_location="cpu", weights_only=True).items():
        stem = ".".join(key.split(".")[:2])
        image = value.dim() == 4 and value.shape[-1] > 1
        renamed[key.replace(stem, names.get(stem, stem))] = value.transpose(2, 3) if image else value
    tagger = Tagger()
    tagger.load_state_dict(renamed)
    return tagger.eval()


class SceneNet(nn.Module):
    """What ships: log-mel [n, t, 128] to logits of ESC-50's classes [n, 50] (a softmax) and of AudioSet's labels.

    AudioSet's [n, 527] (a sigmoid each) are the teacher's own; `keep` leaves the chosen ones.
    ESC-50's come from the embedding and from the layer behind it.
    """

    def __init__(self, tagger: Tagger) -> None:
        super().__init__()
        self.features = tagger.features
        self.hidden = tagger.hidden
        self.audioset = tagger.audioset
        self.esc50 = nn.Linear(EMBEDDING, ESC50)
        self.esc50_hidden = nn.Linear(HIDDEN, ESC50, bias=False)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Give both logits."""
        embedding = _pool(self.features(mel[:, None]))
        hidden = nn.functional.hardswish(self.hidden(embedding))
        return self.esc50(embedding) + self.esc50_hidden(hidden), self.audioset(hidden)

    def keep(self, chosen: Sequence[int]) -> None:
        """Leave only these AudioSet labels, in this order."""
        rows = nn.Linear(HIDDEN, len(chosen))
        with torch.no_grad():
            rows.weight.copy_(self.audioset.weight[list(chosen)])
            rows.bias.copy_(self.audioset.bias[list(chosen)])
        self.audioset = rows
