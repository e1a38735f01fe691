const whole = new Intl.NumberFormat("en");

export function count(value: number): string {
  return whole.format(Math.round(value));
}

export function percent(part: number, all: number, digits = 1): string {
  return all ? `${((100 * part) / all).toFixed(digits)}%` : "–";
}

export function duration(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  const minutes = seconds / 60;
  if (minutes < 120) return `${minutes.toFixed(1)} min`;
  const hours = minutes / 60;
  return hours < 1000 ? `${hours.toFixed(1)} h` : `${count(hours)} h`;
}

export function seconds(value: number | null | undefined): string {
  return value == null ? "–" : `${value.toFixed(2)} s`;
}

/** Four significant digits, as the command line prints them. */
export function number(value: number | null | undefined): string {
  if (value == null) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-4) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

export function words(name: string): string {
  return name.replaceAll("_", " ");
}

export function when(iso: string): string {
  return new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
