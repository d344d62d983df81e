// Draws sound: the waveform, the localisation curve above it, and the extent of the word.

const SILENCE = 0.04; // of full scale: a quieter segment is not scaled up
const CURVE_SHARE = 0.36; // of the height, above the sound

// `view`: { start_s, end_s }; `peaks`: { start_s, end_s, lowest, highest }; `curve`: { times_s, curve } or null;
// `extent`: { start_s, end_s } or null; `confirmed`: whether a person set or accepted the extent.
export function drawSound(canvas, { view, peaks, curve = null, extent = null, confirmed = false }) {
  const { context, width, height, colour } = prepared(canvas);
  const x = (seconds) => (width * (seconds - view.start_s)) / (view.end_s - view.start_s);
  const top = curve ? height * CURVE_SHARE : 0;
  const mark = colour(confirmed ? "--person" : "--model");
  if (extent) {
    context.globalAlpha = 0.13;
    context.fillStyle = mark;
    context.fillRect(x(extent.start_s), 0, x(extent.end_s) - x(extent.start_s), height);
    context.globalAlpha = 1;
  }
  if (peaks) {
    const inside = (at) => extent && at >= x(extent.start_s) && at <= x(extent.end_s);
    const box = { left: x(peaks.start_s), right: x(peaks.end_s), top, height: height - top };
    drawWaveform(context, peaks, box, (at) => (inside(at) ? mark : colour("--sound")));
  }
  if (curve?.curve.length) drawCurve(context, curve, x, height * CURVE_SHARE, colour("--model"));
}

// Bars of two pixels with a gap of one, as loud as the loudest is high.
function drawWaveform(context, { lowest, highest }, { left, right, top, height }, colourAt) {
  const width = right - left;
  const loudest = Math.max(SILENCE, ...highest, ...lowest.map((low) => -low));
  const middle = top + height / 2;
  const step = width > 300 ? 3 : 2;
  for (let at = 0; at < width; at += step) {
    const first = Math.floor((at / width) * highest.length);
    const past = Math.max(first + 1, Math.floor(((at + step) / width) * highest.length));
    const high = Math.max(...highest.slice(first, past)) / loudest;
    const low = Math.min(...lowest.slice(first, past)) / loudest;
    const upper = middle - Math.max(0, high) * (height / 2 - 1);
    const lower = middle - Math.min(0, low) * (height / 2 - 1);
    context.fillStyle = colourAt(left + at + step / 2);
    context.fillRect(left + at, Math.min(upper, middle - 0.5), step - 1, Math.max(1, lower - upper));
  }
}

function drawCurve(context, { times_s, curve }, x, height, colour) {
  const highest = Math.max(...curve);
  const lowest = Math.min(0, ...curve);
  const y = (value) => height - 2 - (height - 5) * ((value - lowest) / (highest - lowest || 1));
  const line = new Path2D();
  times_s.forEach((at, i) => line[i ? "lineTo" : "moveTo"](x(at), y(curve[i])));
  const wash = new Path2D(line);
  wash.lineTo(x(times_s.at(-1)), height);
  wash.lineTo(x(times_s[0]), height);
  context.fillStyle = colour;
  context.globalAlpha = 0.16;
  context.fill(wash);
  context.globalAlpha = 1;
  context.strokeStyle = colour;
  context.lineWidth = height > 30 ? 2 : 1.25;
  context.lineJoin = "round";
  context.stroke(line);
}

// The whole recording, with a pin for each hit in it.
export const PINS_PX = 18;

export function drawRecording(canvas, { duration_s, peaks, pins }) {
  const { context, width, height, colour } = prepared(canvas);
  const box = { left: 0, right: width, top: PINS_PX, height: height - PINS_PX };
  if (peaks) drawWaveform(context, peaks, box, () => colour("--sound"));
  for (const { time_s, verdict, current } of pins) {
    const at = (width * time_s) / duration_s;
    context.fillStyle = colour(verdict === "no" ? "--soft" : verdict ? "--person" : "--model");
    context.globalAlpha = current || !verdict ? 1 : 0.75;
    if (current) context.fillRect(at - 0.75, PINS_PX - 4, 1.5, height - PINS_PX + 4);
    drawPin(context, at, current ? 6.5 : 3.5);
  }
  context.globalAlpha = 1;
}

function drawPin(context, at, radius) {
  context.beginPath();
  context.arc(at, PINS_PX / 2, radius, 0, 2 * Math.PI);
  context.fill();
}

// A canvas as sharp as the screen, empty, with the style's colours at hand.
function prepared(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const density = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  const context = canvas.getContext("2d");
  context.scale(density, density);
  const style = getComputedStyle(document.documentElement);
  return { context, width, height, colour: (name) => style.getPropertyValue(name) };
}

// Calls `draw` when the canvas changes its size and when light turns to dark.
export function onRedraw(canvas, draw) {
  new ResizeObserver(draw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
