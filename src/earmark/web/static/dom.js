// Creates elements. Text that people wrote is inserted as text and never parsed as HTML.

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

export const find = (selector) => document.querySelector(selector);

// A name of a file, a word or a person, in whatever direction it is written.
export const isolate = (text, attributes = {}) => make("bdi", attributes, text);

const SVG = "http://www.w3.org/2000/svg";

// One of the drawings (play, yes, ...) that index.html holds as symbols.
export function icon(id) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${id}`);
  drawing.append(use);
  return drawing;
}

// Seconds as h:mm:ss.s
export function formatTime(seconds, decimals = 1) {
  const unit = 10 ** decimals;
  const units = Math.round(Math.max(0, seconds) * unit); // rounded first, so that 59.96 is 0:01:00.0 and never 0:00:60.0
  const whole = Math.floor(units / unit);
  const two = (number) => String(number).padStart(2, "0");
  const fraction = decimals ? `.${String(units % unit).padStart(decimals, "0")}` : "";
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}${fraction}`;
}
