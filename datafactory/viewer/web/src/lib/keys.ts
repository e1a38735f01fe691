/** Whether a key press is meant for a text field. */
export function typing(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  return !!target && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}

export const HELP: [string, string][] = [
  ["/", "filter"], ["g then o, e, a, c", "overview, episodes, audit, compare"], ["t", "light or dark"],
  ["j, k", "next, previous row or episode"], ["↑ ↓, PageUp, PageDown", "in the list: rows, pages; Home, End its ends"], ["Enter", "open the row"], ["Space", "play or pause"],
  ["← →", "one frame; with Shift ten"], ["Home, End", "first, last frame"], ["[ ]", "previous, next phase"],
  ["< >", "slower, faster"], ["m", "masks"], ["b", "boxes"], ["r", "traces"], ["p", "points"], ["arrows in the 3D view", "move it; with Shift turn it"], ["x", "exclude or take back"], ["?", "this help"],
];
