// Makes elements. Whatever people wrote goes in as text and is never read as HTML.

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

// Names of people's files and words, in whatever direction they are written.
export const name = (text, attributes = {}) => make("bdi", attributes, text);

const SVG = "http://www.w3.org/2000/svg";

// One of the small drawings (play, yes, ...) that index.html holds as symbols.
export function icon(id) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${id}`);
  drawing.append(use);
  return drawing;
}
