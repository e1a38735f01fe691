// What is drawn over a camera's image: stored annotations, in the image's own pixels.
import type { OverlayData } from "./api";

export interface Shown { boxes: boolean; masks: boolean; traces: boolean; points: boolean }
export interface MaskData { offsets: Uint32Array; lengths: Uint32Array; labels: Uint8Array }

export function unpackMasks(data: ArrayBuffer): MaskData {
  const head = new Uint32Array(data, 0, 2);
  const images = head[0] ?? 0, runs = head[1] ?? 0;
  return {
    offsets: new Uint32Array(data, 8, images + 1),
    lengths: new Uint32Array(data, 8 + 4 * (images + 1), runs),
    labels: new Uint8Array(data, 8 + 4 * (images + 1 + runs), runs),
  };
}

export interface Canvas { context: CanvasRenderingContext2D; width: number; height: number; scale: number }

/** Draws the annotations of one image; `hues` are the colours of the objects. */
export function draw(c: Canvas, data: OverlayData, image: number, shown: Shown, masks: MaskData | null, hues: string[]): void {
  const { context: g, scale } = c;
  g.setTransform(1, 0, 0, 1, 0, 0);
  g.clearRect(0, 0, c.width * scale, c.height * scale);
  if (shown.masks && masks) drawMasks(c, data, image, masks, hues);
  g.setTransform(scale, 0, 0, scale, 0, 0);
  g.lineJoin = "round";
  if (shown.boxes) drawBoxes(c, data, image, hues);
  if (shown.traces) drawTrace(c, data, image);
  if (shown.points) drawPoints(c, data, image, hues);
}

function drawMasks(c: Canvas, data: OverlayData, image: number, masks: MaskData, hues: string[]): void {
  const picture = new ImageData(c.width, c.height);
  const first = data.entities.length - hues.length;
  const colours = hues.map(rgb);
  let at = 0;
  for (let run = masks.offsets[image] ?? 0; run < (masks.offsets[image + 1] ?? 0); run++) {
    const length = masks.lengths[run] ?? 0;
    const colour = colours[(masks.labels[run] ?? 0) - first];
    if (colour) for (let p = at; p < at + length; p++) picture.data.set([...colour, 120], 4 * p);
    at += length;
  }
  const small = new OffscreenCanvas(c.width, c.height);
  small.getContext("2d")?.putImageData(picture, 0, 0);
  c.context.setTransform(1, 0, 0, 1, 0, 0);
  c.context.imageSmoothingEnabled = false;
  c.context.drawImage(small, 0, 0, c.width * c.scale, c.height * c.scale);
}

function rgb(hex: string): [number, number, number] {
  const n = Number.parseInt(hex.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

function drawBoxes(c: Canvas, data: OverlayData, image: number, hues: string[]): void {
  const g = c.context;
  const first = data.entities.length - hues.length;
  g.font = `500 ${11 / c.scale}px Inter, system-ui, sans-serif`;
  data.boxes[image]?.forEach((box, i) => {
    const [left, top, right, bottom] = box;
    if (left == null || top == null || right == null || bottom == null) return;
    g.strokeStyle = hues[i] ?? "#fff";
    g.lineWidth = 1.6 / c.scale;
    g.strokeRect(left, top, right - left, bottom - top);
    const name = data.entities[first + i] ?? "";
    const width = g.measureText(name).width + 6 / c.scale, high = 14 / c.scale;
    if (name.startsWith("distractor")) return;
    const y = top > high ? top - high : bottom;
    g.fillStyle = hues[i] ?? "#fff";
    g.fillRect(left - 0.8 / c.scale, y, width, high);
    g.fillStyle = "#fff";
    g.fillText(name, left + 2 / c.scale, y + 10.5 / c.scale);
  });
}

function drawTrace(c: Canvas, data: OverlayData, image: number): void {
  const g = c.context;
  for (const [from, to, colour] of [[0, image, "rgb(255 255 255 / 55%)"], [image, data.tool.length - 1, "#ffd24a"]] as const) {
    g.beginPath();
    let open = false;
    for (let i = from; i <= to; i++) {
      const [u, v] = data.tool[i] ?? [null, null];
      if (u == null || v == null) { open = false; continue; }
      if (open) g.lineTo(u, v); else g.moveTo(u, v);
      open = true;
    }
    g.strokeStyle = colour;
    g.lineWidth = 1.8 / c.scale;
    g.stroke();
  }
  dot(c, data.tool[image], "#ffd24a", 3.4);
}

function drawPoints(c: Canvas, data: OverlayData, image: number, hues: string[]): void {
  data.centers[image]?.forEach((p, i) => dot(c, p, hues[i] ?? "#fff", 3));
  data.fingertips[image]?.forEach((p) => dot(c, p, "#ffffff", 2.6));
  data.grasps[image]?.forEach((pair) => pair.forEach((p) => dot(c, p, "#ff5d8f", 2.6)));
}

function dot(c: Canvas, point: readonly (number | null)[] | undefined, colour: string, radius: number): void {
  const [u, v] = point ?? [];
  if (u == null || v == null) return;
  c.context.beginPath();
  c.context.arc(u, v, radius / c.scale, 0, 7);
  c.context.fillStyle = colour;
  c.context.fill();
  c.context.lineWidth = 1 / c.scale;
  c.context.strokeStyle = "rgb(0 0 0 / 65%)";
  c.context.stroke();
}
