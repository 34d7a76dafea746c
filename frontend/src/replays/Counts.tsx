import { asCount } from "../ui/format";

interface Props {
  caption: string;
  counts: Readonly<Record<string, number>>;
  label: (name: string) => string;
}

/** How many of each, with bars that compare them. */
export function Counts({ caption, counts, label }: Props) {
  const entries = Object.entries(counts);
  if (entries.length === 0) return null;
  const most = Math.max(...entries.map(([, count]) => count), 1);
  return (
    <section aria-label={caption}>
      <p className="mb-1 text-xs font-medium text-muted">{caption}</p>
      <ul className="flex flex-col gap-1">
        {entries.map(([name, count]) => (
          <li key={name} className="grid grid-cols-[11rem_1fr_auto] items-center gap-2 text-xs">
            <span className="truncate" title={name}>
              {label(name)}
            </span>
            <span
              className="h-1.5 rounded-full bg-accent/50"
              style={{ width: `${(count / most) * 100}%` }}
            />
            <span className="text-right">{asCount(count)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
