const TONES = { accent: "bg-accent", good: "bg-good", bad: "bg-bad", calm: "bg-faint" };

interface Props {
  /** Of what, for those who do not see it. */
  label: string;
  /** From 0 to 100. */
  percent: number;
  tone?: keyof typeof TONES;
}

/** How far something has come. */
export function Progress({ label, percent, tone = "accent" }: Props) {
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuenow={percent}
      aria-valuemin={0}
      aria-valuemax={100}
      className="h-1.5 overflow-hidden rounded-full bg-line"
    >
      <div
        className={`h-full rounded-full transition-[width] duration-500 ${TONES[tone]}`}
        style={{ width: `${percent}%` }}
      />
    </div>
  );
}
