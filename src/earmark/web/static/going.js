// Goes from candidate to candidate.

import { clock } from "./clock.js";
import { change, currentHit, state } from "./state.js";
import { WORDS } from "./i18n.js";

export function goTo(index) {
  const { length } = state.hits;
  if (!length) return;
  change({ current: Math.max(0, Math.min(length - 1, index)) });
  const hit = currentHit();
  change({ spoken: WORDS.currentAloud(state.current + 1, length, hit, clock(hit.time_s)) });
}

// From the current one on, and from the top again.
export function goToNextUnjudged() {
  const { length } = state.hits;
  const order = Array.from({ length }, (_, step) => (state.current + 1 + step) % length);
  const next = order.find((index) => !state.hits[index].verdict);
  if (next === undefined) change({ spoken: WORDS.allJudged });
  else goTo(next);
}
