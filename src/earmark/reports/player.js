"use strict";

// Plays a moment from its hit to the end of the hit, or the whole of it, with a playhead over the plot.
// Without this script the browser's own controls are there instead.

let stop = () => {}; // whatever is playing now

for (const moment of document.querySelectorAll(".moment")) {
  const audio = moment.querySelector("audio");
  audio.controls = false;
  for (const button of moment.querySelectorAll("button")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const stopping = button.classList.contains("playing");
      stop();
      if (!stopping) play(moment, audio, button);
    });
  }
}

function play(moment, audio, button) {
  const words = button.querySelector(".label");
  const label = words.textContent;
  const endS = Number(button.dataset.endS);
  let playing = true;

  const finish = () => {
    if (!playing) return;
    playing = false;
    audio.pause();
    audio.removeEventListener("timeupdate", follow);
    audio.removeEventListener("ended", finish);
    button.classList.remove("playing");
    words.textContent = label;
    movePlayhead(moment, null);
  };
  const follow = () => {
    movePlayhead(moment, audio.currentTime);
    if (audio.currentTime >= endS) finish();
  };
  const draw = () => {
    if (!playing) return;
    follow();
    requestAnimationFrame(draw);
  };

  stop = finish;
  button.classList.add("playing");
  words.textContent = "Stop";
  audio.currentTime = Number(button.dataset.startS);
  audio.addEventListener("timeupdate", follow); // goes on in a tab that is not seen, where nothing is drawn
  audio.addEventListener("ended", finish);
  audio.play().then(draw, (error) => {
    finish();
    if (error.name !== "AbortError") moment.querySelector(".trouble").hidden = false;
  });
}

// Puts the playhead at `seconds` from the start of the sound, or away for null, and tells it in an event.
function movePlayhead(moment, seconds) {
  const playhead = moment.querySelector(".em-playhead");
  playhead.style.visibility = seconds === null ? "hidden" : "visible";
  if (seconds !== null) {
    const x = `${(100 * seconds) / Number(moment.dataset.durationS)}%`;
    playhead.setAttribute("x1", x);
    playhead.setAttribute("x2", x);
  }
  moment.dispatchEvent(new CustomEvent("playhead", { detail: seconds }));
}
