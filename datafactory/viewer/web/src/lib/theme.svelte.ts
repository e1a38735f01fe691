export type Theme = "light" | "dark";

const asked = matchMedia("(prefers-color-scheme: dark)");
export const theme = $state<{ name: Theme }>({ name: "light" });

function apply(name: Theme): void {
  theme.name = name;
  document.documentElement.dataset.theme = name;
}

export function startTheme(): void {
  const kept = localStorage.getItem("theme");
  apply(kept === "light" || kept === "dark" ? kept : asked.matches ? "dark" : "light");
  asked.addEventListener("change", () => {
    if (!localStorage.getItem("theme")) apply(asked.matches ? "dark" : "light");
  });
}

export function switchTheme(): void {
  const name = theme.name === "dark" ? "light" : "dark";
  localStorage.setItem("theme", name);
  apply(name);
}

/** A colour of the present theme. */
export function colour(name: string): string {
  void theme.name;
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Eight colours for lines and objects, told apart also by people who see few hues. */
export const HUES = {
  light: ["#2563a8", "#c2571a", "#237a57", "#9a3f86", "#8a6d00", "#177e89", "#b23a48", "#5b5b8f"],
  dark: ["#6aaef5", "#f09a5a", "#5cc79b", "#e08bd0", "#dcbf4e", "#57c6d3", "#f08492", "#a9a9e6"],
} as const;

export function hue(index: number): string {
  const list = HUES[theme.name];
  return list[index % list.length] ?? list[0];
}
