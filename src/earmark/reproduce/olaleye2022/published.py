"""The figures that Olaleye, Oneata and Kamper (2022) published, in percent as they stand there.

*Keyword localisation in untranscribed speech using visually grounded speech models*, arXiv:2202.01107.
"""

from __future__ import annotations

# Table II, by row: oracle accuracy, actual F1 and spotting localisation P@10, each under VGS and BoW supervision.
TABLE_II: dict[int, dict[str, tuple[float, float, float]]] = {
    1: {"vgs": (13.7, 7.4, 8.2), "bow": (61.5, 68.1, 62.2)},
    2: {"vgs": (12.7, 8.1, 4.2), "bow": (13.3, 17.4, 15.2)},
    3: {"vgs": (46.0, 25.2, 32.1), "bow": (73.7, 72.1, 79.7)},
    4: {"vgs": (57.3, 24.9, 21.9), "bow": (87.5, 79.8, 86.6)},
    5: {"vgs": (25.1, 12.9, 5.1), "bow": (28.2, 57.8, 7.9)},
    6: {"vgs": (16.5, 8.2, 8.1), "bow": (33.6, 39.0, 42.7)},
    7: {"vgs": (41.6, 18.0, 9.7), "bow": (57.3, 55.3, 51.8)},
    8: {"vgs": (22.3, 10.4, 5.5), "bow": (28.7, 48.1, 11.9)},
}

# Table III, by row, VGS: precision, recall and F1 of actual localisation, each with that of detection.
TABLE_III: dict[int, tuple[tuple[float, float], ...]] = {
    3: ((28.8, 38.9), (22.4, 28.2), (25.2, 32.7)),
    4: ((28.3, 38.9), (22.2, 28.2), (24.9, 32.7)),
    7: ((21.9, 35.1), (15.3, 22.6), (18.0, 27.5)),
}

# Table IV, by row, VGS: P@10 and P@N of spotting localisation, each with that of spotting.
TABLE_IV: dict[int, tuple[tuple[float, float], ...]] = {
    3: ((32.1, 43.7), (24.9, 30.1)),
    4: ((21.9, 43.7), (19.5, 30.1)),
    7: ((9.7, 31.6), (10.4, 24.4)),
}

# Table V, by keyword: the words most often located in its twenty best-scored utterances. "–" is no word.
TABLE_V: dict[str, tuple[tuple[str, int], ...]] = {
    "air": (("snowboarder", 11), ("bike", 2), ("–", 2), ("snowboard", 1), ("skiing", 1)),
    "ball": (("soccer", 9), ("ball", 5), ("player", 2), ("basketball", 2), ("colorful", 1)),
    "black": (("black", 18), ("dog", 2)),
    "car": (("race", 7), ("red", 4), ("racetrack", 2), ("raises", 2), ("car", 2)),
    "dogs": (("three", 8), ("two", 6), ("dog", 2), ("puppy", 1), ("dogs", 1)),
    "face": (("climbing", 7), ("rock", 5), ("goes", 1), ("rocks", 1), ("blonde", 1)),
    "football": (("football", 15), ("player", 4), ("players", 1)),
    "ocean": (("surfer", 11), ("surfboard", 4), ("wave", 3), ("surfing", 1), ("surface", 1)),
    "orange": (("red", 9), ("wears", 1), ("a", 1), ("retriever", 1), ("guitar", 1)),
    "pink": (("girl", 8), ("young", 2), ("girls", 2), ("dressed", 1), ("one", 1)),
    "pool": (("pool", 18), ("swimming", 1), ("swimmer", 1)),
    "soccer": (("soccer", 20),),
    "swimming": (("pool", 16), ("swimming", 3), ("swim", 1)),
    "tree": (("tree", 9), ("trees", 7), ("training", 1), ("climbs", 1), ("–", 1)),
    "yellow": (("yellow", 17), ("bikes", 1), ("bike", 1), ("race", 1)),
}

# Fig. 5: how many of the 67 keywords were detected at least once, and the worst and the best of them.
KEYWORDS_DETECTED = 45
WORST_KEYWORD, BEST_KEYWORD = ("dogs", 1.4), ("beach", 65.7)

# Fig. 7: keywords of the top-ranked utterances.
EXAMPLE_KEYWORDS = ("bike", "air", "car", "boy")
