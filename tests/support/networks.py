"""Networks of chance weights, saved as the pretrained ones are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

SIDE = 32
VISION = {"image_size": SIDE, "patch_size": 8}
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
LONGEST = 12  # tokens
WORDS = ["<unk>", "<s>", "</s>", "a", "photo", "of", "the", "red", "dog", "ball", "snow", "ọmọ", "水", "picture"]

transformers.logging.disable_progress_bar()


def vit(folder: Path, **changes: Any) -> Path:
    """A vision transformer with its image processor; as a classifier, without a pooler, if it has `num_labels`."""
    torch.manual_seed(0)
    config = transformers.ViTConfig(**{**SIZES, **VISION, **changes})
    kind = transformers.ViTForImageClassification if "num_labels" in changes else transformers.ViTModel
    return saved(kind(config), folder)


def resnet(folder: Path) -> Path:
    """A residual network, whose pooled output still has a height and a width."""
    torch.manual_seed(0)
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 12], depths=[1, 1], layer_type="basic")
    return saved(transformers.ResNetModel(config), folder)


def convnext(folder: Path) -> Path:
    """A convolutional network of another kind."""
    torch.manual_seed(0)
    config = transformers.ConvNextConfig(hidden_sizes=[8, 12], depths=[1, 1], num_stages=2)
    return saved(transformers.ConvNextModel(config), folder)


def swin(folder: Path) -> Path:
    """A transformer without a class token, which joins its patches of 4 pixels, two by two, once."""
    torch.manual_seed(0)
    config = transformers.SwinConfig(
        image_size=SIDE, patch_size=4, window_size=4, embed_dim=8, depths=[1, 1], num_heads=[2, 2]
    )
    return saved(transformers.SwinModel(config), folder)


def dinov2(folder: Path) -> Path:
    """A vision transformer with a class token and four registers."""
    torch.manual_seed(0)
    config = transformers.Dinov2WithRegistersConfig(**SIZES, **VISION, num_register_tokens=4)
    return saved(transformers.Dinov2WithRegistersModel(config), folder)


def vit_mae(folder: Path) -> Path:
    """A network that looks at a quarter of the patches, drawn anew each time."""
    torch.manual_seed(0)
    config = transformers.ViTMAEConfig(**SIZES, **VISION)
    return saved(transformers.ViTMAEModel(config), folder)


def clip(folder: Path) -> Path:
    """A CLIP with a tokenizer of a few words."""
    torch.manual_seed(0)
    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    text = {**SIZES, **ends, "vocab_size": len(WORDS), "max_position_embeddings": LONGEST}
    config = transformers.CLIPConfig(text_config=text, vision_config={**SIZES, **VISION}, projection_dim=20)
    tokenizer(folder)
    return saved(transformers.CLIPModel(config), folder)


def siglip(folder: Path) -> Path:
    """A SigLIP with the same tokenizer."""
    torch.manual_seed(1)
    text = {**SIZES, "vocab_size": len(WORDS), "max_position_embeddings": LONGEST}
    config = transformers.SiglipConfig(text_config=text, vision_config={**SIZES, **VISION})
    network = transformers.SiglipModel(config)
    network.logit_scale.data.fill_(2.0)
    network.logit_bias.data.fill_(-3.0)
    tokenizer(folder)
    return saved(network, folder)


def saved(network: Any, folder: Path) -> Path:
    """Save a network with an image processor of unusual numbers."""
    network.save_pretrained(folder)
    processor = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": SIDE, "width": SIDE},
        "resample": 2,
        "image_mean": [0.4, 0.5, 0.6],
        "image_std": [0.2, 0.3, 0.5],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


def tokenizer(folder: Path) -> None:
    """Save a tokenizer that knows a few words, in three scripts."""
    words = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    special = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>"}
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=words, model_max_length=LONGEST, **special)
    fast.save_pretrained(folder)


CONVOLUTIONS = {"conv_kernel": [10, 3, 3, 3, 3, 2, 2], "conv_stride": [5, 2, 2, 2, 2, 2, 2], "conv_dim": [8] * 7}
SPEECH = {**SIZES, **CONVOLUTIONS, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}
SPEECH_KINDS = {
    "wav2vec2": (transformers.Wav2Vec2Config, transformers.Wav2Vec2Model),
    "hubert": (transformers.HubertConfig, transformers.HubertModel),
    "wavlm": (transformers.WavLMConfig, transformers.WavLMModel),
}


def speech(folder: Path, kind: str = "wav2vec2", normalise: bool = True, seed: int = 0, **changes: Any) -> Path:
    """A speech network of one of the kinds above, with the convolutions of the published ones and two layers."""
    torch.manual_seed(seed)
    describe, build = SPEECH_KINDS[kind]
    build(describe(**{**SPEECH, **changes})).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=normalise).save_pretrained(folder)
    return folder
