interface Props<Value extends string> {
  label: string;
  /** Null where none of them is chosen. */
  value: Value | null;
  choices: readonly { value: Value; label: string; title?: string; disabled?: boolean }[];
  onChange: (value: Value) => void;
}

/** One of a few, all in sight. */
export function Segments<Value extends string>({ label, value, choices, onChange }: Props<Value>) {
  return (
    <fieldset className="flex h-8 items-center gap-0.5 rounded-md border border-line bg-sunken p-0.5">
      <legend className="sr-only">{label}</legend>
      {choices.map((choice) => (
        <button
          key={choice.value}
          type="button"
          aria-pressed={choice.value === value}
          title={choice.title}
          disabled={choice.disabled}
          onClick={() => onChange(choice.value)}
          className="h-full rounded px-2.5 font-medium whitespace-nowrap text-muted transition-colors enabled:hover:text-ink disabled:opacity-50 aria-pressed:bg-surface aria-pressed:text-ink aria-pressed:shadow-xs"
        >
          {choice.label}
        </button>
      ))}
    </fieldset>
  );
}
