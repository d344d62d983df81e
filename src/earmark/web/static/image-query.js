// Takes an image to search with: selected, dropped anywhere on the page, or pasted.

import { isSound } from "./clip-query.js";
import { find } from "./dom.js";
import { t } from "./i18n.js";
import { state, update } from "./state.js";

const MAX_BYTES = 20e6;
const THUMBNAIL_PX = 96;

const input = find("#image-file");
const overlay = find("#drop-overlay");

// `take(image)` is called with each image file.
export function startImageInput(take) {
  const receive = (files) => {
    const [image] = files;
    if (!image || isSound(image) || !state.archive?.accepts_images) return;
    const problem = problemOf(image);
    update({ problem });
    if (!problem) take(image);
  };
  find("#choose-image").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    receive(input.files);
    input.value = ""; // so that the same file can be selected again
  });
  document.addEventListener("paste", ({ clipboardData }) => receive(clipboardData?.files ?? []));
  startDropping(receive);
}

function problemOf({ name, type, size }) {
  const shownName = name || t("query.pasted");
  if (!type.startsWith("image/")) return t("query.noPicture", { name: shownName });
  return size > MAX_BYTES ? t("query.tooLarge", { name: shownName }) : "";
}

function startDropping(receive) {
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    overlay.hidden = !state.archive;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) overlay.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    overlay.hidden = true;
    receive(event.dataTransfer.files);
  });
}

// Draws the middle square of an image; false if this browser can't read it, though the server perhaps can.
export async function drawThumbnail(canvas, image) {
  const bitmap = await createImageBitmap(image).catch(() => null);
  if (!bitmap) return false;
  const side = Math.min(bitmap.width, bitmap.height);
  const [left, top] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
  canvas.width = canvas.height = THUMBNAIL_PX;
  canvas.getContext("2d").drawImage(bitmap, left, top, side, side, 0, 0, THUMBNAIL_PX, THUMBNAIL_PX);
  bitmap.close();
  return true;
}
