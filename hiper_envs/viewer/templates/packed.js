/* What the page carries: a line for each episode, and the episodes themselves, packed in chunks. */
const { runs } = JSON.parse(document.getElementById("data").textContent);
const NUM_KEPT_CHUNKS = 24;
const kept = new Map();

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

async function loadEpisode(runIndex, position) {
  const run = runs[runIndex];
  const chunk = Math.floor(position / run.chunkSize);
  const key = `${runIndex}/${chunk}`;
  const episodes = kept.get(key) ?? unpack(run.chunks[chunk]);
  kept.delete(key);
  kept.set(key, episodes);
  if (kept.size > NUM_KEPT_CHUNKS) kept.delete(kept.keys().next().value);
  return (await episodes)[position % run.chunkSize];
}

function listTexts(episode) {
  const turns = episode.turns.flatMap((turn) => [turn.action, turn.observation, turn.reply, ...(turn.milestones ?? [])]);
  return [episode.reset, episode.error ?? "", ...turns].join("\n").toLowerCase();
}

/** Positions of the episodes in whose turns every word occurs; null once isStale() says that nobody waits for it. */
async function searchTurns(runIndex, words, isStale, onProgress) {
  const { chunks, chunkSize, episodes: lines } = runs[runIndex];
  const found = new Set();
  for (const [number, chunk] of chunks.entries()) {
    const episodes = await unpack(chunk);
    if (isStale()) return null;
    episodes.forEach((episode, offset) => {
      const position = number * chunkSize + offset;
      const text = `${lineText(lines[position])}\n${listTexts(episode)}`;
      if (words.every((word) => text.includes(word))) found.add(position);
    });
    onProgress((number + 1) / chunks.length);
  }
  return found;
}

function lineText(line) {
  return [line.instruction, line.task, ...line.subgoals].join("\n").toLowerCase();
}

/** The same task's episode of another run: with the same seed if there is one, else the task's first. */
function findSameTask(runIndex, line) {
  const lines = runs[runIndex].episodes;
  const exact = lines.findIndex((other) => other.key === line.key);
  return exact >= 0 ? exact : lines.findIndex((other) => other.task === line.task);
}
