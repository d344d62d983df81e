"""Commands that prepare data: import a corpus, train a tagger, tag a corpus."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer
from typer.core import TyperGroup

from earmark.cli.options import CorpusFolder, given, keywords_of
from earmark.core.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.core.corpus import Corpus, Utterance
    from earmark.core.vocabulary import Vocabulary
    from earmark.supervision.targets import Targets


logger = logging.getLogger(__name__)

DEFAULT_BACKBONE = "lite2"
FROM_SCRATCH = ("none", "cnn")

verbs = typer.Typer()
taggers = typer.Typer(help="Train a tagger on captioned pictures.", no_args_is_help=True)
verbs.add_typer(taggers, name="tagger")


@taggers.command("train")
def tagger_train(
    pictures: Annotated[
        list[Path],
        typer.Argument(help="CSV (image, caption); MSCOCO's captions; Flickr's tokens; folder of stories."),
    ],
    out: Annotated[Path, typer.Option(help="New folder for the tagger.")],
    images: Annotated[list[Path] | None, typer.Option(help="Folder of the pictures, if not the file's own.")] = None,
    exclude: Annotated[list[Path] | None, typer.Option(help="List of pictures to leave out, one a line.")] = None,
    keywords: Annotated[Path | None, typer.Option(help="Keyword list, one a line; else the commonest words.")] = None,
    top_words: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How many of the commonest words (100; 1000 on VGG-16 and the like); with --keywords, these first.",
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="Build on a pretrained network: lite2 (the default where it is installed), lite0, vgg16:FILE, a "
            "FOLDER of transformers', or hub:NAME; none for a small network trained from scratch."
        ),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder for vectors of the pretrained network, if not in OUT.")
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(min=32, max=512, help="From scratch, from squares of this many pixels (96).")
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Passes over the pictures (from scratch 12, else at most 75)."),
    ] = None,
    mirror: Annotated[
        bool | None,
        typer.Option("--mirror/--no-mirror", help="From scratch, from mirrored pictures too or not (writing)."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
) -> None:
    """Train a tagger on captioned pictures. It never hears speech."""
    from earmark.core.vocabulary import read_keywords
    from earmark.features.efficientnet_lite import VARIANTS
    from earmark.supervision.captions import commonest_words, read_exclusions, read_pictures, with_commonest

    of_pixels = image_size is not None or mirror is not None
    if of_pixels and backbone not in (None, *FROM_SCRATCH):
        raise EarmarkError(
            "With --backbone, pictures are prepared as the backbone wants it: leave --image-size and --mirror out."
        )
    is_default = backbone is None and not of_pixels
    backbone = _default_backbone() if is_default else None if backbone in FROM_SCRATCH else backbone
    if backbone in VARIANTS and epochs is not None:
        raise EarmarkError(f"On {backbone}, a tagger is fitted at once: leave --epochs out, or give --backbone none.")
    if backbone is None and cache is not None:
        raise EarmarkError("A network from scratch has no vectors to keep in a cache: leave --cache out.")
    excluded = read_exclusions(exclude or ())
    known = [picture for path in pictures for picture in read_pictures(path, images or (), excluded)]
    if is_default:
        _report_default(backbone)
    listed = read_keywords(keywords) if keywords else None
    if listed is None or top_words is not None:
        count = top_words or (100 if backbone is None or backbone in VARIANTS else 1000)
        commonest = commonest_words(known, count)
        words = commonest if listed is None else with_commonest(listed, commonest, count)
    else:
        words = listed
    if backbone is None:
        from earmark.supervision.cnn_tagger import CnnTaggerSettings
        from earmark.training.taggers import train_cnn_tagger

        settings = CnnTaggerSettings(seed=seed, **given(side=image_size, epochs=epochs, mirror=mirror))
        train_cnn_tagger(known, words, settings, out)
    else:
        from earmark.features.image_encoder import read_backbone
        from earmark.supervision.linear_tagger import LinearTaggerSettings
        from earmark.supervision.mlp_tagger import MlpTaggerSettings
        from earmark.training.taggers import train_linear_tagger, train_mlp_tagger

        network = read_backbone(backbone, download=True)
        made = {"backbone": network.spec, "backbone_sha256": network.sha256}
        if backbone in VARIANTS:
            train_linear_tagger(known, words, network, LinearTaggerSettings(**made), out, cache)
        else:
            on_network = MlpTaggerSettings(**made, seed=seed, **given(epochs=epochs))
            train_mlp_tagger(known, words, network, on_network, out, cache)
    print(f"The tagger for {len(words)} keywords is in {out}.")


def _default_backbone() -> str | None:
    """The network in an installed package; None where it is not installed, for a network from scratch."""
    from earmark.features.efficientnet_lite import VARIANTS

    return DEFAULT_BACKBONE if VARIANTS[DEFAULT_BACKBONE].file.installed() is not None else None


def _report_default(backbone: str | None) -> None:
    """Log which network the tagger has without a choice, and why."""
    from earmark.features.efficientnet_lite import VARIANTS

    package = VARIANTS[DEFAULT_BACKBONE].file.distribution
    if backbone is None:
        logger.warning(
            "The tagger is trained from scratch, as the package %s, whose network tags better, is not installed: "
            "pip install 'earmark[features]' installs it.",
            package,
        )
    else:
        logger.info(
            "The tagger is built on %s, as the package %s is installed: --backbone none trains one from scratch.",
            backbone,
            package,
        )


@verbs.command()
def tag(
    corpus: CorpusFolder,
    tagger: Annotated[Path | None, typer.Option(help="A folder that 'earmark tagger train' made.")] = None,
    clip: Annotated[
        str | None, typer.Option(help="A pretrained network that compares pictures with texts: a FOLDER, or hub:NAME.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A file in the published tag format.")] = None,
    table: Annotated[
        Path | None,
        typer.Option(help="CSV (image, tags) of pictures tagged by hand; alone, or over the tags of another source."),
    ] = None,
    bow: Annotated[bool, typer.Option("--bow", help="Bags of words from the texts: the idealised bound.")] = False,
    translation: Annotated[bool, typer.Option("--translation", help="Words of the translations.")] = False,
    keywords: Annotated[
        Path | None, typer.Option(help="With --clip, --table, --bow, --translation: if not the corpus's own.")
    ] = None,
    top_words: Annotated[
        int | None,
        typer.Option(
            min=1, help="With --bow, --translation: so many of the commonest words; with --keywords, these first."
        ),
    ] = None,
    prompt: Annotated[list[str] | None, typer.Option(help="With --clip: text with {} for the keyword.")] = None,
) -> None:
    """Make the tags that a model learns from: 'vgs' from pictures or a file, 'bow' and 'translation' from texts."""
    from earmark.core.corpus import read_corpus
    from earmark.supervision.tagging import commonest_in_transcripts, tags_from_tagger, tags_from_transcripts
    from earmark.supervision.targets import tags_from_file, targets_path, write_targets

    sources = sum(source is not None for source in (tagger, clip, file)) + bow + translation
    if sources > 1 or (sources == 0 and table is None):
        raise EarmarkError(
            "Say where the tags come from: one of --tagger, --clip, --file, --bow or --translation, or --table alone "
            "or with one of the first three."
        )
    if table is not None and (bow or translation):
        raise EarmarkError(
            "Tags of pictures do not mix with those of texts: leave --table out, or --bow, --translation."
        )
    if prompt and clip is None:
        raise EarmarkError("Prompts are for --clip alone: leave --prompt out.")
    if keywords is not None and (tagger or file):
        raise EarmarkError("A tagger and a tag file have keywords of their own: leave --keywords out.")
    if top_words is not None and not (translation or bow):
        raise EarmarkError("--top-words is for --bow and --translation: leave it out.")
    known = read_corpus(corpus)
    utterances = [utterance for split in known.splits() for utterance in known.utterances(split)]
    targets: Targets | None
    if tagger is not None:
        targets = tags_from_tagger(tagger, utterances)
    elif clip is not None:
        targets = _compared(clip, keywords_of(known, keywords), prompt or (), known, utterances)
    elif file is not None:
        targets = tags_from_file(file, utterances)
    elif translation:
        targets = _of_translations(known, utterances, keywords, top_words)
    elif bow:
        commonest = commonest_in_transcripts(utterances, top_words) if top_words else None
        targets = tags_from_transcripts(known, utterances, _words(known, keywords, commonest, top_words))
    else:
        targets = None
    if table is not None:
        targets = _by_hand(table, targets, known, utterances, keywords)
    assert targets is not None
    name = "bow" if bow else "translation" if translation else "vgs"
    path = targets_path(known, name)
    write_targets(path, targets)
    print(f"Tagged {len(targets.rows)} utterances with {len(targets.vocabulary)} keywords in {path}.")
    if name != "vgs":
        print(f"To learn from them, train with --set supervision={name}.")


def _compared(
    network: str, keywords: Vocabulary, prompts: Sequence[str], corpus: Corpus, utterances: Sequence[Utterance]
) -> Targets:
    """Tags of a network that compares pictures with prompts."""
    from earmark.supervision.clip_tagger import read_zero_shot
    from earmark.supervision.taggers import tag as tags_of

    return tags_of(read_zero_shot(network, keywords, prompts, corpus.folder / "features" / "pictures"), utterances)


def _of_translations(
    corpus: Corpus, utterances: Sequence[Utterance], keywords: Path | None, top_words: int | None
) -> Targets:
    """Tags from translations; their commonest words are the keywords if `top_words` says how many."""
    from earmark.supervision.translations import commonest_in_translations, tags_from_translations

    commonest = commonest_in_translations(utterances, top_words) if top_words else None
    return tags_from_translations(utterances, _words(corpus, keywords, commonest, top_words))


def _words(corpus: Corpus, keywords: Path | None, commonest: Vocabulary | None, count: int | None) -> Vocabulary:
    """The listed keywords, so many of the commonest words, or both."""
    from earmark.supervision.captions import with_commonest

    if commonest is None or count is None:
        return keywords_of(corpus, keywords)
    return commonest if keywords is None else with_commonest(keywords_of(corpus, keywords), commonest, count)


def _by_hand(
    table: Path,
    targets: Targets | None,
    corpus: Corpus,
    utterances: Sequence[Utterance],
    keywords: Path | None,
) -> Targets:
    """Tags of a table, over those of another source if there are any."""
    from earmark.supervision.hand_tags import add_hand_tags, read_hand_tags, tags_by_hand

    tags = read_hand_tags(table)
    if targets is not None:
        return add_hand_tags(targets, tags, utterances)
    listed = keywords is not None or corpus.keywords
    return tags_by_hand(tags, utterances, keywords_of(corpus, keywords) if listed else None)


KeywordMapOption = Annotated[
    Path | None,
    typer.Option(help="CSV (keyword, word): the words that are spoken for keywords of another language."),
]
WordsShiftOption = Annotated[
    float, typer.Option(help="Seconds to add to all word times, where they are early against the sound.")
]
SPLIT_USES = {  # what an empty split prevents
    "train": "no model can be trained on this corpus",
    "dev": "training can't choose its best epoch, so it does not begin",
    "test": "'earmark evaluate' needs --split dev",
}


class _Corpora(TyperGroup):
    """The importers found in ``earmark/corpora``, as commands; each is imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        from earmark import corpora

        return [name.replace("_", "-") for name in corpora.names()]

    def get_command(self, ctx: Any, name: str) -> Any:
        from earmark import corpora

        module_name = name.replace("-", "_")
        if module_name not in corpora.names():
            return None
        module = corpora.importer(module_name)
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(name, help=(module.__doc__ or "").split("\n\n")[0])(_importing(module.prepare))
        return typer.main.get_command(single)


def _importing(prepare: Callable[..., Corpus]) -> Callable[..., None]:
    @functools.wraps(prepare)
    def verb(*args: Any, keyword_map: Path | None = None, words_shift: float = 0.0, **options: Any) -> None:
        from earmark.core.corpus import write_keyword_map
        from earmark.core.keyword_map import read_keyword_map
        from earmark.corpora._word_times import check_word_times, shift_words

        mapped = read_keyword_map(keyword_map) if keyword_map else None
        corpus = prepare(*args, **options)
        corpus = write_keyword_map(corpus, mapped) if mapped else corpus
        corpus = shift_words(corpus, words_shift) if words_shift else corpus
        check_word_times(corpus)
        for split, use in SPLIT_USES.items():
            utterances = corpus.utterances(split) if split in corpus.splits() else []
            minutes = sum(utterance.duration_s for utterance in utterances) / 60
            missing = "" if utterances else f"  (without them, {use})"
            print(f"{split:>6}  {len(utterances):6} utterances  {minutes:8.1f} minutes{missing}")
        print(f"The corpus is in {corpus.folder}.")

    signature = inspect.signature(prepare, eval_str=True)
    own = [_described(parameter) for parameter in signature.parameters.values()]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, default, annotation in (
            ("keyword_map", None, KeywordMapOption),
            ("words_shift", 0.0, WordsShiftOption),
        )
    ]
    verb.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]  # what Typer reads
    return verb


def _described(parameter: inspect.Parameter) -> inspect.Parameter:
    """A parameter of an importer, ``Annotated[TYPE, "help text"]``, as Typer reads it."""
    annotated = get_args(parameter.annotation)
    if len(annotated) != 2 or not isinstance(annotated[1], str):
        return parameter  # without a help text
    kind, help_text = annotated
    describe = typer.Option if parameter.kind is parameter.KEYWORD_ONLY else typer.Argument
    return parameter.replace(annotation=Annotated[kind, describe(help=help_text)])


verbs.add_typer(typer.Typer(cls=_Corpora, help="Prepare a corpus.", no_args_is_help=True), name="corpus")
