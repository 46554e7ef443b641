// Groups captions by kind of event, one lane per kind: "A dog barks." and "A dog growls loudly."
// A caption is reduced to the stems of its content words, what it is about first. English only; in other languages
// captions share a lane if their words are the same.

const words = (text) => new Set(text.split(" "));

const ARTICLES = words("a an the some this that another two many several its their his her");
const FILLERS = words(
  "something it there is are was were be been being has have had can could may of in on at to and or with by from for into " +
    "over through again away then while very sound sounds noise noises heard hear background distance nearby distant " +
    "loud soft quiet heavy light steady strong gentle sudden passing single continuous repeated faint natural wooden",
);
const AGENTS = words("someone somebody person people they who"); // who makes a sound that has another name
// What makes sounds of several kinds: such captions are of one kind only if they share another word.
const GROUPS = words("animal man woman child children machin vehicl car door water wood computer clock hand");
const STEMS = { talk: "speak", speech: "speak", voic: "speak", convers: "speak", say: "speak", said: "speak", men: "man", women: "woman" };

/** "Dogs are barking loudly." -> ["dog", "bark"]; "The barking of a dog." -> ["dog", "bark"] */
export function stems(caption) {
  const all = inOrder(caption.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);
  const content = all.filter(isContent);
  if (!content.length) return [...new Set(all.map(stem))];
  const isByAgent = AGENTS.has(all.find((word) => isContent(word) || AGENTS.has(word)));
  const named = isByAgent && content.find((word) => ARTICLES.has(all[all.indexOf(word) - 1]));
  return [...new Set((named ? [named, ...content] : content).map(stem))];
}

/** The barking of a dog: the dog comes first. */
function inOrder(all) {
  const at = all.indexOf("of");
  return at < 0 ? all : [...all.slice(at + 1), ...all.slice(0, at)];
}

function isContent(word) {
  return !ARTICLES.has(word) && !FILLERS.has(word) && !AGENTS.has(word) && !/.{2}ly$/.test(word);
}

function stem(word) {
  const short = word.replace(/^(.{3,}?)(?:ing|ies|ed|es|s|e|y)$/, "$1").replace(/^(.{2,}([bdfgklmnprt]))\2$/, "$1");
  return Object.hasOwn(STEMS, short) ? STEMS[short] : short;
}

/** Whether two captions, as stems, are of one kind: they are about the same, and not just of one group. */
export function sameKind(one, other) {
  if (one[0] !== other[0]) return false;
  if (!GROUPS.has(one[0])) return true;
  const isBare = one.length === 1 || other.length === 1;
  return isBare ? one.length === other.length : one.slice(1).some((word) => other.includes(word));
}

/** Assigns lanes to captions, in order of first appearance. */
export class Kinds {
  #known = [];

  /** Returns the number of the caption's lane; a new kind gets the next one. */
  laneOf(caption) {
    const reduced = stems(caption);
    const found = this.#known.findIndex((known) => sameKind(known, reduced));
    return found >= 0 ? found : this.#known.push(reduced) - 1;
  }
}
