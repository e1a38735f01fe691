// Pictures of attempts without images: their last stored poses, drawn one after the other.
import { type SceneData, bytes, get, of } from "./api";
import { HUES, colour, theme } from "./theme.svelte";

const WIDTH = 400, HEIGHT = 260;
const kept = new Map<string, Promise<string>>();
let queue: Promise<unknown> = Promise.resolve();

/** The last moment of an attempt as a data address. */
export function lastStill(dataset: string, id: string): Promise<string> {
  const key = `${dataset}/${id}/${theme.name}`;
  let found = kept.get(key);
  if (!found) {
    found = queue.then(() => draw(dataset, id));
    queue = found.catch(() => undefined);
    kept.set(key, found);
  }
  return found;
}

async function draw(dataset: string, id: string): Promise<string> {
  const { Replay } = await import("./replay3d");
  const scene = await get<SceneData>(of(dataset, `attempts/${id}/scene`));
  const arrays = await bytes(of(dataset, `attempts/${id}/poses`));
  const look = { sky: colour("wash"), sheet: colour("rule"), line: colour("line"), trail: colour("mark"), tool: colour("bad"), hues: [...HUES[theme.name]] };
  const replay = new Replay(document.createElement("canvas"), scene, arrays, look);
  try {
    await replay.load((key) => of(dataset, `shapes/${key}`));
    return await replay.still(scene.frames - 1, WIDTH, HEIGHT);
  } finally {
    replay.close();
  }
}
