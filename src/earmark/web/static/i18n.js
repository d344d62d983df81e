// Every text of the page. A translation is this file in another language.

const many = (count, one, more) => `${count.toLocaleString(LANGUAGE)} ${count === 1 ? one : more}`;

export const LANGUAGE = "en";

export const WORDS = {
  // the frame of the page
  title: "Earmark",
  skip: "Go to the candidates",
  keysButton: "Keys",
  keysShort: "Keyboard shortcuts",
  archiveFacts: ({ recordings, hours }) => `${many(recordings, "recording", "recordings")}, ${hoursOf(hours)}`,
  indexing: "Still being indexed: what has been heard so far can be searched.",
  candidates: "Candidates, not facts.",
  modelName: "Model",
  licence: "Licence",
  consent: "Consent",
  notStated: "not stated",

  // asking
  search: "Search the archive",
  wordLabel: "A word to find",
  wordPlaceholder: "Type a word",
  picturePlaceholder: "Choose or drop a picture",
  find: "Find",
  choosePicture: "Ask with a picture",
  dropHere: "Drop the picture to find where it is spoken of",
  takePictureAway: "Remove the picture",
  picture: (name) => `Asked with the picture ${name}`,
  pastedPicture: "pasted picture",
  notAPicture: (name) => `${name} is not a picture: choose a JPEG, PNG or WebP file.`,
  tooLarge: (name) => `${name} is larger than 20 MB: choose a smaller picture.`,
  suggestions: "Keywords of the model",
  filters: "Filters",
  filtersSet: (count) => `Filters (${count})`,
  folder: "Folder",
  speaker: "Speaker",
  date: "Date",
  datePlaceholder: "2019 or 2019-04",
  language: "Language",
  any: "any",
  alarms: "Show",
  alarmsAll: "all, best first",
  alarmsOf: (count) => `about ${many(count, "false alarm", "false alarms")} an hour`,
  clearFilters: "Clear",

  // nothing asked yet
  startTitle: "Where is it spoken?",
  startWords: "Type a word that the model knows. You get the moments where it hears it, best first, to listen to and judge.",
  startPictures: "Drop a picture of something. You get the moments where it hears it spoken of, best first, to listen to and judge.",
  startBoth: "Type a word, or drop a picture of the thing. You get the moments where the model hears it, best first, to listen to and judge.",
  knows: (count) => `${many(count, "keyword", "keywords")} that this model knows`,
  allKeywords: "Show all",
  private: "Everything stays on this machine.",

  // finding
  looking: "Searching",
  lookingAtArchive: "Opening the archive",
  found: (count) => many(count, "candidate", "candidates"),
  foundAloud: (count, name) => `${many(count, "candidate", "candidates")} for ${name}, best first.`,
  nothing: (name) => `Nothing was found for ${name}.`,
  nothingFiltered: "The filters leave out the rest: clear them to search the whole archive.",
  nothingHint: "Try another word.",
  failed: "That did not work",
  unknown: "The model does not know that word",
  nearest: "Did you mean",
  again: "Try again",
  unreachable: "The server does not answer: start it again with “earmark serve”.",
  unsaid: "The server could not do that and did not say why.",
  reordered: "The rest was put in a new order by your judgements.",
  reorderedMark: "re-ordered by your judgements",

  // a candidate
  list: "Candidates, best first",
  current: "The candidate to judge",
  position: (rank, count) => `${rank} of ${count}`,
  currentAloud: (rank, count, hit, time) => `${rank} of ${count}: ${hit.name}, ${time}${hit.verdict ? `, judged ${WORDS.verdicts[hit.verdict]}` : ""}.`,
  previous: "Previous candidate",
  next: "Next candidate",
  channelName: "Channel",
  channel: (number) => `channel ${number}`,
  score: (score) => `score ${score}`,
  scoreExplained:
    "How strongly the model hears it here, from what it was taught. It is good for putting candidates in order, and no promise: " +
    "0.9 does not mean right nine times in ten, and it means something else for every word. Only listening tells.",
  wave: (start, end) => `Sound from ${start} to ${end}. Click to listen from a point.`,
  curveLegend: "where the model hears it",
  extentLegend: "the word, as found",
  extentYours: "the word, as you set it",
  start: "Start of the word",
  end: "End of the word",
  cantDraw: "The sound can't be drawn now.",
  play: "Listen",
  stop: "Stop",
  cantPlay: "The sound can't be played: the recording may have moved, or the server is gone.",
  example: "More like this",
  whole: "The whole recording",
  wholeSlider: "Listen from here in the whole recording",
  wholeHint: "Click to listen anywhere",
  elapsed: (at, total) => `${at} of ${total}`,

  // judging
  judge: "Is it said here?",
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
    const all = yes + related + no;
    if (!all) return "none judged yet";
    return `yes ${yes} of ${all} judged (${Math.round((100 * yes) / all)} %)${related ? `, ${related} related` : ""}`;
  },
  saved: "saved",
  saving: "saving",
  kept: (count, why) =>
    `${why} ${many(count, "judgement is", "judgements are")} kept in this browser, and ${count === 1 ? "is" : "are"} sent again and again until saved.`,

  // keys
  keysTitle: "Keys",
  keys: [
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
  keysOn: "Single keys are on",
  close: "Close",
};

function hoursOf(hours) {
  if (hours >= 10) return `${Math.round(hours).toLocaleString(LANGUAGE)} hours`;
  if (hours >= 1) return many(Number(hours.toFixed(1)), "hour", "hours");
  return many(Math.max(1, Math.round(60 * hours)), "minute", "minutes");
}

// Puts the texts into the parts of the page that name them: as content, label, tooltip or placeholder.
export function putWords(root) {
  document.documentElement.lang = LANGUAGE;
  document.title = WORDS.title;
  for (const part of root.querySelectorAll("[data-word]")) part.textContent = WORDS[part.dataset.word];
  for (const part of root.querySelectorAll("[data-label]")) part.setAttribute("aria-label", WORDS[part.dataset.label]);
  for (const part of root.querySelectorAll("[data-tip]")) part.title = WORDS[part.dataset.tip];
  for (const part of root.querySelectorAll("[data-inside]")) part.placeholder = WORDS[part.dataset.inside];
}
