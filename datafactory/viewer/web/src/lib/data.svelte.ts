// The dataset in view: its state, polled so that a running generation is seen to grow.
import { type DatasetInfo, type Problem, type ResultsInfo, type State, Refused, get, hasToken, of } from "./api";
import { ofSeries } from "./filter";
import { route } from "./route.svelte";

export const site = $state<{ datasets: DatasetInfo[]; results: ResultsInfo[]; writable: boolean; problem: Refused | null }>({
  datasets: [], results: [], writable: false, problem: null,
});
export const current = $state<{ alias: string; state: State | null; problem: Refused | null; stamp: number }>({
  alias: "", state: null, problem: null, stamp: 0,
});

/** The filter that pages apply: checked first, so that none that is wrong is ever asked for. */
export const filter = $state<{ alias: string; where: string | null; problem: Problem | null }>({ alias: "", where: null, problem: null });

let asking = 0;
export async function checkFilter(alias: string, where: string): Promise<void> {
  const mine = ++asking;
  if (alias !== filter.alias) Object.assign(filter, { alias, where: null, problem: null });
  let problem: Problem | null = null;
  if (where) {
    try {
      problem = (await get<{ problem: Problem | null }>(of(alias, "check"), { where })).problem;
    } catch (error) {
      problem = asRefused(error).problem;
    }
  }
  if (mine !== asking) return;
  filter.problem = problem;
  filter.where = problem ? null : where;
}

export function mayWrite(): boolean {
  return site.writable && hasToken();
}

export async function loadSite(): Promise<void> {
  try {
    Object.assign(site, await get<{ datasets: DatasetInfo[]; results: ResultsInfo[]; writable: boolean }>("/api/datasets"));
    site.problem = null;
  } catch (error) {
    site.problem = asRefused(error);
  }
}

export async function loadState(alias: string): Promise<void> {
  try {
    const state = await get<State>(of(alias, "state"));
    if (alias !== current.alias) return;
    const before = JSON.stringify(current.state?.versions);
    current.problem = null;
    if (JSON.stringify(state.versions) !== before) {
      current.state = state;
      current.stamp++;
    } else if (current.state && state.series_read !== current.state.series_read) {
      current.state = state;
      if (ofSeries(route.query.where ?? "")) current.stamp++;
    } else if (current.state && JSON.stringify(state.runs) !== JSON.stringify(current.state.runs)) {
      current.state = state;
    }
  } catch (error) {
    if (alias === current.alias) current.problem = asRefused(error);
  }
}

export function show(alias: string): void {
  if (alias === current.alias) return;
  Object.assign(current, { alias, state: null, problem: null });
  void loadState(alias);
}

export function asRefused(error: unknown): Refused {
  if (error instanceof Refused) return error;
  return new Refused({ what: "the page made a mistake", where: "", why: String(error), try: "reload the page" }, 0);
}
