// What a stretch of sound looks like: its outline and the localisation curve over it. Each is asked for once.

import { getCurve, getPeaks, getRecording } from "./api.js";

const KEPT = 400; // answers; each is a few kB
const AT_ONCE = 4; // a browser opens six connections to a server, and sound and judgements need some of them

const answers = new Map();
const queue = [];
let busy = 0;

export const recordingOf = (id) => once(`recording ${id}`, () => getRecording(id));

export const peaksOf = (recording, channel, start_s, end_s, count) =>
  once(`peaks ${recording} ${channel} ${start_s} ${end_s} ${count}`, () =>
    getPeaks(recording, { channel, start_s, end_s, count }),
  );

export const curveOf = (query, position) => once(`curve ${query} ${position}`, () => getCurve(query, position));

// The stretch around a hit in which it is looked at.
export function around(hit, margin_s) {
  const start_s = Math.max(0, Math.min(hit.start_s, hit.time_s) - margin_s);
  return { start_s, end_s: Math.max(hit.end_s, hit.time_s) + margin_s };
}

function once(key, ask) {
  if (!answers.has(key)) {
    const answer = inTurn(ask);
    answers.set(key, answer);
    answer.catch(() => answers.delete(key)); // what failed is asked for again
    if (answers.size > KEPT) answers.delete(answers.keys().next().value);
  }
  return answers.get(key);
}

function inTurn(ask) {
  return new Promise((resolve, reject) => {
    queue.push(() => ask().then(resolve, reject));
    next();
  });
}

// The latest first: it is what a person looks at now.
function next() {
  if (busy >= AT_ONCE || !queue.length) return;
  busy += 1;
  queue.pop()().finally(() => {
    busy -= 1;
    next();
  });
}
