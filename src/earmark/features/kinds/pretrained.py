"""Hidden states of a frozen, pretrained speech network of `transformers`: wav2vec 2.0, HuBERT, WavLM and their like.

Such a network maps the waveform through a stack of convolutions (a frame every 20 ms, as a rule) and layers of a
transformer, in which every frame depends on all others (Baevski et al. 2020; Hsu et al. 2021; Chen et al. 2022). The
features are the output of one of the layers, each dimension with mean 0 and variance 1 over the utterance. Unless the
settings name a layer it is the middle one: the layers in the middle tell words apart best, while the last serves what
the network was trained for (San et al. 2021: of 24 layers the 11th or 12th on each of ten corpora). Licence and
training data are those of the network that the user names.
"""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from earmark.core import hub
from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_GRID, SAMPLE_RATE, layer_frames
from earmark.features.base import FeatureExtractor
from earmark.media.audio import Waveform
from earmark.recipe import FeatureSettings

PREPARATIONS = ("preprocessor_config.json", "processor_config.json")
ALIKE = "such as wav2vec 2.0, HuBERT or WavLM"


class Settings(FeatureSettings):
    """Hidden states of a pretrained network."""

    kind: Literal["pretrained"] = "pretrained"
    network: str = Field(min_length=1, description="a folder, or hub:NAME for one that may be downloaded")
    layer: int | None = Field(None, ge=0, description="0: what enters the first layer; none: the middle one's output")
    sha256: str | None = Field(None, description="of the network; training writes it down, to know it again")


class PretrainedSpeech(FeatureExtractor):
    """Waveform to normalised hidden states. The network's weights are read when the first waveform comes.

    Parameters
    ----------
    settings : Settings

    Attributes
    ----------
    dimension : int
        Numbers a frame.
    grid : FrameGrid
        Where the frames lie in the waveform: at the centre of the convolutions' receptive field.

    Raises
    ------
    EarmarkError
        If the network is missing, damaged, another one than the settings say, no speech network, or lacks the layer.
    """

    context = "global"

    def __init__(self, settings: Settings) -> None:
        self._folder = _found(settings, download=False).folder
        config = hub.load("AutoConfig", self._folder)
        self._convolutions = _convolutions(config, self._folder)
        self._prepare = _preparation(self._folder)
        self.dimension: int = config.hidden_size
        self.grid = reduce(lambda grid, layer: grid.then(*layer), self._convolutions, SAMPLE_GRID)
        self._layer = _hidden_layer(settings.layer, config.num_hidden_layers, self._folder)
        self._loading = Lock()
        self._network: Any = None

    @torch.no_grad()
    def raw(self, waveform: Waveform) -> Tensor:
        """The layer's output for one utterance.

        Parameters
        ----------
        waveform : numpy.ndarray, shape = (samples,)
            Mono, 16 kHz. What is too short for a single frame gets silence behind it.

        Returns
        -------
        torch.Tensor, shape = (T, dimension), on the CPU

        Raises
        ------
        EarmarkError
            If the weights are damaged, or the network is not of the kind that its description says.
        """
        network = self._loaded()
        try:
            samples = self._prepare(waveform, sampling_rate=SAMPLE_RATE, return_tensors="pt")["input_values"][0]
            samples = nn.functional.pad(samples, (0, max(0, self.grid.field - len(samples))))
            output = network(samples[None].to(network.device), output_hidden_states=True)
            states: Tensor = output.last_hidden_state if self._layer is None else output.hidden_states[self._layer]
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise EarmarkError(
                f"The network in {self._folder} gives no hidden states for a waveform ({error}): "
                f"choose a speech network {ALIKE}."
            ) from error
        self._check(states[0], len(samples))
        return states[0].cpu()

    def _check(self, states: Tensor, samples: int) -> None:
        """Refuse hidden states that are not one for each frame of the convolutions, or no numbers."""
        if len(states) != reduce(lambda frames, layer: int(layer_frames(frames, *layer)), self._convolutions, samples):
            raise EarmarkError(
                f"The hidden states of the network in {self._folder} are not a frame each of its convolutions, so "
                f"nobody knows when they are: choose a lower features.layer, or a speech network {ALIKE}."
            )
        if not states.isfinite().all():
            raise EarmarkError(
                f"The network in {self._folder} gives hidden states that are not numbers: choose an undamaged one."
            )

    def _loaded(self) -> Any:
        """The network, loaded once, even from several threads."""
        with self._loading:
            if self._network is None:
                # What stands in for masked frames in a network's own training is never used here.
                self._network, _ = hub.load_frozen(self._folder, spare="masked_spec_embed")
                if self._layer is not None:
                    _cut_above(self._network, self._layer)
            return self._network


def build(settings: Settings) -> PretrainedSpeech:
    """The extractor that the settings describe."""
    return PretrainedSpeech(settings)


def resolve(settings: Settings, download: bool = False) -> Settings:
    """As :func:`earmark.features.resolve`."""
    found = _found(settings, download)
    layer = settings.layer
    if layer is None:
        layer = _middle(getattr(hub.load("AutoConfig", found.folder), "num_hidden_layers", 0))
    return settings.model_copy(update={"network": found.spec, "sha256": found.sha256, "layer": layer})


def _found(settings: Settings, download: bool) -> hub.PretrainedNetwork:
    """The very network that the settings name."""
    otherwise = (
        f"The speech network {settings.network} is not the one that features.sha256 names: put the old files "
        "back, or train anew with this one."
    )
    return hub.find_same(settings.network, settings.sha256, otherwise, download)


def _preparation(folder: Path) -> Any:
    """The network's own preprocessing of waveforms: nothing, or mean 0 and variance 1."""
    if not any((folder / name).is_file() for name in PREPARATIONS):
        raise EarmarkError(
            f"The network in {folder} does not say how to prepare a waveform: put its {PREPARATIONS[0]} there."
        )
    prepare = hub.load("AutoFeatureExtractor", folder)
    if prepare.sampling_rate != SAMPLE_RATE:
        raise EarmarkError(
            f"The network in {folder} is for {prepare.sampling_rate} samples a second: choose one for {SAMPLE_RATE}."
        )
    return prepare


def _convolutions(config: Any, folder: Path) -> list[tuple[int, int]]:
    """Kernel and stride of each of the convolutions over the waveform."""
    kernels: Any = getattr(config, "conv_kernel", None)
    strides: Any = getattr(config, "conv_stride", None)
    are_known = isinstance(kernels, list | tuple) and isinstance(strides, list | tuple) and len(kernels) == len(strides)
    if not are_known or config.is_encoder_decoder:
        raise EarmarkError(f"The network in {folder} is no encoder of waveforms: choose a speech network {ALIKE}.")
    return list(zip(kernels, strides, strict=True))


def _middle(layers: int) -> int:
    """The hidden state that is used where the settings name none."""
    return (layers + 1) // 2


def _hidden_layer(layer: int | None, layers: int, folder: Path) -> int | None:
    """The index of the hidden state; None for the network's last, which some networks normalise once more."""
    if layer is None:
        layer = _middle(layers)
    if layer > layers:
        raise EarmarkError(
            f"The network in {folder} has no layer {layer}: the key 'features.layer' can be 0 to {layers}."
        )
    return None if layer == layers else layer


def _cut_above(network: Any, layer: int) -> None:
    """Drop the layers above the one that is used, on which its hidden state does not depend."""
    # One more stays, so that the state is not the last one, which some networks normalise once more.
    layers = getattr(getattr(network, "encoder", None), "layers", None)
    if isinstance(layers, nn.ModuleList):
        del layers[layer + 1 :]
