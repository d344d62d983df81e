// All text of the page. A translation is this file in another language.

export const LANGUAGE = "en";

const count = (number, one, several) => `${number.toLocaleString(LANGUAGE)} ${number === 1 ? one : several}`;

export const STRINGS = {
  // header and footer
  title: "Earmark",
  toProject: "Back to the project",
  skip: "Go to the candidates",
  shortcutsButton: "Keys",
  shortcutsTip: "Keyboard shortcuts",
  archiveFacts: ({ recordings, hours }) => `${count(recordings, "recording", "recordings")}, ${formatHours(hours)}`,
  indexing: "Still being indexed: what has been indexed so far can be searched.",
  candidates: "Candidates, not facts.",
  modelName: "Model",
  licence: "Licence",
  consent: "Consent",
  notStated: "not stated",

  // search box
  search: "Search the archive",
  wordLabel: "A word to find",
  wordPlaceholder: "Type a word",
  imagePlaceholder: "Choose or drop a picture",
  clipPlaceholder: "Say the word, or drop a clip of it",
  find: "Find",
  chooseImage: "Search with a picture",
  dropHere: "Drop a picture, or a clip of a word, to find where it is spoken",
  chooseClip: "Search with a clip of the word",
  clipTitle: "Search with a clip",
  clipHow: "Say one word or phrase, or choose a clip of it. Cut off what does not belong to it, then search.",
  clipSound: "The clip",
  clipRecord: "Record",
  clipStop: "Stop",
  clipChoose: "Choose a file",
  clipUnreadable: "This file can't be read as sound here: choose a WAV, FLAC, Ogg, MP3 or M4A file.",
  noMicrophone: "The microphone can't be used: allow it for this page, or choose a clip.",
  nameQuery: "Add it to the lexicon as",
  keepWord: "Add",
  wordKept: (word) => `${word} is in the lexicon. The hits that you accept are examples of it.`,
  clearQuery: "Remove the query",
  imageQuery: (name) => `Search with the picture ${name}`,
  pastedImage: "pasted picture",
  notAnImage: (name) => `${name} is not a picture: choose a JPEG, PNG or WebP file.`,
  tooLarge: (name) => `${name} is larger than 20 MB: choose a smaller picture.`,
  suggestions: "Keywords of the model",
  filters: "Filters",
  filtersSet: (number) => `Filters (${number})`,
  folder: "Folder",
  speaker: "Speaker",
  date: "Date",
  datePlaceholder: "2019 or 2019-04",
  language: "Language",
  any: "any",
  threshold: "Show",
  noThreshold: "all, best first",
  falseAlarms: (number) => `about ${count(number, "false alarm", "false alarms")} an hour`,
  clearFilters: "Clear",

  // start page
  startTitle: "Where is it spoken?",
  startWords: "Type a word that the model knows. You get the passages where it may be spoken, best first, to listen to and judge.",
  startImages: "Drop a picture of something. You get the passages where it may be spoken of, best first, to listen to and judge.",
  startBoth: "Type a word, or drop a picture of the thing. You get the passages where it may be spoken, best first, to listen to and judge.",
  startClips: "Say a word into the microphone, or drop a clip of it, in any language.",
  lexiconCount: (number) => `${count(number, "word", "words")} of the lexicon`,
  keywordCount: (number) => `${count(number, "keyword", "keywords")} that this model knows`,
  allKeywords: "Show all",
  private: "Everything stays on this machine.",

  // answers
  searching: "Searching",
  hitCount: (number) => count(number, "candidate", "candidates"),
  resultsAnnouncement: (number, name) => `${count(number, "candidate", "candidates")} for ${name}, best first.`,
  nothing: (name) => `Nothing was found for ${name}.`,
  nothingFiltered: "The filters leave out the rest: clear them to search the whole archive.",
  nothingHint: "Try another word.",
  failed: "That did not work",
  unknownWord: "The model does not know that word",
  suggestion: "Did you mean",
  retry: "Try again",
  unreachable: "The server does not answer: start it again with “earmark serve”.",
  unknownError: "The server reported an error without a reason.",
  reordered: "The rest was put in a new order by your judgements.",
  reorderedMark: "re-ordered by your judgements",

  // hits
  list: "Candidates, best first",
  current: "The candidate to judge",
  rank: (rank, total) => `${rank} of ${total}`,
  currentAnnouncement: (rank, total, hit, time) =>
    `${rank} of ${total}: ${hit.name}, ${time}${hit.verdict ? `, judged ${STRINGS.verdicts[hit.verdict]}` : ""}.`,
  previous: "Previous candidate",
  next: "Next candidate",
  channelName: "Channel",
  channel: (number) => `channel ${number}`,
  score: (score) => `score ${score}`,
  scoreExplained:
    "The model's detection score. It puts candidates in order, and is no probability: 0.9 does not mean right nine times " +
    "in ten, and its meaning differs from word to word. Listen to be sure.",
  waveform: (start, end) => `Sound from ${start} to ${end}. Click to listen from a point.`,
  curveKey: "localisation score",
  extentFound: "the word, as found",
  extentConfirmed: "the word, as you set it",
  start: "Start of the word",
  end: "End of the word",
  noWaveform: "The sound can't be drawn now.",
  play: "Listen",
  stop: "Stop",
  cantPlay: "The sound can't be played: the recording may have moved, or the server is gone.",
  moreLikeThis: "More like this",
  recording: "The whole recording",
  recordingSlider: "Listen from here in the whole recording",
  recordingHint: "Click to listen anywhere",
  elapsed: (at, total) => `${at} of ${total}`,

  // judging
  judge: "Is it spoken here?",
  verdicts: { yes: "yes", related: "related", no: "no" },
  yes: "Yes",
  related: "Related",
  no: "No",
  relatedExplained: "Related: not the word itself, but its meaning is near.",
  undo: "Undo",
  undone: (name) => `Undone: ${name}.`,
  nothingToUndo: "There is nothing to undo.",
  allJudged: "All candidates of this list are judged.",
  precision: ({ yes, related, no }) => {
    const total = yes + related + no;
    if (!total) return "none judged yet";
    const percent = Math.round((100 * yes) / total);
    return `yes ${yes} of ${total} judged (${percent} %)${related ? `, ${related} related` : ""}`;
  },
  teaches: "teaches",
  mixed: "Mix in hits that teach most",
  mixedExplained:
    "Those marked “teaches” are less likely. They are uncertain, or drawn at random to estimate how many hits are left; your answer improves the order of all others.",
  left: ({ expected, low, high, sampled }) =>
    `About ${Math.round(expected)} right ones are left among the model’s candidates (${Math.floor(low)} to ${Math.ceil(high)}, by ${count(sampled, "judgement", "judgements")} of a random sample).`,
  threshold: ({ score, false_alarms_per_hour, low, high, precision, judged }) =>
    judged
      ? `From a score of ${score.toFixed(2)} on, about ${Math.round(100 * precision)} % are right, with ${formatRate(false_alarms_per_hour)} false alarms an hour (${formatRate(low)} to ${formatRate(high)}), by ${count(judged, "judgement", "judgements")}.`
      : `From a score of ${score.toFixed(2)} on, about ${formatRate(false_alarms_per_hour)} false alarms an hour are expected, by the model’s dev set.`,
  judgingAs: "Who judges here",
  disagreement: (opinions) =>
    `People disagree: ${opinions.map(({ judge, verdict }) => `${judge || "without a name"}: ${STRINGS.verdicts[verdict]}`).join(", ")}. It teaches nothing until they agree.`,
  doesNotPay: "Judging more is not likely to find much more.",
  saved: "saved",
  saving: "saving",
  unsaved: (number, why) =>
    `${why} ${count(number, "judgement is", "judgements are")} kept in this browser, and ${number === 1 ? "is" : "are"} sent again until saved.`,

  // shortcuts
  shortcutsTitle: "Keys",
  shortcuts: [
    [["J"], "next candidate"],
    [["K"], "previous candidate"],
    [["Space"], "listen, with a second before and after; again: stop"],
    [["Y"], "yes, and on to the next"],
    [["N"], "no, and on to the next"],
    [["R"], "related, and on to the next"],
    [["U"], "undo the last judgement, as often as you like"],
    [["←", "→"], "move the boundary that is focused by 10 ms, with Shift by 100 ms"],
    [["/"], "type a word"],
    [["?"], "show these keys"],
  ],
  shortcutsOn: "Single keys are on",
  close: "Close",
};

const formatRate = (rate) => Number(rate.toPrecision(2)).toLocaleString(LANGUAGE);

function formatHours(hours) {
  if (hours >= 10) return `${Math.round(hours).toLocaleString(LANGUAGE)} hours`;
  if (hours >= 1) return count(Number(hours.toFixed(1)), "hour", "hours");
  return count(Math.max(1, Math.round(60 * hours)), "minute", "minutes");
}

// Fills in the elements that name a string: as their content, label, tooltip or placeholder.
export function translate(root) {
  document.documentElement.lang = LANGUAGE;
  document.title = STRINGS.title;
  for (const element of root.querySelectorAll("[data-i18n]")) element.textContent = STRINGS[element.dataset.i18n];
  for (const element of root.querySelectorAll("[data-i18n-label]")) {
    element.setAttribute("aria-label", STRINGS[element.dataset.i18nLabel]);
  }
  for (const element of root.querySelectorAll("[data-i18n-title]")) element.title = STRINGS[element.dataset.i18nTitle];
  for (const element of root.querySelectorAll("[data-i18n-placeholder]")) {
    element.placeholder = STRINGS[element.dataset.i18nPlaceholder];
  }
}
