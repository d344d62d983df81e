// Where the word starts and ends in the current candidate: two sliders over its sound.

import { find } from "./dom.js";
import { moveBoundaries, settle } from "./judgements.js";
import { draggable, makeSlider } from "./slider.js";
import { currentHit } from "./state.js";

const SHORTEST_S = 0.02;
const MS = 1000;

// `viewNow` tells the stretch that `ground` shows.
export function startBoundaries(ground, viewNow) {
  const moved = (edge) => (seconds) => {
    if (currentHit()) moveBoundaries(currentHit(), { [edge]: Math.round(seconds * MS) / MS });
  };
  const secondsAt = (x) => {
    const { start_s, end_s } = viewNow();
    return start_s + (x / ground.clientWidth) * (end_s - start_s);
  };
  const slider = (element, edge) => {
    const made = makeSlider(element, { step_s: 0.01, bigStep_s: 0.1, decimals: 2, moved: moved(edge) });
    draggable(element, ground, (x) => made.move(secondsAt(x)), settle);
    element.addEventListener("blur", settle);
    return made;
  };
  const [startElement, endElement] = [find("#start-of-word"), find("#end-of-word")];
  const start = slider(startElement, "start_s");
  const end = slider(endElement, "end_s");

  const put = (element, seconds, { start_s, end_s }) => {
    element.style.left = `${(100 * (seconds - start_s)) / (end_s - start_s)}%`;
  };
  return {
    show(hit) {
      const view = viewNow();
      start.set(hit.start_s, view.start_s, Math.max(view.start_s, hit.end_s - SHORTEST_S));
      end.set(hit.end_s, Math.min(view.end_s, hit.start_s + SHORTEST_S), view.end_s);
      put(startElement, hit.start_s, view);
      put(endElement, hit.end_s, view);
    },
  };
}
