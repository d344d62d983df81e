// A point in time that can be moved: by dragging, and by the arrow keys. A real slider for screen readers.

import { clock } from "./clock.js";

// `moved(seconds)` is called whenever it is to be elsewhere.
export function makeSlider(element, { step_s, bigStep_s, decimals, moved }) {
  let value = { now_s: 0, least_s: 0, most_s: 0 };

  const move = (seconds) => {
    const now_s = Math.max(value.least_s, Math.min(value.most_s, seconds));
    if (now_s !== value.now_s) moved(now_s);
  };

  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const sign = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!sign) return;
    event.preventDefault();
    event.stopPropagation();
    move(value.now_s + sign * (event.shiftKey ? bigStep_s : step_s));
  });

  return {
    move,
    set(now_s, least_s, most_s) {
      value = { now_s, least_s, most_s };
      element.setAttribute("aria-valuemin", least_s.toFixed(decimals));
      element.setAttribute("aria-valuemax", most_s.toFixed(decimals));
      element.setAttribute("aria-valuenow", now_s.toFixed(decimals));
      element.setAttribute("aria-valuetext", clock(now_s, decimals));
    },
  };
}

// Calls `at(x)` with the pixel within `ground` that the pointer drags to, with a mouse, a finger or a pen.
export function draggable(element, ground, at, letGo) {
  let grip = null; // how far from the middle of the element it was taken
  element.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    event.stopPropagation();
    element.focus({ focusVisible: false });
    element.setPointerCapture(event.pointerId);
    const { left, width } = element.getBoundingClientRect();
    grip = event.clientX - (left + width / 2);
  });
  element.addEventListener("pointermove", (event) => {
    if (grip !== null) at(event.clientX - grip - ground.getBoundingClientRect().left);
  });
  const end = () => {
    if (grip === null) return;
    grip = null;
    letGo();
  };
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
}
