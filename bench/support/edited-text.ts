/** Rulesets changed in many places. */

/** A copy with every nth rule gone, turned over, or about another port. */
export function scatteredEdits(text: string, edits: number): string {
  const lines = text.split('\n');
  const rules = lines.flatMap((line, i) => (/^(\[\d+:\d+\] )?-A /.test(line) ? [i] : []));
  for (let n = 0; n < edits; n++) {
    const at = rules[Math.floor((n * rules.length) / edits)] ?? 0;
    const line = lines[at] ?? '';
    const turned = line.replace(/-j (ACCEPT|DROP)$/, (_, t) => `-j ${t === 'ACCEPT' ? 'DROP' : 'ACCEPT'}`);
    const other = line.replace(/--dport (\d+)/, (_, p) => `--dport ${(Number(p) % 65_535) + 1}`);
    lines[at] = [turned, other].find((l) => l !== line) ?? '';
  }
  return lines.join('\n');
}
