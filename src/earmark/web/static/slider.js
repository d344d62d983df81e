// A slider over time, moved by dragging and by the arrow keys, with the ARIA attributes of one.

import { formatTime } from "./dom.js";

// `moved(seconds)` is called whenever the slider is to be moved.
export function makeSlider(element, { step_s, bigStep_s, decimals, moved }) {
  let range = { value_s: 0, min_s: 0, max_s: 0 };

  const moveTo = (seconds) => {
    const value_s = Math.max(range.min_s, Math.min(range.max_s, seconds));
    if (value_s !== range.value_s) moved(value_s);
  };

  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const sign = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!sign) return;
    event.preventDefault();
    event.stopPropagation();
    moveTo(range.value_s + sign * (event.shiftKey ? bigStep_s : step_s));
  });

  return {
    moveTo,
    set(value_s, min_s, max_s) {
      range = { value_s, min_s, max_s };
      element.setAttribute("aria-valuemin", min_s.toFixed(decimals));
      element.setAttribute("aria-valuemax", max_s.toFixed(decimals));
      element.setAttribute("aria-valuenow", value_s.toFixed(decimals));
      element.setAttribute("aria-valuetext", formatTime(value_s, decimals));
    },
  };
}

// Calls `dragTo(x)` with the pixel within `track` that a mouse, a finger or a pen drags to, and `drop()` at the end.
export function makeDraggable(element, track, dragTo, drop) {
  let grip = null; // distance from the middle of the element to where it was taken
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
    if (grip !== null) dragTo(event.clientX - grip - track.getBoundingClientRect().left);
  });
  const end = () => {
    if (grip === null) return;
    grip = null;
    drop();
  };
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
}
