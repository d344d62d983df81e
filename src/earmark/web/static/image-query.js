// Takes a picture to ask with: chosen, dropped anywhere on the page, or pasted.

import { find } from "./dom.js";
import { change, state } from "./state.js";
import { WORDS } from "./i18n.js";

const LARGEST_BYTES = 20e6;
const THUMBNAIL_PX = 96;

const chooser = find("#picture-file");
const veil = find("#drop-veil");

// `take(picture)` is called with a picture that came.
export function startPicture(take) {
  const offered = (files) => {
    const [picture] = files;
    if (!picture || !state.archive?.accepts_images) return;
    const trouble = complaintOn(picture);
    change({ trouble });
    if (!trouble) take(picture);
  };
  find("#choose-picture").addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", () => {
    offered(chooser.files);
    chooser.value = ""; // so that the same one can be chosen again
  });
  document.addEventListener("paste", ({ clipboardData }) => offered(clipboardData?.files ?? []));
  startDropping(offered);
}

function complaintOn({ name, type, size }) {
  const called = name || WORDS.pastedPicture;
  if (!type.startsWith("image/")) return WORDS.notAPicture(called);
  return size > LARGEST_BYTES ? WORDS.tooLarge(called) : "";
}

function startDropping(offered) {
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    veil.hidden = !state.archive?.accepts_images;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) veil.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    veil.hidden = true;
    offered(event.dataTransfer.files);
  });
}

// Draws the middle square of a picture; false where this browser can't read it, which the server perhaps can.
export async function drawThumbnail(canvas, picture) {
  const drawn = await createImageBitmap(picture).catch(() => null);
  if (!drawn) return false;
  const side = Math.min(drawn.width, drawn.height);
  canvas.width = canvas.height = THUMBNAIL_PX;
  canvas
    .getContext("2d")
    .drawImage(drawn, (drawn.width - side) / 2, (drawn.height - side) / 2, side, side, 0, 0, THUMBNAIL_PX, THUMBNAIL_PX);
  drawn.close();
  return true;
}
