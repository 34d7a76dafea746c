import { Code } from "./Code";

/** A value as JSON, with its names and its kinds of values told apart. */
export function Json({ value }: { value: unknown }) {
  return (
    <Code>
      <Node value={value} indent="" />
    </Code>
  );
}

function Node({ value, indent }: { value: unknown; indent: string }) {
  if (Array.isArray(value)) {
    return <Lines open="[" close="]" indent={indent} entries={value.map((each) => [null, each])} />;
  }
  if (typeof value === "object" && value !== null) {
    return <Lines open="{" close="}" indent={indent} entries={Object.entries(value)} />;
  }
  const tone = typeof value === "string" ? "text-good" : "text-info";
  return <span className={tone}>{JSON.stringify(value) ?? "undefined"}</span>;
}

interface LinesProps {
  open: string;
  close: string;
  indent: string;
  entries: (readonly [string | null, unknown])[];
}

function Lines({ open, close, indent, entries }: LinesProps) {
  if (entries.length === 0) return `${open}${close}`;
  const deeper = `${indent}  `;
  return (
    <>
      {open}
      {entries.map(([name, value], index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines of one value never move
        <span key={index}>
          {`\n${deeper}`}
          {name !== null && (
            <>
              <span className="text-ink">{JSON.stringify(name)}</span>
              {": "}
            </>
          )}
          <Node value={value} indent={deeper} />
          {index < entries.length - 1 && ","}
        </span>
      ))}
      {`\n${indent}${close}`}
    </>
  );
}
