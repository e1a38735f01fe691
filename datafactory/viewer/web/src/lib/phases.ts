import type { Phase } from "./api";

/** A colour per phase name: the same in every episode. */
const KNOWN: Record<string, number> = { reach: 0, approach: 5, grasp: 1, lift: 2, carry: 2, lower: 4, release: 6, retreat: 7, hold: 3 };

export function phaseHue(name: string): number {
  const known = KNOWN[name];
  if (known !== undefined) return known;
  let sum = 0;
  for (const c of name) sum = (sum * 31 + c.charCodeAt(0)) >>> 0;
  return sum % 8;
}

export function phaseAt(phases: Phase[], frame: number): Phase | undefined {
  return phases.find((p) => p.start <= frame && frame < p.stop);
}
