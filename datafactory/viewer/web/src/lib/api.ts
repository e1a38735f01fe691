// Everything the pages ask of the server. Only addresses of this site are ever asked.

export interface Problem { what: string; where: string; why: string; try: string; at?: number; length?: number }
export class Refused extends Error {
  constructor(readonly problem: Problem, readonly status: number) { super(problem.what); }
}

export type Kind = "number" | "text" | "texts" | "flag" | "time" | "place" | "values";
export interface DatasetInfo { alias: string; root: string; version: number | string | null }
export interface ResultsInfo { alias: string; root: string }
export interface Rate { successes: number; trials: number; low: number; high: number; share: number }
export interface Suite {
  evaluation_id: string; policy: string; checkpoint: string; suite: string; task: string; robot: string; run_seed: number;
  created_at: string; episodes: number; films: number; scores: Record<"success" | "grasped" | "placed" | "collided" | "timed_out", Rate>;
  outcomes: Record<string, number>; fouls: Record<string, number>;
}
export interface ResultsData { version: number; episodes: number; suites: Suite[] }
export interface Evaluated {
  row: number; outcome: string; film: boolean; evaluation_id: string; policy: string; suite: string; task: string; robot: string;
  instruction: string; uids: string[]; success: boolean; grasped: boolean; placed: boolean; foul: string; timed_out: boolean;
  frames: number; run_seed: number; attempt: number;
}
export interface Run { kind: string; status: string; command: string; planned: number; task: string; robot: string; engine: string; run_seed: number; started_at: string; spec_hash: string }
export interface State {
  versions: Record<string, number>; accepted: number; rejected: number; fields: Record<string, Kind>;
  variants: Record<string, string[]>; questions: boolean; runs: Run[]; problems: string[]; series_read: number | null;
}
export interface Spread { low: number; median: number; p95: number; high: number; mean: number }
export interface Counts {
  accepted: number; rejected: number; attempted: number; yield: number | null; frames: number;
  seconds: Spread | null; duration_s: number; excluded: number;
}
export interface Group { name: string; attempted: number; accepted: number; shown: number; shown_accepted: number }
export interface Facet { field: string; title: string; text: boolean; groups: Group[]; more: number }
export interface HistogramData { field: string; edges: number[]; all: number[]; shown: number[]; spread: Spread | null }
export interface Reason { stage: string; reason: string; count: number; shown: number }
export interface Coverage {
  x: [number, number]; y: [number, number]; cell: number; start: number[][]; end: number[][];
  shown_start: number[][]; shown_end: number[][];
}
export interface PhaseSpread extends Spread { name: string; episodes: number }
export interface OverviewData {
  total: Counts; shown: Counts; reasons: Reason[]; facets: Facet[]; histograms: HistogramData[];
  phases: PhaseSpread[]; coverage: Coverage | null; cpu_s: Record<string, number>;
}
export interface ValueHistogram { name: string; field: string; unit: string; edges: number[]; all: number[]; shown: number[] }
export interface MotionData {
  done: number; total: number; shown: number;
  actions: ValueHistogram[]; grasps: ValueHistogram[];
  kinds: { name: string; all: number; shown: number }[];
}
export interface RowData {
  id: string; outcome: string; stage: string | null; reason: string | null; task: string; robot: string;
  instruction: string; relation: string; family: string[]; seconds: number | null; length: number | null;
  distractors: number; attempt: number; seed: number; excluded: number; tag: string[]; comments: number;
  audit: string | null; rendered: string[]; [field: string]: unknown;
}
export interface Window { count: number; offset: number; rows: RowData[] }
export interface Check { stage: string; check: string; passed: boolean; value: number; limit: number; unit: string }
export interface Phase { name: string; start: number; stop: number; subgoal: number }
export interface Contact { a: string; b: string; start: number; stop: number; max_force: number; max_penetration: number }
export interface ViewInfo {
  variant: string; camera: string; fps: number; length: number; width: number; height: number; codec: string;
  has_masks: boolean; fx: number; fy: number; cx: number; cy: number; renderer: string;
  renderer_version: string; style_hash: string; frames: number[]; entities: string[]; video_bytes: number;
}
export interface Edge { subject: string; relation: string; objects: string[]; frame: string }
export interface GraphData { nodes?: { name: string; kind?: string }[]; edges?: Edge[] }
export interface ObjectInfo {
  name: string; uid: string; category: string; colour: string; material: string; mass_kg: number;
  size_m: number[]; start: number[]; end: number[]; moved_m: number; licence: string;
}
export interface Comment { text: string; author: string; created_at: string }
export interface Judged { excluded: boolean; reason: string; tags: string[]; comments: Comment[]; audit: string }
export interface Detail {
  id: string; task: string; instruction: string; paraphrases: string[]; robot: string; accepted: boolean;
  imported: boolean; stage: string; reason: string; frames: number; fps: number | null; phases: Phase[];
  goal: Edge[][][] | Record<string, never>; objects: ObjectInfo[]; checks: Check[]; metrics: Record<string, number>;
  cpu_s: Record<string, number>; lineage: Record<string, string | number>; commands: Record<string, string>;
  graphs: { initial: GraphData; final: GraphData }; world_from_base: number[]; contacts: Contact[];
  subtasks: { name: string; text: string; start: number; stop: number }[];
  split?: string; extra?: Record<string, unknown>; track: { fps: number; length: number } | null;
  views: ViewInfo[]; judged: Judged;
  history: { kind: string; value: string; withdrawn: boolean; author: string; source: string; created_at: string }[];
}
export interface Line { name: string; values: (number | null)[]; target: (number | null)[] | null }
export interface SeriesData { fps: number; length: number; groups: { title: string; unit: string; lines: Line[] }[] }
type Point = [number | null, number | null];
export interface OverlayData {
  entities: string[]; frames: number[]; boxes: (number | null)[][][]; amodal: (number | null)[][][];
  visibility: number[][]; tool: Point[]; fingertips: Point[][]; centers: Point[][]; grasps: Point[][][];
  grasp_object: number[]; grasp_frame: number[]; has_masks: boolean;
}
export interface Question {
  question_id: string; variant: string; camera: string; frame: number; kind: string; question: string;
  answer_text: string; width: number; height: number; split: string;
  answer: { boxes: number[][]; points: number[][]; path: boolean };
}
export interface SceneData { fps: number; frames: number; arms: number; focus: [number, number, number]; bodies: { name: string; kind: string; shape: string }[] }
export interface CameraTrack { camera: string; fps: number; length: number; width: number; height: number; fx: number; fy: number; cx: number; cy: number; frames: number[]; world_from_camera: number[][] }
export interface DiffData {
  a: string; b: string; equal: boolean;
  counts: { name: string; a: number | null; b: number | null }[];
  config: { key: string; a: unknown; b: unknown }[];
  reasons: { name: string; a: number; b: number }[];
  factors: { factor: string; group: string; a: [number, number]; b: [number, number] }[];
  distributions: { name: string; unit: string; edges: number[]; a: number[]; b: number[]; distance: number }[];
  episodes: { common: number; only_a: number; only_b: number; changed: number };
}

type Query = Record<string, string | number | boolean | undefined>;

async function ask(path: string, query: Query = {}, signal?: AbortSignal): Promise<Response> {
  const text = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined && value !== "") text.set(key, String(value));
  const suffix = text.size ? `?${text}` : "";
  let answer: Response;
  try {
    answer = await fetch(path + suffix, { signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused({ what: "the server does not answer", where: "", why: "it may have been stopped", try: "start `datafactory view` again" }, 0);
  }
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

async function refusal(answer: Response): Promise<Refused> {
  const body = await answer.json().catch(() => null);
  const problem: Problem = body?.error ?? { what: `the server answered ${answer.status}`, where: "", why: "", try: "" };
  return new Refused(problem, answer.status);
}

export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return (await ask(path, query, signal)).json() as Promise<T>;
}

export async function bytes(path: string, signal?: AbortSignal): Promise<ArrayBuffer> {
  return (await ask(path, {}, signal)).arrayBuffer();
}

export function of(alias: string, rest: string): string {
  return `/api/${encodeURIComponent(alias)}/${rest}`;
}

export function viewPath(alias: string, id: string, view: { variant: string; camera: string }, rest: string): string {
  return of(alias, `attempts/${id}/views/${encodeURIComponent(view.variant)}/${encodeURIComponent(view.camera)}/${rest}`);
}

// The token that may write: handed over in the printed address, then only kept for this tab.
const KEY = "datafactory-token";

export function takeToken(): void {
  const match = /[#&]token=([\w-]+)/.exec(location.hash);
  if (!match?.[1]) return;
  sessionStorage.setItem(KEY, match[1]);
  history.replaceState(null, "", location.pathname + location.search);
}

export function hasToken(): boolean {
  return sessionStorage.getItem(KEY) !== null;
}

export interface LabelRequest { ids: string[]; kind: string; value: string; withdrawn?: boolean }

export async function label(alias: string, request: LabelRequest): Promise<Record<string, Judged>> {
  const answer = await fetch(of(alias, "labels"), {
    method: "POST",
    headers: { "content-type": "application/json", "x-datafactory-token": sessionStorage.getItem(KEY) ?? "" },
    body: JSON.stringify(request),
  });
  if (!answer.ok) throw await refusal(answer);
  return (await answer.json()).judged;
}
