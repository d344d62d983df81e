"""The command line: one verb a function. Heavy imports are inside the verb, so that help comes at once."""

from __future__ import annotations

import errno
import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.corpus import Corpus
    from earmark.hits import Hit

# Written out, so that help comes without what reads recipes.
RECIPES = (
    "earmark, earmark-pictures, nortje2022/attention, nortje2022/contrastive-davenet, nortje2022/davenet, "
    "nortje2022/highest, nortje2022/small-attention, nortje2022/small-contrastive-davenet, "
    "nortje2022/small-davenet, nortje2022/small-highest, olaleye2022/cnn-attend, olaleye2022/cnn-pool, "
    "olaleye2022/cnn-pool-attend, olaleye2022/psc"
)
STOPPED = 130  # what a shell expects of a program that Ctrl-C ended
FULL = "The disk is full{}: make room and run the same command again; what was finished is kept."
FORBIDDEN = "Writing or reading is not allowed{}: choose another folder, or mend its permissions."
IN_THE_WAY = "A file stands where a folder is needed, or a folder where a file is{}: choose another name."
DISK_PROBLEMS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), FULL),
    **dict.fromkeys((errno.EACCES, errno.EROFS, errno.EPERM), FORBIDDEN),
    **dict.fromkeys((errno.EEXIST, errno.ENOTDIR, errno.EISDIR), IN_THE_WAY),
}


SPLIT_USES = {  # what an empty split prevents
    "train": "no model can be trained on this corpus",
    "dev": "training can't choose its best epoch, so it does not begin",
    "test": "'earmark evaluate' needs --split dev",
}


class _Verbs(TyperGroup):
    """All verbs. Typer would end a Ctrl-C without a word."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            again = " with --resume" if ctx.invoked_subcommand == "train" else ""
            _fail(f"Stopped. Whole steps are kept: run the same command again{again}.", STOPPED)


app = typer.Typer(
    cls=_Verbs,
    help="Find where a word is spoken in recordings that nobody has transcribed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command line; every problem that the user can mend is one sentence on standard error."""
    # Threads that wait for one another spin for a moment only: beside another busy program, they would take the time
    # that the awaited one needs (benchmarks/spinning.py). OpenMP reads this when torch is first imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    try:
        app()
    except EarmarkError as error:
        _fail(str(error))
    except OSError as error:
        sentence = DISK_PROBLEMS.get(error.errno or 0)
        if sentence is None:
            raise
        _fail(sentence.format(f" ({error.filename})" if error.filename else ""))


def _fail(sentence: str, status: int = 1) -> None:
    print(f"earmark: {sentence}", file=sys.stderr)
    sys.exit(status)


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
    def verb(*args: Any, **options: Any) -> None:
        corpus = prepare(*args, **options)
        for split, use in SPLIT_USES.items():
            utterances = corpus.utterances(split) if split in corpus.splits() else []
            minutes = sum(utterance.duration_s for utterance in utterances) / 60
            without = "" if utterances else f"  (without them, {use})"
            print(f"{split:>6}  {len(utterances):6} utterances  {minutes:8.1f} minutes{without}")
        print(f"The corpus is in {corpus.folder}.")

    return verb


app.add_typer(typer.Typer(cls=_Corpora, help="Prepare a corpus.", no_args_is_help=True), name="corpus")
tagger = typer.Typer(help="Train a tagger on captioned pictures.", no_args_is_help=True)
app.add_typer(tagger, name="tagger")
pretraining = typer.Typer(help="Pretrain a part of a model, on speech alone.", no_args_is_help=True)
app.add_typer(pretraining, name="pretrain")

CorpusFolder = Annotated[Path, typer.Argument(help="A folder that 'earmark corpus' made.")]
CorpusOption = Annotated[Path, typer.Option("--corpus", help="A folder that 'earmark corpus' made.")]
Run = Annotated[Path, typer.Argument(help="A folder that 'earmark train' made.")]


@tagger.command("train")
def tagger_train(
    pictures: Annotated[
        list[Path], typer.Argument(help="CSV with the columns image and caption; MSCOCO's captions; Flickr's tokens.")
    ],
    out: Annotated[Path, typer.Option(help="New folder for the tagger.")],
    images: Annotated[list[Path] | None, typer.Option(help="Folder of the pictures, if not the file's own.")] = None,
    without: Annotated[list[Path] | None, typer.Option(help="List of pictures to leave out, one a line.")] = None,
    keywords: Annotated[Path | None, typer.Option(help="Keyword list, one a line; else the commonest words.")] = None,
    commonest: Annotated[
        int | None, typer.Option(min=1, help="How many of the commonest words (100; 1000 with --backbone).")
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(help="Build on a pretrained network: vgg16:FILE, a FOLDER of transformers', or hub:NAME."),
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="With --backbone: folder for vectors, if not in OUT.")] = None,
    side: Annotated[
        int | None, typer.Option(min=32, max=512, help="Pictures become squares of this many pixels (96).")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the pictures (12; at most 75 with --backbone).")
    ] = None,
    mirror: Annotated[
        bool | None, typer.Option("--mirror/--no-mirror", help="Learn from mirrored pictures too; not for writing.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Source of chance.")] = 0,
) -> None:
    """Train a tagger on captioned pictures. It never hears speech."""
    from earmark.supervision.captions import commonest_words
    from earmark.supervision.pictures import read_exclusions, read_pictures
    from earmark.vocabulary import read_keywords

    if backbone is not None and (side is not None or mirror is not None):
        raise EarmarkError(
            "With --backbone, pictures are prepared as the backbone wants it: leave --side and --mirror out."
        )
    if backbone is None and cache is not None:
        raise EarmarkError("Without --backbone there is nothing to keep in a cache: leave --cache out.")
    if keywords is not None and commonest is not None:
        raise EarmarkError("With --keywords, the list says which words to learn: leave --commonest out.")
    excluded = read_exclusions(without or ())
    known = [picture for path in pictures for picture in read_pictures(path, images or (), excluded)]
    words = read_keywords(keywords) if keywords else commonest_words(known, commonest or (1000 if backbone else 100))
    if backbone is None:
        from earmark.supervision.small_tagger import SmallTaggerSettings, train_small_tagger

        settings = SmallTaggerSettings(seed=seed, **_given(side=side, epochs=epochs, mirror=mirror))
        train_small_tagger(known, words, settings, out)
    else:
        from earmark.supervision.backbones import read_backbone
        from earmark.supervision.mlp_tagger import MlpTaggerSettings, train_mlp_tagger

        network = read_backbone(backbone, download=True)
        made = {"backbone": network.spec, "backbone_sha256": network.sha256, "seed": seed}
        train_mlp_tagger(known, words, network, MlpTaggerSettings(**made, **_given(epochs=epochs)), out, cache)
    print(f"The tagger for {len(words)} keywords is in {out}.")


def _given(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


@app.command()
def tag(
    corpus: CorpusFolder,
    tagger: Annotated[Path | None, typer.Option(help="A folder that 'earmark tagger train' made.")] = None,
    clip: Annotated[
        str | None, typer.Option(help="A pretrained network that compares pictures with texts: a FOLDER, or hub:NAME.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A file in the published tag format.")] = None,
    bow: Annotated[bool, typer.Option("--bow", help="Bags of words from the texts: the idealised bound.")] = False,
    keywords: Annotated[Path | None, typer.Option(help="With --clip, --bow: if not the corpus's own.")] = None,
    prompt: Annotated[list[str] | None, typer.Option(help="With --clip: text with {} for the keyword.")] = None,
) -> None:
    """Make the tags that a model learns from: 'vgs' from pictures or a file, 'bow' from the texts."""
    from earmark.corpus import read_corpus
    from earmark.supervision.targets import targets_path, write_targets

    if sum(source is not None for source in (tagger, clip, file)) + bow != 1:
        raise EarmarkError("Say where the tags come from: one of --tagger, --clip, --file or --bow.")
    if prompt and clip is None:
        raise EarmarkError("Prompts are for --clip alone: leave --prompt out.")
    if keywords is not None and not (clip or bow):
        raise EarmarkError("A tagger and a tag file have keywords of their own: leave --keywords out.")
    known = read_corpus(corpus)
    utterances = [utterance for split in known.splits() for utterance in known.utterances(split)]
    if tagger is not None:
        from earmark.supervision.tagger import read_tagger
        from earmark.supervision.tagger import tag as tags_of

        targets = tags_of(read_tagger(tagger), utterances)
    elif clip is not None:
        from earmark.supervision.tagger import tag as tags_of
        from earmark.supervision.zero_shot import read_zero_shot

        cache = known.folder / "features" / "pictures"
        targets = tags_of(read_zero_shot(clip, _keywords(known, keywords), prompt or (), cache), utterances)
    elif file is not None:
        from earmark.supervision.tagfile import tags_from_file

        targets = tags_from_file(file, utterances)
    else:
        from earmark.supervision.unsaid import tell_unsaid
        from earmark.supervision.words import bag_of_words

        transcribed = [u for u in utterances if u.text is not None or u.words is not None]
        if not transcribed:
            raise EarmarkError(f"The corpus {corpus} has no texts: without them, tag with --tagger, --clip or --file.")
        targets = bag_of_words(transcribed, _keywords(known, keywords))
        tell_unsaid(targets.vocabulary, targets.matrix(list(targets.rows), targets.vocabulary), "utterance")
    path = targets_path(known, "bow" if bow else "vgs")
    write_targets(path, targets)
    print(f"Tagged {len(targets.rows)} utterances with {len(targets.vocabulary)} keywords in {path}.")


def _keywords(corpus: Corpus, listed: Path | None) -> Any:
    from earmark.vocabulary import Vocabulary, read_keywords

    if listed is not None:
        return read_keywords(listed)
    if not corpus.keywords:
        raise EarmarkError(f"The corpus {corpus.folder} has no keyword list of its own: give one with --keywords.")
    return Vocabulary(corpus.keywords)


@pretraining.command("cpc")
def pretrain_cpc(
    audio: Annotated[
        list[Path],
        typer.Argument(metavar="AUDIO", help="Audio files, folders of them, or corpora: their train split."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the network; what was begun there goes on.")],
    recipe: Annotated[
        str | None, typer.Option(help="Recipe of the model that will start from it, for its features and widths.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over all speech (20).")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=1e-8, help="Of Adam (0.0004).")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Source of chance.")] = 0,
) -> None:
    """Pretrain the acoustic network on untranscribed speech: contrastive predictive coding."""
    from earmark.recipe import CpcPretraining, pretraining_for, read_recipe

    changes = {"seed": seed, **_given(epochs=epochs, learning_rate=learning_rate)}
    settings = pretraining_for(read_recipe(recipe), **changes) if recipe else CpcPretraining(**changes)
    from earmark.train.cpc.pretrain import pretrain

    pretrain(settings, audio, out)
    print(f"The network is in {out}: name that folder as model.speech.start in a recipe.")


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help=f"A recipe file, or one that comes with Earmark: {RECIPES}.")],
    corpus: CorpusOption,
    out: Annotated[Path, typer.Option(help="New folder for the trained model.")],
    keywords: Annotated[Path | None, typer.Option(help="Keyword list, if not the corpus's own.")] = None,
    set: Annotated[list[str] | None, typer.Option(help="Change the recipe: key=value, dots between levels.")] = None,
    start: Annotated[
        Path | None, typer.Option(help="Begin with the networks of this tagger or run, all but their last layers.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
) -> None:
    """Train a model from a corpus's tags."""
    from earmark.corpus import read_corpus
    from earmark.recipe import read_recipe

    checked = read_recipe(recipe, set)
    known = read_corpus(corpus)
    words = _keywords(known, keywords)
    from earmark.train.loop import train as run

    run(checked, known, out, words, resume, start)
    print(f"The model is in {out}.")


@app.command()
def evaluate(
    run: Run,
    corpus: CorpusOption,
    out: Annotated[Path, typer.Option(help="Folder for metrics.json and report.html.")],
    split: Annotated[str, typer.Option(help="train, dev or test.")] = "test",
    localisation: Annotated[str | None, typer.Option(help="Localisation method, if not the recipe's.")] = None,
    queries: Annotated[
        str | None, typer.Option(help="written, image or both; else all that the model can be asked with.")
    ] = None,
    with_own: Annotated[
        bool, typer.Option("--with-own", help="Image queries: ask utterances with their own pictures too.")
    ] = False,
) -> None:
    """Measure a model: detection, oracle, actual and spotting localisation."""
    from earmark.corpus import read_corpus
    from earmark.evaluate.kinds import chosen, evaluate_kinds, kinds_of
    from earmark.evaluate.report import print_table, write_report
    from earmark.evaluate.runner import write_metrics
    from earmark.finder import Finder
    from earmark.models.checkpoint import read_checkpoint

    known = read_corpus(corpus)
    finder = Finder(read_checkpoint(run), localisation)
    kinds = chosen(finder.model, queries)
    out.mkdir(parents=True, exist_ok=True)  # refused now, not after all the work
    located = out / f".{split}-{finder.localisation}.partial.jsonl"
    done = evaluate_kinds(finder, known, split, kinds, located, with_own)
    files = {kind: "metrics.json" if kind == kinds_of(finder.model)[0] else f"metrics-{kind}.json" for kind in kinds}
    for kind, evaluation in done.items():
        write_metrics(evaluation, out / files[kind])
    named = {run.name if len(done) == 1 else f"{run.name}, {kind} queries": done[kind] for kind in kinds}
    write_report(out / "report.html", f"{run.name} on {known.name}, {split}", named)
    located.unlink(missing_ok=True)
    print_table(named)
    numbers = " and ".join(str(out / name) for name in files.values())
    print(f"The results are in {out / 'report.html'}, the numbers in {numbers}.")


@app.command()
def find(
    run: Run,
    asked: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEYWORD|FILE",
            help="The word to find, several with commas between them; then audio files of up to a minute. "
            "With --image, audio files alone.",
            show_default=False,
        ),
    ] = None,
    image: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PICTURE",
            help="Find what this picture shows; given several times, what the pictures have in common.",
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Hits to show for each query.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    page: Annotated[Path | None, typer.Option(help="Write a page with players, too.")] = None,
) -> None:
    """Find where keywords, or what pictures show, may be spoken, the likeliest first."""
    from earmark.finder import load_model
    from earmark.queries import ImageQuery, Query

    words, recordings = ([], asked or []) if image else ((asked or [])[:1], (asked or [])[1:])
    if not (words or image):
        raise EarmarkError("Say what to find: a keyword, or a picture with --image; then give audio files.")
    if not recordings:
        after = f" after the keyword {words[0]!r}" if words else " beside the pictures"
        raise EarmarkError(f"There is no recording to search: give audio files{after}.")
    queries: list[Query] = [word.strip() for listed in words for word in listed.split(",") if word.strip()]
    if image:
        queries.append(ImageQuery.of(*image))
    _refuse_unreadable(image or [], recordings)
    finder = load_model(run)
    candidates = finder.candidates(queries, recordings, top)
    if page is not None:
        _write_found(page, finder, queries, candidates)
    if as_json:
        import json

        print(json.dumps([candidate.hit.to_json() for candidate in candidates], ensure_ascii=False, indent=1))
        return
    _print_hits([candidate.hit for candidate in candidates])
    if page is not None:
        print(f"The page is {page}.")


def _refuse_unreadable(pictures: list[Path], recordings: list[str]) -> None:
    """Tell of all pictures and recordings at once that can't be used, before a model is read."""
    from earmark.audio import audio_info
    from earmark.finder import refuse_long
    from earmark.images import read_image

    def listen(recording: str) -> None:
        refuse_long(recording, audio_info(recording).duration_s)

    checks: list[tuple[Callable[[Any], object], list[Any]]] = [(read_image, pictures), (listen, recordings)]
    problems = []
    for check, paths in checks:
        for path in paths:
            try:
                check(path)
            except EarmarkError as problem:
                problems.append(str(problem))
    if problems:
        raise EarmarkError("\n".join(problems))


def _write_found(page: Path, finder: Any, queries: list[Any], candidates: list[Any]) -> None:
    from earmark.moments import moment, sight
    from earmark.pages.found import write_found
    from earmark.queries import ImageQuery, name_of

    pictured = {query.name: query for query in queries if isinstance(query, ImageQuery)}
    moments = [
        moment(found, sight=sight(finder, pictured[found.hit.query], found) if found.hit.query in pictured else None)
        for found in candidates
    ]
    write_found(page, ", ".join(map(name_of, queries)), moments, [], list(pictured.values()))


def _print_hits(hits: list[Hit]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("query", "score", "start", "end", "recording")
    for hit in hits:
        times = (f"{time_s:.2f} s" for time_s in (hit.start_s, hit.end_s))
        table.add_row(escape(hit.query), f"{hit.score:.3f}", *times, escape(hit.recording))
    Console().print(table)
    print("These are candidates, not facts: listen to them.")


@app.command()
def reproduce(
    paper: Annotated[str, typer.Argument(help="The paper's name: olaleye2022 or nortje2022.")],
    corpus: CorpusOption,
    out: Annotated[Path, typer.Option(help="Folder for runs, cells and report; what is there is not done again.")],
    only: Annotated[list[str] | None, typer.Option(help="A cell, such as cnn-attend/masked-in/vgs; * for any.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of every training, if not its recipe's.")] = None,
    minutes: Annotated[float | None, typer.Option(help="As many whole epochs as fit, for every training.")] = None,
    keywords: Annotated[Path | None, typer.Option(help="Keyword list, if not the corpus's own.")] = None,
    semantic: Annotated[
        Path | None, typer.Option(help="olaleye2022: CSV of semantic labels, for semantic spotting.")
    ] = None,
    recipes: Annotated[
        str | None,
        typer.Option(help="nortje2022: small (the default), or paper for its own networks; downloads a ResNet-50."),
    ] = None,
) -> None:
    """Train and evaluate what a paper did, and report every figure beside the published one."""
    from earmark import reproduce as papers

    chosen = papers.paper(paper)
    options = _given(semantic=semantic, recipes=recipes)
    for name in options:
        if name not in chosen.OPTIONS:
            raise EarmarkError(f"There is no --{name} for {paper}: leave it out.")
    from earmark.corpus import read_corpus
    from earmark.reproduce.budget import Budget

    budget = Budget(epochs, minutes)
    known = read_corpus(corpus)
    chosen.reproduce(known, out, _keywords(known, keywords), only or [], budget, **options)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for all that the demo makes; reused when there.")] = Path("demo"),
    size: Annotated[int, typer.Option(help="Utterances to learn from.")] = 2000,
    seed: Annotated[int, typer.Option(help="Source of chance.")] = 0,
) -> None:
    """See it work: draw and speak a corpus, learn from pictures alone, find words, write a results page."""
    from earmark.demo import demo as show

    show(out, size, seed)


@app.command()
def doctor() -> None:
    """Say what works on this machine, and what to do where something does not."""
    from earmark.doctor import check

    if not check():
        raise typer.Exit(1)
