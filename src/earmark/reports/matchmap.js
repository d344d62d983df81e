// Shows over the image of an image query how well its parts match the speech at the playhead. A slider, the pointer over
// the plot and the player move the playhead. Without this script only the image attention is matchmap.

for (const note of document.querySelectorAll(".scripted")) note.hidden = false;
for (const canvas of document.querySelectorAll(".matchmap canvas")) showMatchmap(canvas, canvas.closest(".example"));

function showMatchmap(canvas, example) {
  const slider = example.querySelector(".time-slider input");
  const lane = example.querySelector(".em-ground"); // as wide as the time axis
  const matchmap = readMatchmap(canvas);
  const overall = example.querySelectorAll(".matchmap img.heat, .matchmap .overall");
  const atTime = example.querySelectorAll(".matchmap canvas, .matchmap .at-time");

  const rest = () => movePlayhead(example, document.activeElement === slider ? matchmap.time(Number(slider.value)) : null);
  const slide = () => movePlayhead(example, matchmap.time(Number(slider.value)));
  for (const event of ["input", "focus"]) slider.addEventListener(event, slide);
  slider.addEventListener("blur", rest);
  lane.closest(".em").addEventListener("pointerleave", rest);
  lane.closest(".em").addEventListener("pointermove", (event) => {
    const { left, width } = lane.getBoundingClientRect();
    const across = Math.min(Math.max((event.clientX - left) / width, 0), 1);
    movePlayhead(example, across * Number(example.dataset.durationS));
  });
  example.addEventListener("playhead", ({ detail: seconds }) => {
    for (const part of overall) part.hidden = seconds !== null;
    for (const part of atTime) part.hidden = seconds === null;
    if (seconds !== null) slider.value = matchmap.frame(seconds);
    const text = matchmap.draw(Number(slider.value));
    slider.ariaValueText = text;
    example.querySelector(".matchmap .at-time").textContent = `Matchmap at ${text}`;
  });
  slider.ariaValueText = matchmap.draw(Number(slider.value));
  slider.parentElement.hidden = false;
}

// The frames of a matchmap: their times from the start of the sound, and how each is drawn and described.
function readMatchmap(canvas) {
  const { width, height } = canvas;
  const [firstS, stepS, offsetS] = ["firstS", "stepS", "offsetS"].map((name) => Number(canvas.dataset[name]));
  const levels = Uint8Array.from(atob(canvas.dataset.levels), (letter) => letter.charCodeAt(0));
  const places = canvas.dataset.places.split("|");
  const shade = canvas.dataset.shade.split(",").map(Number);
  const last = levels.length / (width * height) - 1;
  const context = canvas.getContext("2d");

  const time = (frame) => firstS + stepS * frame;
  return {
    time,
    frame: (seconds) => Math.min(Math.max(Math.round((seconds - firstS) / (stepS || 1)), 0), last),
    draw: (frame) => {
      const pixels = levels.subarray(frame * width * height, (frame + 1) * width * height);
      const image = context.createImageData(width, height);
      pixels.forEach((level, i) => image.data.set([...shade, level], 4 * i));
      context.putImageData(image, 0, 0);
      return `${clock(offsetS + time(frame))}: ${strongest(pixels, width, height, places)}`;
    },
  };
}

// The same as `strongest` in matchmap_data.py.
function strongest(pixels, width, height, places) {
  const most = Math.max(...pixels);
  if (most === Math.min(...pixels)) return "the same everywhere";
  const at = pixels.indexOf(most);
  const third = (index, count) => Math.floor((3 * (index + 0.5)) / count);
  return places[3 * third(Math.floor(at / width), height) + third(at % width, width)];
}

// The same as `clock` in plots.py.
function clock(seconds) {
  const hundredths = Math.max(0, Math.round(seconds * 100));
  const [minutes, rest] = [Math.floor(hundredths / 6000), ((hundredths % 6000) / 100).toFixed(2)];
  if (!minutes) return `${rest} s`;
  const [hours, over] = [Math.floor(minutes / 60), minutes % 60];
  return (hours ? `${hours}:${String(over).padStart(2, "0")}` : `${over}`) + `:${rest.padStart(5, "0")}`;
}
