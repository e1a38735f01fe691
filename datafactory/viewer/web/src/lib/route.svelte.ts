// Everything that is shown is in the address: #/dataset/page/id?where=...&sort=...

import { takeToken } from "./api";

export interface Route { dataset: string; page: string; id: string; query: Record<string, string> }

export function read(hash: string): Route {
  const [path = "", text = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [dataset = "", page = "", id = ""] = path.split("/").map(decoded);
  return { dataset, page: page || "overview", id, query: Object.fromEntries(new URLSearchParams(text)) };
}

/** A part that is not percent-encoded text stands as it is: the server then says that there is no such thing. */
function decoded(part: string): string {
  try { return decodeURIComponent(part); } catch { return part; }
}

export function address(dataset: string, page: string, id = "", query: Record<string, string> = {}): string {
  const path = [dataset, page, id].filter(Boolean).map(encodeURIComponent).join("/");
  const kept = Object.entries(query).filter(([, value]) => value !== "");
  const text = new URLSearchParams(kept).toString();
  return `#/${path}${text ? `?${text}` : ""}`;
}

takeToken();
export const route = $state<Route>(read(location.hash));

function follow(): void {
  takeToken();
  Object.assign(route, read(location.hash));
}

addEventListener("hashchange", follow);

export function go(hash: string, replace = false): void {
  if (replace) history.replaceState(history.state, "", hash);
  else history.pushState(null, "", hash);
  follow();
}

/** Changes some of the query; an empty value removes it. */
export function put(changes: Record<string, string>, replace = false): void {
  go(address(route.dataset, route.page, route.id, { ...route.query, ...changes }), replace);
}

addEventListener("popstate", follow);
