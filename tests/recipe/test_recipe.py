from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from earmark import localisation
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.features import extractor
from earmark.features.kinds import log_mel, mfcc, pretrained
from earmark.models import build
from earmark.models.image_encoders.pretrained import Settings as PretrainedImage
from earmark.models.image_encoders.small import Settings as SmallImage
from earmark.recipe import (
    Attention,
    Augment,
    ConvLayer,
    ImageQueryModelSettings,
    KeywordModelSettings,
    LogMeanExp,
    Recipe,
    Training,
    list_recipes,
    read_recipe,
    shipped_recipes,
    write_recipe,
)

RECIPES = sorted(path.relative_to(shipped_recipes()).as_posix() for path in shipped_recipes().rglob("*.yaml"))
GOOD: dict[str, Any] = {
    "name": "a recipe",
    "supervision": "bow",
    "localisation": "attention",
    "features": {"kind": "mfcc", "mel_filters": 40},
    "augment": {"time_masks": 1},
    "model": {
        "encoder": [{"channels": 8, "kernel": 9, "stride": 2}, {"channels": 8, "kernel": 3, "residual": True}],
        "pooling": {"kind": "attention"},
        "classifier": [16],
    },
    "training": {"epochs": 3},
}


def good(path: Path) -> Path:
    path.write_text(yaml.safe_dump(GOOD), encoding="utf-8")
    return path


def changed(path: Path, key: str, value: object) -> Path:
    """A recipe with one key set, or with ``...`` taken away; dots between levels, numbers in lists."""
    values = copy.deepcopy(GOOD)
    *parents, last = [int(part) if part.isdigit() else part for part in key.split(".")]
    place: Any = values
    for parent in parents:
        place = place[parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def complaint(path: Path, changes: list[str] | None = None) -> str:
    """The one sentence with which a recipe is refused."""
    with pytest.raises(EarmarkError) as error:
        read_recipe(path, changes)
    sentence = str(error.value)
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))
    return sentence


# --- the recipes that come with Earmark ------------------------------------------------------------------------------


def test_there_are_recipes() -> None:
    papers = {f"olaleye2022/{name}.yaml" for name in ("psc", "cnn-pool", "cnn-attend", "cnn-pool-attend")}
    assert {"earmark.yaml", *papers} <= set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_reads_and_builds_and_its_localisation_fits(name: str) -> None:
    recipe = read_recipe(shipped_recipes() / name)
    assert read_recipe(name.removesuffix(".yaml")) == recipe
    settings = recipe.model
    if isinstance(settings, ImageQueryModelSettings) and isinstance(
        settings.image, PretrainedImage
    ):  # which is not at hand
        settings = settings.model_copy(update={"image": SmallImage(kind="small")})
    model = build(settings, extractor(recipe.features).dimension, Vocabulary(["dog", "cat"]))
    assert callable(localisation.method(recipe.localisation, model))


@pytest.mark.parametrize("name", [name for name in RECIPES if "/" in name])
def test_a_papers_recipe_begins_with_its_source_and_its_command(name: str) -> None:
    text = (shipped_recipes() / name).read_text(encoding="utf-8")
    comment = text[: text.index("\nname:")]
    assert all(line.startswith("#") for line in comment.splitlines())
    assert "20" in comment
    assert f"earmark train recipes/{name} --corpus CORPUS --out RUN" in comment


@pytest.mark.parametrize("name", ["psc", "cnn-attend"])
def test_the_papers_numbers(name: str) -> None:
    """Section IV-B, and the released code where that is silent."""
    recipe = read_recipe(f"olaleye2022/{name}")
    assert [layer.kernel for layer in recipe.model.encoder] == [9, 11, 11, 11, 11, 11]
    assert [layer.channels for layer in recipe.model.encoder][:5] == [96] * 5
    assert all(layer.relu and layer.stride == 1 and not layer.norm for layer in recipe.model.encoder[:5])
    training = recipe.training
    assert (training.learning_rate, training.batch_size, training.epochs) == (1e-4, 32, 100)
    assert (training.schedule, training.weight_decay, training.clip, training.warmup) == ("constant", 0, None, 0)
    last = recipe.model.encoder[-1]
    if name == "psc":
        assert (last.channels, last.relu, recipe.model.pooling) == ("keywords", False, LogMeanExp(r=1.2))
    else:
        assert (last.channels, last.relu, recipe.model.classifier) == (1000, False, [4096])


@pytest.mark.parametrize("name", ["cnn-pool", "cnn-pool-attend"])
def test_the_papers_numbers_with_pooling(name: str) -> None:
    recipe = read_recipe(f"olaleye2022/{name}")
    layers = [(layer.channels, layer.kernel, layer.pool) for layer in recipe.model.encoder]
    assert layers == [(64, 9, 3), (256, 11, 3), (1024, 11, 1)]
    assert [layer.relu for layer in recipe.model.encoder] == [True, True, name == "cnn-pool"]
    assert recipe.model.pooling.kind == ("max" if name == "cnn-pool" else "attention")
    assert recipe.model.classifier == [4096]
    training = recipe.training
    assert (training.learning_rate, training.batch_size, training.epochs) == (1e-4, 32, 100)


def test_a_file_goes_before_a_recipe_that_comes_with_earmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "earmark").mkdir()  # a folder of that name is in nobody's way
    assert read_recipe("earmark").name == "earmark"
    (tmp_path / "earmark").rmdir()
    good(tmp_path / "earmark")
    assert read_recipe("earmark").name == "a recipe"


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("trainig", "there is no key 'trainig'; did you mean 'training'?"),
        ("training.epoch", "there is no key 'training.epoch'; did you mean 'epochs'?"),
        ("training.learning-rate", "there is no key 'training.learning-rate'; did you mean 'learning_rate'?"),
        ("augment.time_mask", "there is no key 'augment.time_mask'; did you mean 'time_masks'?"),
        ("model.encoder.1.kernal", "there is no key 'model.encoder.1.kernal'; did you mean 'kernel'?"),
        ("model.pooling.r", "there is no key 'model.pooling.r'"),
        ("features.xyz", "there is no key 'features.xyz': remove it."),
    ],
)
def test_a_misspelled_key(tmp_path: Path, key: str, says: str) -> None:
    sentence = complaint(changed(tmp_path / "a.yaml", key, 1))
    assert sentence.startswith(f"{tmp_path / 'a.yaml'}: {says}")


def test_a_misspelled_key_is_named_before_the_key_that_it_leaves_missing(tmp_path: Path) -> None:
    values = copy.deepcopy(GOOD)
    values["training"] = {"epoch": 3}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(values))
    assert "no key 'training.epoch'; did you mean 'epochs'?" in complaint(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    "key", ["name", "training", "training.epochs", "model.encoder.1.kernel", "model.pooling", "model.pooling.kind"]
)
def test_a_missing_key(tmp_path: Path, key: str) -> None:
    sentence = complaint(changed(tmp_path / "a.yaml", key, ...))
    assert sentence == f"{tmp_path / 'a.yaml'}: the key {key!r} is missing: add it."


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("name", 3, "'name' can't be 3: it should be a valid string"),
        ("supervision", "../tags", "'supervision' can't be '../tags': it should match pattern"),
        ("training", 5, "'training' can't be 5: it should hold keys with values"),
        ("augment", None, "'augment' can't be None: it should hold keys with values"),
        ("training.epochs", 0, "'training.epochs' can't be 0: it should be greater than or equal to 1"),
        ("training.epochs", "many", "'training.epochs' can't be 'many': it should be a valid integer"),
        ("training.learning_rate", -1, "can't be -1: it should be greater than 0"),
        ("training.learning_rate", float("inf"), "can't be inf: it should be a finite number"),
        ("training.learning_rate", float("nan"), "can't be nan: it should be a finite number"),
        ("training.schedule", "linear", "can't be 'linear': it should be 'constant' or 'cosine'"),
        ("augment.time_width", 1.5, "can't be 1.5: it should be less than or equal to 1"),
        ("features.kind", "mfc", "'features.kind' can't be 'mfc': it should be 'log-mel', 'mfcc', 'moonshine', 'pre"),
        ("features.kind", ["mfcc"], "'features.kind' can't be"),
        ("features.kind", None, "'features.kind' can't be"),
        ("features", {"kind": "pretrained"}, "the key 'features.network' is missing: add it"),
        ("features", {"kind": "pretrained", "network": "a", "layer": -1}, "'features.layer' can't be -1: it should be"),
        (
            "features",
            {"kind": "pretrained", "network": ""},
            "'features.network' can't be '': it should have",
        ),
        ("features", {"kind": "pretrained", "network": "a", "mel_filters": 40}, "no key 'features.mel_filters'"),
        ("features", {"layer": 3}, "there is no key 'features.layer'"),
        ("features", "mfcc", "'features' can't be 'mfcc': it should hold keys with values"),
        ("model.encoder", [], "'model.encoder' can't be []: it should have at least 1 item"),
        ("model.encoder", 3, "'model.encoder' can't be 3: it should be a valid list"),
        ("model.encoder.0", "conv", "'model.encoder.0' can't be 'conv': it should hold keys with values"),
        ("model.encoder.0.channels", 0, "'model.encoder.0.channels' can't be 0: it should be greater than or equal to"),
        ("model.encoder.0.channels", "key", "can't be 'key': it should be a valid integer, or be 'keywords'"),
        ("model.encoder.0.kernel", 4, "in 'model.encoder.0' kernel must be odd"),
        ("model.encoder.1.stride", 2, "in 'model.encoder.1' residual needs stride 1"),
        ("model.encoder.0.channels", 1, "in 'model' a residual layer needs a layer before it with as many channels"),
        ("model.encoder.0.channels", "keywords", "in 'model' only the last layer"),
        ("model.pooling", 3, "'model.pooling' can't be 3: it should hold keys with values"),
        ("model.pooling.kind", "mean", "'model.pooling.kind' can't be 'mean': it should be 'log-mean-exp', 'max', "),
        ("model.pooling", {"kind": "log-mean-exp", "r": 0}, "'model.pooling.r' can't be 0: it should be greater than"),
        ("model.pooling", {"kind": "log-mean-exp"}, "in 'model' log-mean-exp pooling needs a last layer"),
        ("model.classifier", ..., "in 'model' attention pooling needs a classifier"),
        ("model.classifier", [0], "'model.classifier.0' can't be 0: it should be greater than or equal to 1"),
    ],
)
def test_a_wrong_value(tmp_path: Path, key: str, value: object, says: str) -> None:
    assert says in complaint(changed(tmp_path / "a.yaml", key, value))


def test_the_first_layer_has_nothing_to_be_added_to(tmp_path: Path) -> None:
    changed(tmp_path / "a.yaml", "model.encoder.0", {"channels": 8, "kernel": 3, "residual": True})
    assert "a residual layer needs a layer before it" in complaint(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("name: [", "is not valid YAML (line 1): mend that line"),
        ("name: a\ntraining: {epochs: 3\nmodel: b", "is not valid YAML (line 3): mend that line"),
        ("name: a\n\tb: c", "is not valid YAML (line 2): mend that line"),
        ("name: \x01", "is not valid YAML: mend that line"),
        ("!!python/object/apply:os.getcwd []", "is not valid YAML (line 1)"),
        ("name: 2024-13-45", "holds a value that YAML can't read (month must be in 1..12): put it in quotes"),
        ("", "is not a recipe: it must hold keys with values"),
        ("just a sentence", "is not a recipe"),
        ("- a\n- b", "is not a recipe"),
    ],
)
def test_what_is_no_recipe(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "a.yaml").write_text(content, encoding="utf-8")
    assert says in complaint(tmp_path / "a.yaml")


def test_a_key_that_is_no_text(tmp_path: Path) -> None:
    assert "there is no key '1': remove it" in complaint(changed(tmp_path / "a.yaml", "1", "a"))


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    assert "There is no recipe" in complaint(tmp_path / "a.yaml")
    assert complaint(Path("cnn-attend")) == (
        f"There is no recipe cnn-attend: give a file, or one that comes with Earmark ({', '.join(list_recipes())})."
    )
    assert "There is no recipe" in complaint(tmp_path)
    (tmp_path / "a.yaml").write_bytes(b"name: \xff")
    assert "is not UTF-8 text" in complaint(tmp_path / "a.yaml")


# --- what is understood ----------------------------------------------------------------------------------------------


def test_a_byte_order_mark_and_other_scripts(tmp_path: Path) -> None:
    text = yaml.safe_dump(GOOD | {"name": "ọmọ 犬"}, allow_unicode=True)
    (tmp_path / "ọmọ.yaml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_recipe(tmp_path / "ọmọ.yaml").name == "ọmọ 犬"


def test_numbers_as_people_write_them(tmp_path: Path) -> None:
    """YAML 1.1 takes 1e-4 for a word."""
    path = changed(tmp_path / "a.yaml", "training.learning_rate", "1e-4")
    assert read_recipe(path).training.learning_rate == 1e-4


def test_set_changes_values(tmp_path: Path) -> None:
    changes = [
        "training.epochs=7",
        "training.learning_rate=3e-4",
        "training.clip=1",
        "name=ọmọ 犬",
        "augment.feature_masks = 0",
        "shuffle_pairs=true",
        "model.classifier=[32, 32]",
        "model.pooling={kind: attention}",
        "training.epochs=9",
    ]
    recipe = read_recipe(good(tmp_path / "a.yaml"), changes)
    assert (recipe.training.epochs, recipe.training.learning_rate, recipe.training.clip) == (9, 3e-4, 1)
    assert (recipe.name, recipe.augment.feature_masks, recipe.shuffle_pairs) == ("ọmọ 犬", 0, True)
    assert recipe.model.classifier == [32, 32]
    assert recipe.augment.time_masks == GOOD["augment"]["time_masks"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (..., mfcc.Settings(mel_filters=40)),
        ({}, mfcc.Settings(mel_filters=40)),
        ({"mel_filters": 80}, mfcc.Settings(mel_filters=80)),
        ({"kind": "log-mel"}, log_mel.Settings(mel_filters=40)),
        ({"kind": "pretrained", "network": "hub:a/b"}, pretrained.Settings(network="hub:a/b")),
    ],
)
def test_what_is_left_out_of_features(tmp_path: Path, written: object, meant: object) -> None:
    recipe = read_recipe(changed(tmp_path / "a.yaml", "features", written))
    assert recipe.features == meant
    (tmp_path / "b.yaml").write_text(write_recipe(recipe))
    assert read_recipe(tmp_path / "b.yaml") == recipe


def test_set_gives_a_shipped_recipe_features_of_a_pretrained_network() -> None:
    meant = pretrained.Settings(network="ọmọ net", layer=7)
    one_by_one = ["features.kind=pretrained", "features.network=ọmọ net", "features.layer=7"]
    assert read_recipe("earmark", one_by_one).features == meant
    whole = ["features={kind: pretrained, network: ọmọ net, layer: 7}"]
    assert read_recipe("earmark", whole).features == meant
    assert read_recipe("olaleye2022/psc", whole).features == meant


def test_the_kind_that_is_there_keeps_its_other_keys() -> None:
    size = read_recipe("earmark", ["features.size=tiny", "features.kind=moonshine"]).features
    assert size.model_dump()["size"] == "tiny"


def test_set_can_add_a_level_that_the_file_has_not(tmp_path: Path) -> None:
    path = changed(tmp_path / "a.yaml", "augment", ...)
    assert read_recipe(path, ["augment.time_masks=5"]).augment.time_masks == 5


def test_a_value_may_hold_an_equals_sign(tmp_path: Path) -> None:
    assert read_recipe(good(tmp_path / "a.yaml"), ["name=a=b"]).name == "a=b"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("training.epochs", "--set takes key=value, not 'training.epochs'"),
        ("", "--set takes key=value, not ''"),
        ("name.first=3", "--set name.first=3: 'name' has no keys below it"),
        ("model.encoder.0.kernel=3", "'encoder' has no keys below it"),
        ("name=[", "--set name=[: '[' is no value that YAML knows; put it in quotes"),
        ("name=2024-13-45", "'2024-13-45' is no value that YAML knows"),
        ("training.epoch=5", "there is no key 'training.epoch'; did you mean 'epochs'?"),
        ("trainig.epochs=5", "there is no key 'trainig'; did you mean 'training'?"),
        ("=5", "there is no key ''"),
        ("training.=5", "there is no key 'training.'"),
        ("training.epochs=", "'training.epochs' can't be None"),
        ("training.epochs=0", "'training.epochs' can't be 0"),
    ],
)
def test_a_bad_set(tmp_path: Path, change: str, says: str) -> None:
    assert says in complaint(good(tmp_path / "a.yaml"), [change])


# --- there and back --------------------------------------------------------------------------------------------------

PRINTED = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]))
RECIPE = st.builds(
    Recipe,
    name=PRINTED,
    supervision=st.from_regex(r"[a-z0-9-]+", fullmatch=True),
    localisation=PRINTED,
    shuffle_pairs=st.booleans(),
    features=st.one_of(
        st.builds(mfcc.Settings, mel_filters=st.integers(13, 128)),
        st.builds(log_mel.Settings, mel_filters=st.integers(13, 128)),
        st.builds(pretrained.Settings, network=st.text(min_size=1), layer=st.none() | st.integers(0, 24)),
    ),
    augment=st.builds(Augment, time_width=st.floats(0, 1), feature_masks=st.integers(0, 9)),
    model=st.one_of(
        st.builds(
            KeywordModelSettings,
            encoder=st.builds(
                lambda channels, norm: [
                    ConvLayer(channels=channels, kernel=5, norm=norm),
                    ConvLayer(channels="keywords", kernel=1, relu=False, dropout=0.25),
                ],
                st.integers(1, 9),
                st.booleans(),
            ),
            pooling=st.builds(LogMeanExp, r=st.floats(1e-9, 1e9)),
        ),
        st.builds(
            KeywordModelSettings,
            encoder=st.just([ConvLayer(channels=4, kernel=3)]),
            pooling=st.just(Attention(kind="attention")),
            classifier=st.lists(st.integers(1, 9)),
        ),
    ),
    training=st.builds(
        Training,
        epochs=st.integers(1, 10**6),
        learning_rate=st.floats(1e-9, 1e9),
        clip=st.none() | st.floats(1e-9, 1e9),
        seed=st.integers(0, 2**40),
    ),
)


@given(RECIPE)
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> None:
    path = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
    path.write_text(write_recipe(recipe), encoding="utf-8", newline="\n")
    assert read_recipe(path) == recipe


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_there_and_back(tmp_path: Path, name: str) -> None:
    recipe = read_recipe(shipped_recipes() / name)
    (tmp_path / "recipe.yaml").write_text(write_recipe(recipe), encoding="utf-8")
    assert read_recipe(tmp_path / "recipe.yaml") == recipe
