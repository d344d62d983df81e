// What the page knows. Data flows one way: an action changes the state, and whoever shows a changed part draws it anew.

export const state = {
  archive: null, // what /api/archive says
  phase: "opening", // opening, start, asking, found or failed
  asked: null, // { query, picture, filters }: what was asked last
  query: "", // the server's key of it, which judgements name
  name: "", // what it is called
  note: "",
  hits: [], // in the order shown
  current: -1, // which of them is on the bench
  judged: { yes: 0, related: 0, no: 0 },
  reordered: false, // whether judgements have changed the order of `hits`
  failure: null, // { sentence, nearest }
  playing: null, // { recording, channel, start_s, end_s, what: "hit" | "on" }
  waiting: 0, // judgements that the server does not have yet
  away: "", // why judgements can't be saved now
  spoken: "", // for screen readers, politely
  trouble: "", // one sentence about what went wrong while going on
};

const watchers = [];

// Calls `draw` whenever one of the named parts changes.
export function whenever(parts, draw) {
  watchers.push({ parts: new Set(parts), draw });
}

export function change(parts) {
  const changed = Object.keys(parts).filter((part) => state[part] !== parts[part]);
  Object.assign(state, parts);
  for (const { parts: watched, draw } of watchers) {
    if (changed.some((part) => watched.has(part))) draw(state);
  }
}

export const currentHit = () => state.hits[state.current] ?? null;

export function changeHit(position, parts) {
  change({ hits: state.hits.map((hit) => (hit.position === position ? { ...hit, ...parts } : hit)) });
}
