// Starts the page: each part watches the state, and the archive's own words come first.

import { startAbout } from "./about.js";
import { getArchive } from "./api.js";
import { askAddress, askLike, startAsking } from "./asking.js";
import { movePlayhead, startBench } from "./bench.js";
import { onSaved, resume } from "./judging.js";
import { startKeys } from "./keys.js";
import { startList } from "./list.js";
import { movePlayheadInWhole, startOverview } from "./overview.js";
import { onPlayhead } from "./player.js";
import { startProgress } from "./progress.js";
import { searchAgain } from "./searching.js";
import { startWelcome } from "./start.js";
import { change } from "./state.js";
import { putWords } from "./words.js";

putWords(document);
startAbout();
startWelcome();
startList();
startBench(askLike);
startOverview();
startProgress();
startKeys();
onSaved(searchAgain);
onPlayhead((seconds) => {
  movePlayhead(seconds);
  movePlayheadInWhole(seconds);
});

try {
  change({ archive: await getArchive() });
  resume();
  startAsking();
  askAddress();
} catch (error) {
  change({ phase: "failed", failure: { sentence: error.message, nearest: [] } });
}
