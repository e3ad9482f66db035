/* One episode, turn by turn. */
const LONG_TEXT = 700;
const LONG_BESIDE = 200;
const SHORTEST_SECONDS = 0.001;
const NUM_HUES = 8;
const NARROW_SHARE = 0.05;
const OUTCOMES = { success: "success", failure: "no success", crash: "crash" };
const PARTS = {
  r_type: "type", r_att: "attributes", r_option: "options", r_price: "price",
  query_match: "same query", category_match: "same category", title_score: "title",
};

/** Make an element; text never becomes markup. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const hue = (index) => `hue-${index % NUM_HUES}`;
const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
const round = (number) => String(Number(number.toFixed(3)));
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

function clipped(text, longest = LONG_TEXT) {
  const block = make("div", { class: "observation" });
  const parts = text.trim().split(" [SEP] ");
  parts.forEach((part, index) => block.append(...(index ? [make("span", { class: "separator" }, " | "), part] : [part])));
  if (text.length <= longest) return [block];
  block.classList.add("clip");
  const button = make("button", { type: "button", class: "plain unfold", "aria-expanded": "false" }, "Show the whole text");
  button.addEventListener("click", () => {
    const isClipped = block.classList.toggle("clip");
    button.setAttribute("aria-expanded", String(!isClipped));
    button.textContent = isClipped ? "Show the whole text" : "Show less";
  });
  return [block, button];
}

function makeReply(turn, subgoal, isWhole) {
  if (isWhole) return make("pre", { class: "reply" }, turn.reply);
  const numWords = turn.reply.replace(/<\/?(switch|subgoal|action)>/gi, " ").split(/\s+/).length;
  const hasThoughts = numWords > `${turn.action} ${subgoal}`.split(/\s+/).length + 4;
  return hasThoughts || turn.problems ? make("details", {}, make("summary", {}, "whole reply"), make("pre", { class: "reply" }, turn.reply)) : null;
}

function tellCost(seconds, read, written) {
  const facts = [];
  if (seconds >= SHORTEST_SECONDS) facts.push(seconds < 0.1 ? `${Math.round(1000 * seconds)} ms` : `${seconds.toFixed(1)} s`);
  if (read != null || written != null) facts.push(`${read ?? "?"} + ${written ?? "?"} tokens`);
  return facts.join(", ");
}

function makeTurn(turn, number, subgoal, options) {
  const badges = (turn.milestones ?? []).map((name) => make("span", { class: "badge milestone" }, `◆ ${name}`));
  if (turn.reward) badges.push(make("span", { class: "badge reward" }, `reward ${round(turn.reward)}`));
  const cost = tellCost(turn.seconds, turn.read, turn.written);
  return make(
    "li",
    { "data-turn": number },
    make("span", { class: "turn" }, String(number + 1)),
    make("div", {},
      number === options.parting ? make("p", { class: "parting" }, "From here on the two differ") : null,
      make("div", { class: "action" }, make("code", {}, turn.action || "(no action)"), ...badges, cost ? make("span", { class: "cost" }, cost) : null),
      ...(turn.problems ?? []).map((problem) => make("p", { class: "problem" }, problem)),
      ...clipped(turn.observation),
      makeReply(turn, subgoal, options.hasReplies)),
  );
}

function makeSegment(episode, segment, index, options) {
  const turns = episode.turns.slice(segment.start, segment.end);
  const reward = segment.reward ? `, reward ${round(segment.reward)}` : "";
  const facts = `${plural(turns.length, "turn")}, ended by ${segment.end_reason}${reward}`;
  return make(
    "section",
    { class: `segment ${hue(index)}` },
    make("h4", {}, make("span", { class: "segment-number" }, String(index + 1)), segment.subgoal || "no subgoal declared", make("span", { class: "segment-facts" }, facts)),
    make("ol", { class: "turns" }, ...turns.map((turn, offset) => makeTurn(turn, segment.start + offset, segment.subgoal, options))),
  );
}

function showTurn(page, number) {
  page.querySelector(".turns li.shown")?.classList.remove("shown");
  const row = page.querySelector(`.turns li[data-turn="${number}"]`);
  row.classList.add("shown");
  row.scrollIntoView({ block: "start" });
}

function makeMark(turn, number, page) {
  const milestones = turn.milestones ?? [];
  const kind = turn.problems ? "problem" : milestones.length ? "milestone" : turn.reward ? "reward" : null;
  if (kind === null) return null;
  const facts = [...milestones, ...(turn.problems ?? []), ...(turn.reward ? [`reward ${round(turn.reward)}`] : [])];
  const label = `Turn ${number + 1}: ${facts.join("; ")}`;
  return make("button", {
    type: "button", class: `mark-button is-${kind}`, style: `grid-column:${number + 1}`, title: label, "aria-label": label, click: () => showTurn(page, number),
  }, { problem: "!", milestone: "◆", reward: "●" }[kind]);
}

/** The segments as bands to scale, and under them a mark at every turn where something happened. */
function makeTimeline(episode, page) {
  const numTurns = Math.max(1, episode.turns.length);
  const bands = episode.segments.map((segment, index) => {
    const label = segment.subgoal || "no subgoal";
    const title = `${label}: ${plural(segment.end - segment.start, "turn")}`;
    const isNarrow = (segment.end - segment.start) / numTurns < NARROW_SHARE;
    const style = `grid-column:${segment.start + 1} / ${segment.end + 1}`;
    return make("button", { type: "button", class: `band ${hue(index)}${isNarrow ? " narrow" : ""}`, style, title, "aria-label": title, click: () => showTurn(page, segment.start) }, label);
  });
  const marks = episode.turns.map((turn, number) => makeMark(turn, number, page));
  return make("div", { class: "timeline", role: "group", "aria-label": "Segments and marks", style: `grid-template-columns:repeat(${numTurns}, minmax(0, 1fr))` }, ...bands, ...marks.filter(Boolean));
}

function makeMilestones(episode, page) {
  if (!episode.milestones.length) return null;
  const turns = new Map(episode.turns.flatMap((turn, number) => (turn.milestones ?? []).map((name) => [name, number])));
  const chips = episode.milestones.map((name) => turns.has(name)
    ? make("button", { type: "button", click: () => showTurn(page, turns.get(name)) }, `◆ ${name}, turn ${turns.get(name) + 1}`)
    : make("span", { class: "missed" }, `◇ ${name}`));
  return make("div", { class: "milestones", role: "group", "aria-label": "Milestones" }, make("span", { class: "caption" }, `Milestones ${turns.size} of ${episode.milestones.length}`), ...chips);
}

function makeParts({ parts }) {
  const weightOf = (name) => parts[name.replace(/^r_/, "w_")];
  const names = Object.keys(parts).filter((name) => !name.startsWith("w_") || !(name.replace(/^w_/, "r_") in parts));
  if (!names.length) return null;
  const chips = names.map((name) => {
    const [value, weight] = [parts[name], name.startsWith("r_") ? weightOf(name) : undefined];
    const text = typeof value === "boolean" ? (value ? "yes" : "no") : round(value);
    const kind = Number(value) === 1 ? "full" : Number(value) === 0 ? "none" : "part";
    return make("span", { class: kind }, `${PARTS[name] ?? name} `, make("b", {}, text), weight === undefined ? null : ` weight ${round(weight)}`);
  });
  return make("div", { class: "parts", role: "group", "aria-label": "Reward parts" }, make("span", { class: "caption" }, "Reward parts"), ...chips);
}

function tellWhole(episode) {
  const [read, written] = ["read", "written"].map((key) => episode.turns.some((turn) => turn[key] != null) ? sum(episode.turns.map((turn) => turn[key] ?? 0)) : null);
  return tellCost(episode.seconds, read, written);
}

/** The page of an episode; `options` hold `parting`, the first turn that differs from the other page's (null without one), and `hasReplies`. */
function makePage(run, line, episode, options) {
  const page = make("article", { "aria-label": `${run.name}: ${line.instruction}` });
  const settings = Object.entries(episode.options).map(([name, value]) => `, ${name} ${value}`).join("");
  const facts = [`score ${line.score}`, plural(line.turns, "turn"), plural(line.segments.length, "segment"), tellWhole(episode)];
  page.append(...[
    make("h3", {}, line.instruction),
    make("p", { class: "page-facts" }, make("strong", {}, run.name), make("span", { class: `outcome ${line.outcome}` }, OUTCOMES[line.outcome]), ...facts.filter(Boolean).map((fact) => make("span", {}, fact))),
    make("p", { class: "task" }, `${line.task}, seed ${episode.seed}${settings}`),
    makeTimeline(episode, page),
    makeMilestones(episode, page),
    makeParts(episode),
    make("div", { class: "reset" }, ...clipped(episode.reset, options.parting === null ? LONG_TEXT : LONG_BESIDE)),
    ...episode.segments.map((segment, index) => makeSegment(episode, segment, index, options)),
    episode.error === null ? null : make("pre", { class: "error" }, episode.error),
  ].filter((part) => part !== null));
  return page;
}

/** The first turn whose actions differ; the shorter one's length if one only goes on where the other ends. */
function findParting(first, second) {
  const limit = Math.min(first.turns.length, second.turns.length);
  let number = 0;
  while (number < limit && first.turns[number].action === second.turns[number].action) number += 1;
  return number;
}
