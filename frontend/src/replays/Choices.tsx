import { type ReactNode, useId } from "react";
import { FieldError } from "../ui/Field";

interface Props<Value extends string> {
  legend: string;
  options: readonly { value: Value; label: string }[];
  chosen: readonly Value[];
  onChange: (chosen: Value[]) => void;
  /** One of them, or any number. */
  only?: boolean;
  error?: string | undefined;
  /** Beside the legend. */
  aside?: ReactNode;
}

/** Some of a few; several are in the order of the options, whichever was chosen first. */
export function Choices<Value extends string>(props: Props<Value>) {
  const { legend, options, chosen, onChange, only, error, aside } = props;
  const id = useId();
  return (
    <fieldset aria-describedby={error ? `${id}-error` : undefined}>
      <legend className="mb-1 flex w-full items-center gap-3 text-xs font-medium text-muted">
        {legend}
        {aside}
      </legend>
      <div className="flex flex-wrap gap-1.5">
        {options.map(({ value, label }) => (
          <label
            key={value}
            // What is hidden in it must scroll with it, and not lie below the page.
            className="relative flex h-7 cursor-pointer items-center rounded-md border border-line-strong bg-surface px-2.5 text-xs hover:bg-hover has-checked:border-accent has-checked:bg-accent-ground has-checked:font-medium has-checked:text-accent has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent"
          >
            <input
              type={only ? "radio" : "checkbox"}
              name={id}
              aria-invalid={error ? true : undefined}
              checked={chosen.includes(value)}
              onChange={({ target }) =>
                onChange(
                  only
                    ? [value]
                    : options
                        .map((option) => option.value)
                        .filter((each) =>
                          each === value ? target.checked : chosen.includes(each),
                        ),
                )
              }
              className="sr-only"
            />
            {label}
          </label>
        ))}
      </div>
      <FieldError id={`${id}-error`} error={error} />
    </fieldset>
  );
}
