// The one clock of an episode: cameras, plots and the 3D view all follow it.
import { put, route } from "./route.svelte";

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4];

export class Clock {
  time = $state(0);
  playing = $state(false);
  duration = $state(0);
  fps = $state(20);
  frames = $state(0);
  #last = 0;
  #request = 0;

  setup(fps: number, frames: number): void {
    this.fps = fps;
    this.frames = frames;
    this.duration = frames / fps;
  }

  get speed(): number {
    const asked = Number(route.query.speed ?? 1);
    return SPEEDS.includes(asked) ? asked : 1;
  }

  get frame(): number {
    return Math.max(0, Math.min(this.frames - 1, Math.floor(this.time * this.fps + 1e-6)));
  }

  /** Stands at a frame: in its middle, so that no rounding shows a neighbour. */
  seek(frame: number): void {
    const whole = Math.max(0, Math.min(this.frames - 1, Math.round(frame)));
    this.time = (whole + 0.5) / this.fps;
  }

  step(by: number): void {
    this.pause();
    this.seek(this.frame + by);
  }

  play(): void {
    if (this.playing || this.frames < 2) return;
    if (this.frame >= this.frames - 1) this.time = 0;
    this.playing = true;
    this.#last = performance.now();
    const tick = (now: number) => {
      if (!this.playing) return;
      const next = this.time + (this.speed * (now - this.#last)) / 1000;
      this.#last = now;
      if (next >= this.duration) {
        this.seek(this.frames - 1);
        this.pause();
        return;
      }
      this.time = next;
      this.#request = requestAnimationFrame(tick);
    };
    this.#request = requestAnimationFrame(tick);
  }

  pause(): void {
    this.playing = false;
    cancelAnimationFrame(this.#request);
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  /** Keeps the speed in the address, so that a copied address plays the same. */
  faster(by: number): void {
    const at = SPEEDS.indexOf(this.speed) + by;
    const next = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at))] ?? 1;
    put({ speed: next === 1 ? "" : String(next) }, true);
  }
}
