// Click-filters edit the text of the filter box: one filter, written one way.

export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function equals(field: string, value: string, text: boolean): string {
  return `${field} = ${text ? quote(value) : value}`;
}

/** Conditions joined by AND at the top level, outside quotes and brackets. */
export function conditions(where: string): string[] {
  const found: string[] = [];
  let depth = 0, start = 0, quoted = "", between = false;
  for (let i = 0; i < where.length; i++) {
    const c = where[i] ?? "";
    if (quoted) { if (c === quoted) quoted = ""; continue; }
    if (c === "'" || c === '"') quoted = c;
    else if (c === "(") depth++;
    else if (c === ")") depth--;
    else if (depth === 0 && /^\sbetween\s/i.test(where.slice(i))) between = true;
    else if (depth === 0 && /^\sor\s/i.test(where.slice(i))) return [where.trim()];
    else if (depth === 0 && /^\sand\s/i.test(where.slice(i))) {
      if (between) { between = false; continue; }
      found.push(where.slice(start, i).trim());
      start = i + 4;
    }
  }
  found.push(where.slice(start).trim());
  return found.filter(Boolean);
}

export function has(where: string, condition: string): boolean {
  return conditions(where).includes(condition);
}

/** Adds a condition, or takes it away when it is there. */
export function toggled(where: string, condition: string): string {
  const parts = conditions(where);
  if (parts.includes(condition)) return parts.filter((part) => part !== condition).join(" AND ");
  const alone = parts.length === 1 && /\sor\s/i.test(parts[0] ?? "");
  return [...(alone ? [`(${parts[0]})`] : parts), condition].join(" AND ");
}

/** Puts a range in place of an earlier range of the same field. */
export function ranged(where: string, field: string, low: number, high: number): string {
  const others = conditions(where).filter((part) => !part.startsWith(`${field} BETWEEN `));
  return [...others, `${field} BETWEEN ${tidy(low)} AND ${tidy(high)}`].join(" AND ");
}

/** Whether a filter names what is read from time series, in the background. */
export function ofSeries(where: string): boolean {
  return /\b(?:action\.|grasp\b)/.test(where);
}

export function tidy(value: number): string {
  return String(Number(value.toPrecision(6)));
}
