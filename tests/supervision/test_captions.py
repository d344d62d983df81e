from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary, normalise
from earmark.supervision.captions import (
    FUNCTION_WORDS,
    Picture,
    commonest_words,
    named_in_captions,
    read_exclusions,
    read_pictures,
)
from earmark.supervision.transcripts import plain_words

pytestmark = pytest.mark.usefixtures("command_line")

# The words of captions


CAPTIONED = [
    Picture(Path("1"), ("A dog.", "Two dogs in the snow!", "a DOG, a fire truck", "fire, truck")),
    Picture(Path("2"), ("dogs",)),
    Picture(Path("3"), ("Snow",)),
]


def test_targets_from_captions_by_hand() -> None:
    targets = named_in_captions(CAPTIONED, Vocabulary(["dog", "dogs", "snow", "Fire truck", "cat"]))
    np.testing.assert_array_equal(targets, [[0.5, 0.25, 0.25, 0.5, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0]])


def test_commonest_words_by_hand() -> None:
    assert commonest_words(CAPTIONED, 4).words == ("dogs", "snow", "dog", "fire")  # in 2, 2, 1, 1 pictures


def test_captions_without_a_word() -> None:
    for caption in ("...", "This is it!"):
        with pytest.raises(EarmarkError, match="keyword list is empty"):
            commonest_words([Picture(Path("1"), (caption,))], 10)


CAPTIONS = st.lists(st.sampled_from(["dog", "dogs.", "Dog", "fire", "Truck", "truck,", "the"]), max_size=6).map(
    " ".join
)


@given(st.lists(st.lists(CAPTIONS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_targets_agree_with_looking_for_every_keyword_in_every_caption(captions: list[list[str]]) -> None:
    keywords = Vocabulary(["dog", "Fire truck", "truck", "fire truck fire", "the"])
    pictures = [Picture(Path("p"), tuple(group)) for group in captions]
    slow = [
        [np.mean([f" {normalise(word)} " in f" {' '.join(plain_words(c))} " for c in group]) for word in keywords]
        for group in captions
    ]
    np.testing.assert_allclose(named_in_captions(pictures, keywords), slow, rtol=1e-6)


def test_the_mean_target_teaches_what_one_example_a_caption_does() -> None:
    group = ("a dog", "a dog in the snow", "nothing", "snow")
    words = Vocabulary(["dog", "snow"])
    logits = torch.randn(2, requires_grad=True)
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    mean = torch.from_numpy(named_in_captions([Picture(Path("p"), group)], words))[0]
    singles = torch.from_numpy(named_in_captions([Picture(Path("p"), (caption,)) for caption in group], words))
    (together,) = torch.autograd.grad(loss(logits, mean), logits)
    (apart,) = torch.autograd.grad(loss(logits.expand(4, 2), singles), logits)
    torch.testing.assert_close(together, apart)


def test_none_of_the_papers_keywords_is_a_function_word() -> None:
    papers = """
    air baby ball beach bike black boy brown building camera car carrying children climbing dirt dogs face field
    football grass hair hat holding jacket jumps large little mountain mouth ocean orange park pink pool race red rides
    riding road rock running sand shirt sits sitting skateboard small smiling snow snowy soccer stands stick street
    swimming tennis three top toy tree walks water wearing white women yellow young
    """
    assert FUNCTION_WORDS.isdisjoint(papers.split())
    assert {word for word in FUNCTION_WORDS if plain_words(word) != [word]} == set()


# Our table


def write_table(tmp_path: Path, text: str) -> Path:
    (tmp_path / "ọmọ 1.png").touch()
    (tmp_path / "2.png").touch()
    path = tmp_path / "pictures.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_captions_of_one_image_are_gathered(tmp_path: Path) -> None:
    path = write_table(
        tmp_path, f'\ufeffcaption,id,image\n"A dog, here",1,ọmọ 1.png\nx,2,{tmp_path / "2.png"}\n,3,ọmọ 1.png\n'
    )
    assert read_pictures(path) == [
        Picture(tmp_path / "ọmọ 1.png", ("A dog, here", "")),
        Picture(tmp_path / "2.png", ("x",)),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("image,text\n2.png,a\n", "there is no column 'caption'"),
        ("", "there is no column 'image'"),
        ("image,caption\n", "there is no row below the column names"),
        ("image,caption\n2.png,a\n\n3.png,b\n2.png,c\n,d\n", r"(?s)2 problems.*row 4: .* no image .*3\.png.*row 6:"),
        ("image,caption\n2.png,a, b\n", "row 2: there are 3 cells"),
    ],
)
def test_a_wrong_table_of_pictures_is_refused_with_its_rows(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(EarmarkError, match=sentence):
        read_pictures(write_table(tmp_path, text))


# The public sets


COCO = {
    "images": [
        {
            "id": 9,
            "file_name": "COCO_train2014_000000000009.jpg",
            "flickr_url": "http://farm1.x/1/12345678_0123456789_z.jpg",
        },
        {"id": 5, "file_name": "ọmọ.jpg"},
        {"id": 7, "file_name": "gone.jpg", "flickr_url": ""},
        {"id": 8, "file_name": "silent.jpg"},
    ],
    "annotations": [
        {"image_id": 5, "id": 1, "caption": "A child. "},
        {"image_id": 9, "id": 2, "caption": "A dog."},
        {"image_id": 5, "id": 3, "caption": "ọmọ"},
        {"image_id": 7, "id": 4, "caption": "A cat."},
        {"image_id": 77, "id": 5, "caption": "Of no image."},
    ],
}


def photos(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_captions_of_mscoco(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = photos(tmp_path / "train2014", "COCO_train2014_000000000009.jpg", unicodedata.normalize("NFD", "ọmọ.jpg"))
    path = tmp_path / "captions_train2014.json"
    path.write_text(json.dumps(COCO, ensure_ascii=False), encoding="utf-8-sig")
    first, second = read_pictures(path, [folder])
    assert (first.image.name, first.captions) == ("COCO_train2014_000000000009.jpg", ("A dog.",))
    assert second.image.is_file()
    assert second.captions == ("A child.", "ọmọ")
    printed = capsys.readouterr().err
    assert printed == (
        f"{path.name}: 2 pictures; not there: 1 (first: {folder / 'gone.jpg'}); "
        "captioned, but not in its list of images: 1 (first: image_id 77)\n"
    )


TOKENS = "1000_a.jpg#0\tA dog .\n\n1000_a.jpg#1\tA  dog runs .\n2 b.jpg#0\tSnow\tand ice .\ngone.jpg#3\t.\n"


def test_tokens_of_flickr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "results_20130124.token"
    path.write_text("\n" + TOKENS, encoding="utf-8-sig")
    one, other = photos(tmp_path / "1", "2 b.jpg"), photos(tmp_path / "2", "1000_a.jpg", "2 b.jpg")
    assert read_pictures(path, [one, other]) == [
        Picture(other / "1000_a.jpg", ("A dog .", "A  dog runs .")),
        Picture(one / "2 b.jpg", ("Snow\tand ice .",)),
    ]
    assert "2 pictures; not there: 1 (first: " in capsys.readouterr().err
    photos(tmp_path, "1000_a.jpg")
    assert [picture.image for picture in read_pictures(path)] == [tmp_path / "1000_a.jpg"]


def test_pictures_are_left_out_by_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(tmp_path, "12345678.jpg", "12345678_0123456789.jpg", "2.jpg", "a.jpg", "COCO_train2014_000000000009.jpg")
    tokens = tmp_path / "flickr30k.token"
    tokens.write_text("12345678.jpg#0\tA dog\na.jpg#0\tSnow\n", encoding="utf-8")
    coco = tmp_path / "coco.json"
    coco.write_text(json.dumps(COCO), encoding="utf-8")
    photos(tmp_path, "ọmọ.jpg")
    listed = tmp_path / "Flickr_8k.testImages.txt"
    listed.write_text("# of Flickr8k\n12345678_0123456789.jpg\n\n", encoding="utf-8-sig")
    without = read_exclusions([listed])
    assert [picture.image.name for picture in read_pictures(tokens, without=without)] == ["a.jpg"]
    assert ": 1 pictures; left out as listed: 1\n" in capsys.readouterr().err
    assert [picture.image.name for picture in read_pictures(coco, without=without)] == ["ọmọ.jpg"]
    table = tmp_path / "t.csv"
    table.write_text("image,caption\n12345678_0123456789.jpg,x\n2.jpg,y\nCOCO_train2014_000000000009.jpg,z\n", "utf-8")
    assert len(read_pictures(table, without=without)) == 2
    listed.write_text("COCO_train2014_000000000009\n2\n", encoding="utf-8")
    assert [p.captions for p in read_pictures(table, without=read_exclusions([listed]))] == [("x",)]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("c.json", "{", r"c\.json is damaged JSON"),
        ("c.json", "[]", "is not laid out as MSCOCO's captions are"),
        ("c.json", '{"images": []}', "has no 'annotations', which MSCOCO's captions files have"),
        ("c.json", '{"images": [3], "annotations": []}', "is not laid out as MSCOCO's captions are"),
        ("c.json", '{"images": [], "annotations": [{"image_id": 3}]}', "has no 'caption'"),
        ("c.json", '{"images": [], "annotations": [{"image_id": [3], "caption": ""}]}', "is not laid out"),
        ("c.json", '{"images": [], "annotations": []}', "gives no picture to learn from: it has no caption"),
        ("c.json", json.dumps(COCO), r"not one of its images is there \(.*000009\.jpg\): name their folder, --images"),
        ("t.token", "a.jpg#0\tA dog\nb.jpg A cat\n", r"t\.token, line 2: it should be 'name\.jpg#0', a tab and"),
        ("t.token", "a.jpg#0\tA dog\n", "not one of its images is there"),
    ],
)
def test_a_wrong_file_of_captions_is_one_sentence(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(EarmarkError, match=sentence):
        read_pictures(tmp_path / name)
