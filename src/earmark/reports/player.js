"use strict";

// Plays the hit of an example, or all of its sound, with a playhead over the plot.
// Without this script the browser's own controls are shown instead.

let stop = () => {}; // whatever is playing now

for (const example of document.querySelectorAll(".example")) {
  const audio = example.querySelector("audio");
  audio.controls = false;
  for (const button of example.querySelectorAll("button")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const stopping = button.classList.contains("playing");
      stop();
      if (!stopping) play(example, audio, button);
    });
  }
}

function play(example, audio, button) {
  const text = button.querySelector(".label");
  const label = text.textContent;
  const endS = Number(button.dataset.endS);
  let playing = true;

  const finish = () => {
    if (!playing) return;
    playing = false;
    audio.pause();
    audio.removeEventListener("timeupdate", follow);
    audio.removeEventListener("ended", finish);
    button.classList.remove("playing");
    text.textContent = label;
    movePlayhead(example, null);
  };
  const follow = () => {
    movePlayhead(example, audio.currentTime);
    if (audio.currentTime >= endS) finish();
  };
  const draw = () => {
    if (!playing) return;
    follow();
    requestAnimationFrame(draw);
  };

  stop = finish;
  button.classList.add("playing");
  text.textContent = "Stop";
  audio.currentTime = Number(button.dataset.startS);
  audio.addEventListener("timeupdate", follow); // also fires in a hidden tab, where animation frames stop
  audio.addEventListener("ended", finish);
  audio.play().then(draw, (error) => {
    finish();
    if (error.name !== "AbortError") example.querySelector(".playback-error").hidden = false;
  });
}

// Moves the playhead to `seconds` from the start of the sound, or hides it for null, and dispatches an event.
function movePlayhead(example, seconds) {
  const playhead = example.querySelector(".em-playhead");
  playhead.style.visibility = seconds === null ? "hidden" : "visible";
  if (seconds !== null) {
    const x = `${(100 * seconds) / Number(example.dataset.durationS)}%`;
    playhead.setAttribute("x1", x);
    playhead.setAttribute("x2", x);
  }
  example.dispatchEvent(new CustomEvent("playhead", { detail: seconds }));
}
