// State of the page. Data flows one way: an action updates the state, and every view that watches a changed part redraws.

export const state = {
  archive: null, // response of /api/archive
  phase: "opening", // opening, start, searching, results or failed
  request: null, // { query, image, filters }: the last search
  query: "", // its key at the server, which judgements name
  name: "", // its name for people
  unfinished: 0, // recordings that are not indexed to their end
  hits: [], // in the order of the list
  current: -1, // index of the current hit
  judged: { yes: 0, related: 0, no: 0 },
  judge: "", // who judges, as they call themselves
  left: null, // { expected, low, high, sampled }: right hits that nobody has judged
  pays: true, // whether judging more is likely to find more
  threshold: null, // { score, false_alarms_per_hour, low, high, precision, judged }: of the word
  mixed: true, // whether the list mixes in hits that teach most
  reordered: false, // whether judgements have changed the order of `hits`
  failure: null, // { message, suggestions }
  playing: null, // { recording, channel, start_s, end_s, mode: "hit" | "recording" }
  unsaved: 0, // judgements that the server does not have yet
  offline: "", // why judgements can't be saved now
  announcement: "", // for screen readers
  problem: "", // a sentence on what went wrong, while the page works on
};

const watchers = [];

// Calls `draw` whenever one of the named parts changes.
export function watch(parts, draw) {
  watchers.push({ parts: new Set(parts), draw });
}

export function update(parts) {
  const changed = Object.keys(parts).filter((part) => state[part] !== parts[part]);
  Object.assign(state, parts);
  for (const { parts: watched, draw } of watchers) {
    if (changed.some((part) => watched.has(part))) draw(state);
  }
}

export const currentHit = () => state.hits[state.current] ?? null;

export function updateHit(position, parts) {
  update({ hits: state.hits.map((hit) => (hit.position === position ? { ...hit, ...parts } : hit)) });
}
