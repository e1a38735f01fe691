// The 3D view: stored shapes at stored poses, drawn only when something changed.
import {
  ACESFilmicToneMapping, AmbientLight, BufferGeometry, Color, DirectionalLight, DoubleSide, Float32BufferAttribute, GridHelper, Group,
  HemisphereLight, Line, LineBasicMaterial, LineSegments, Mesh, MeshStandardMaterial, type Object3D, PerspectiveCamera, PlaneGeometry,
  Quaternion, Scene as World, SphereGeometry, Vector3, WebGLRenderer,
} from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import type { CameraTrack, SceneData } from "./api";

export interface Look { sky: string; sheet: string; line: string; trail: string; tool: string; hues: string[] }
export interface Wanted { trail: boolean; frusta: boolean; contacts: boolean; follow: string }

export class Replay {
  readonly #renderer: WebGLRenderer;
  readonly #world = new World();
  readonly #camera = new PerspectiveCamera(42, 1, 0.01, 30);
  readonly #controls: OrbitControls;
  readonly #bodies: Group[] = [];
  readonly #frusta = new Map<string, LineSegments>();
  readonly #tools: Object3D[] = [];
  #trails: { past: Line; next: Line }[] = [];
  #poses = new Float32Array();
  #tracks: CameraTrack[] = [];
  #wanted: Wanted | undefined;
  #touching = new Set<string>();
  #dirty = true;
  #running = 0;
  frame = 0;

  constructor(readonly canvas: HTMLCanvasElement, readonly data: SceneData, arrays: ArrayBuffer, readonly look: Look) {
    this.#renderer = new WebGLRenderer({ canvas, antialias: true, preserveDrawingBuffer: true });
    this.#renderer.toneMapping = ACESFilmicToneMapping;
    this.#renderer.toneMappingExposure = 1.05;
    this.#world.background = new Color(look.sky);
    this.#camera.up.set(0, 0, 1);
    this.#controls = new OrbitControls(this.#camera, canvas);
    this.#controls.listenToKeyEvents(canvas);
    this.#controls.addEventListener("change", () => (this.#dirty = true));
    this.#poses = new Float32Array(arrays);
    this.#lights();
    const [x, y, z] = data.focus;
    const grid = new GridHelper(4, 40, look.line, look.line);
    grid.rotation.x = Math.PI / 2;
    grid.position.set(Math.round(x), Math.round(y), data.bodies.some((b) => b.kind === "scenery") ? 0 : z - 0.001);
    this.#world.add(grid);
    if (grid.position.z) {
      // A refused attempt has no model: where its objects stood is drawn as a plain sheet.
      const sheet = new Mesh(new PlaneGeometry(1.5, 1.5), new MeshStandardMaterial({ color: look.sheet, roughness: 0.9, transparent: true, opacity: 0.85, side: DoubleSide }));
      sheet.position.set(x, y, z - 0.002);
      this.#world.add(sheet);
    }
    this.#trail();
    this.home();
  }

  /** Looks at the middle of things from the robot's front left, above. */
  home(): void {
    const [x, y, z] = this.data.focus;
    this.#controls.target.set(x - 0.05, y, z + 0.12);
    this.#camera.position.set(x + 0.95, y - 0.85, z + 0.85);
    this.#camera.fov = 42;
    this.#camera.updateProjectionMatrix();
    this.#controls.enabled = true;
    this.#controls.update();
    this.#dirty = true;
  }

  async load(shape: (key: string) => string): Promise<void> {
    const loader = new GLTFLoader();
    const kept = new Map<string, Promise<Group>>();
    for (const body of this.data.bodies) {
      let found = kept.get(body.shape);
      if (!found) { found = loader.loadAsync(shape(body.shape)).then((file) => file.scene); kept.set(body.shape, found); }
    }
    await Promise.all(this.data.bodies.map(async (body, i) => {
      const group = new Group();
      group.userData = { body: i, name: body.name };
      const copy = (await kept.get(body.shape))?.clone();
      copy?.traverse((part) => {
        if (part instanceof Mesh && part.material instanceof MeshStandardMaterial) part.material = part.material.clone();
      });
      if (copy) group.add(copy);
      this.#bodies[i] = group;
      this.#world.add(group);
    }));
    this.show(this.frame);
  }

  #lights(): void {
    this.#world.add(new HemisphereLight("#ffffff", "#8d8578", 1.5), new AmbientLight("#ffffff", 0.35));
    for (const [x, y, z, strength] of [[1.5, -1.2, 3, 2.1], [-1.5, 1.8, 2.2, 0.8]] as const) {
      const light = new DirectionalLight("#ffffff", strength);
      light.position.set(x, y, z);
      this.#world.add(light);
    }
  }

  /** Pose of a body or tool at a frame. */
  #pose(frame: number, index: number, count: number, start: number): [Vector3, Quaternion] {
    const at = start + (frame * count + index) * 7;
    const p = this.#poses;
    return [
      new Vector3(p[at], p[at + 1], p[at + 2]),
      new Quaternion(p[at + 4], p[at + 5], p[at + 6], p[at + 3]),
    ];
  }

  #toolStart(): number { return this.data.frames * this.data.bodies.length * 7; }

  #trail(): void {
    for (let arm = 0; arm < this.data.arms; arm++) {
      const points: number[] = [];
      for (let f = 0; f < this.data.frames; f++) points.push(...this.#pose(f, arm, this.data.arms, this.#toolStart())[0].toArray());
      const geometry = () => new BufferGeometry().setAttribute("position", new Float32BufferAttribute(points, 3));
      const past = new Line(geometry(), new LineBasicMaterial({ color: this.look.trail, transparent: true, opacity: 0.3 }));
      const next = new Line(geometry(), new LineBasicMaterial({ color: this.look.trail }));
      const tool = new Mesh(new SphereGeometry(0.009), new MeshStandardMaterial({ color: this.look.tool, emissive: this.look.tool, emissiveIntensity: 0.4 }));
      this.#trails.push({ past, next });
      this.#tools.push(tool);
      this.#world.add(past, next, tool);
    }
  }

  cameras(tracks: CameraTrack[]): void {
    for (const old of this.#frusta.values()) this.#world.remove(old);
    this.#frusta.clear();
    this.#tracks = tracks;
    tracks.forEach((track, i) => {
      const d = 0.12;
      const corners = [[0, 0], [track.width, 0], [track.width, track.height], [0, track.height]].map(([u = 0, v = 0]) => new Vector3((d * (u - track.cx)) / track.fx, (d * (v - track.cy)) / track.fy, d));
      const points: Vector3[] = [];
      corners.forEach((c, k) => points.push(new Vector3(), c, c, corners[(k + 1) % 4] ?? c));
      const lines = new LineSegments(new BufferGeometry().setFromPoints(points), new LineBasicMaterial({ color: this.look.hues[(i + 1) % this.look.hues.length] ?? "#888" }));
      this.#frusta.set(track.camera, lines);
      this.#world.add(lines);
    });
    this.show(this.frame, this.#wanted, this.#touching);
  }

  /** Moves everything to a frame. */
  show(frame: number, wanted?: Wanted, touching: Set<string> = new Set()): void {
    this.frame = frame;
    this.#wanted = wanted;
    this.#touching = touching;
    const count = this.data.bodies.length;
    this.#bodies.forEach((group, i) => {
      const [position, turn] = this.#pose(frame, i, count, 0);
      group.position.copy(position);
      group.quaternion.copy(turn);
      const lit = !!wanted?.contacts && touching.has(group.userData.name as string);
      if (group.userData.lit === lit) return;
      group.userData.lit = lit;
      group.traverse((part) => {
        if (part instanceof Mesh && part.material instanceof MeshStandardMaterial) part.material.emissive.set(lit ? "#7a3a00" : "#000000");
      });
    });
    this.#tools.forEach((tool, arm) => tool.position.copy(this.#pose(frame, arm, this.data.arms, this.#toolStart())[0]));
    this.#trails.forEach(({ past, next }) => {
      past.geometry.setDrawRange(0, frame + 1);
      next.geometry.setDrawRange(frame, Infinity);
      past.visible = next.visible = wanted?.trail ?? true;
    });
    this.#look(frame, wanted);
    this.#dirty = true;
  }

  #look(frame: number, wanted?: Wanted): void {
    for (const track of this.#tracks) {
      let k = track.frames.findLastIndex((f) => f <= frame);
      if (k < 0) k = 0;
      const [x = 0, y = 0, z = 0, w = 1, a = 0, b = 0, c = 0] = track.world_from_camera[k] ?? [];
      const lines = this.#frusta.get(track.camera);
      lines?.position.set(x, y, z);
      lines?.quaternion.set(a, b, c, w);
      if (lines) lines.visible = (wanted?.frusta ?? true) && wanted?.follow !== track.camera;
      if (wanted?.follow === track.camera) {
        this.#controls.enabled = false;
        this.#camera.position.set(x, y, z);
        this.#camera.quaternion.set(a, b, c, w).multiply(new Quaternion(1, 0, 0, 0));
        this.#camera.fov = (2 * Math.atan(track.height / (2 * track.fy)) * 180) / Math.PI;
        this.#camera.updateProjectionMatrix();
      }
    }
    if (wanted && !wanted.follow && !this.#controls.enabled) this.home();
  }

  resize(width: number, height: number): void {
    this.#renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.#renderer.setSize(width, height, false);
    this.#camera.aspect = width / height;
    this.#camera.updateProjectionMatrix();
    this.#dirty = true;
  }

  start(): void {
    const tick = () => {
      this.#running = requestAnimationFrame(tick);
      if (this.#controls.enabled) this.#controls.update();
      if (!this.#dirty) return;
      this.#dirty = false;
      this.#renderer.render(this.#world, this.#camera);
    };
    tick();
  }

  /** One picture of a frame, without any helper lines. */
  async still(frame: number, width: number, height: number): Promise<string> {
    this.resize(width, height);
    this.show(frame, { trail: false, frusta: false, contacts: false, follow: "" });
    this.#renderer.render(this.#world, this.#camera);
    return this.canvas.toDataURL("image/webp", 0.9);
  }

  /** Positions of all bodies as they are drawn, by name; for tests. */
  positions(): Record<string, number[]> {
    this.#world.updateMatrixWorld(true);
    return Object.fromEntries(this.#bodies.map((g) => [g.userData.name as string, new Vector3().setFromMatrixPosition(g.matrixWorld).toArray()]));
  }

  /** What is drawn of each body; for tests. */
  bodies(): readonly Group[] { return this.#bodies; }

  close(): void {
    cancelAnimationFrame(this.#running);
    this.#controls.dispose();
    this.#world.traverse((part) => { if (part instanceof Mesh) part.geometry.dispose(); });
    this.#renderer.dispose();
  }
}
