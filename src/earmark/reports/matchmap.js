// Shows over the picture of an image query where the speech points to at the moment under the playhead. A slider, the
// pointer over the plot and the player move that. Without this script the image attention is there alone.

for (const note of document.querySelectorAll(".scripted")) note.hidden = false;
for (const canvas of document.querySelectorAll(".looked canvas")) look(canvas, canvas.closest(".moment"));

function look(canvas, moment) {
  const slider = moment.querySelector(".through input");
  const lane = moment.querySelector(".em-ground"); // as wide as the time axis
  const shown = frames(canvas);
  const whole = moment.querySelectorAll(".looked img.heat, .looked .whole");
  const then = moment.querySelectorAll(".looked canvas, .looked .then");

  const rest = () => movePlayhead(moment, document.activeElement === slider ? shown.time(Number(slider.value)) : null);
  const slide = () => movePlayhead(moment, shown.time(Number(slider.value)));
  for (const event of ["input", "focus"]) slider.addEventListener(event, slide);
  slider.addEventListener("blur", rest);
  lane.closest(".em").addEventListener("pointerleave", rest);
  lane.closest(".em").addEventListener("pointermove", (event) => {
    const { left, width } = lane.getBoundingClientRect();
    const across = Math.min(Math.max((event.clientX - left) / width, 0), 1);
    movePlayhead(moment, across * Number(moment.dataset.durationS));
  });
  moment.addEventListener("playhead", ({ detail: seconds }) => {
    for (const part of whole) part.hidden = seconds !== null;
    for (const part of then) part.hidden = seconds === null;
    if (seconds !== null) slider.value = shown.frame(seconds);
    const told = shown.draw(Number(slider.value));
    slider.ariaValueText = told;
    moment.querySelector(".looked .then").textContent = `Matchmap at ${told}`;
  });
  slider.ariaValueText = shown.draw(Number(slider.value));
  slider.parentElement.hidden = false;
}

// The frames of a matchmap: their times from the start of the sound, and how each is drawn and told.
function frames(canvas) {
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

// As `strongest` in sight.py says it.
function strongest(pixels, width, height, places) {
  const most = Math.max(...pixels);
  if (most === Math.min(...pixels)) return "the same everywhere";
  const at = pixels.indexOf(most);
  const third = (index, count) => Math.floor((3 * (index + 0.5)) / count);
  return places[3 * third(Math.floor(at / width), height) + third(at % width, width)];
}

// As `clock` in plot.py writes it.
function clock(seconds) {
  const hundredths = Math.max(0, Math.round(seconds * 100));
  const [minutes, rest] = [Math.floor(hundredths / 6000), ((hundredths % 6000) / 100).toFixed(2)];
  if (!minutes) return `${rest} s`;
  const [hours, over] = [Math.floor(minutes / 60), minutes % 60];
  return (hours ? `${hours}:${String(over).padStart(2, "0")}` : `${over}`) + `:${rest.padStart(5, "0")}`;
}
