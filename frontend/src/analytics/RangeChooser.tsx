import { type FormEvent, useState } from "react";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import { toLocal } from "../ui/format";
import { type Between, faultOf, fromLocal, type Range, SPANS, type Span } from "./range";
import { Segments } from "./Segments";

interface Props {
  range: Range;
  /** The times between which it lies now. */
  between: Between;
  onChange: (range: Range) => void;
}

const SPAN_CHOICES = (Object.keys(SPANS) as Span[]).map((span) => ({
  value: span,
  label: SPANS[span].label,
  title: SPANS[span].name,
}));

/** One of the spans that end now, or two times of one's own. */
export function RangeChooser({ range, between, onChange }: Props) {
  const own = typeof range !== "string";
  const [open, setOpen] = useState(false);
  return (
    <>
      <div className="flex gap-2">
        <Segments
          label="Time range"
          value={own ? null : range}
          choices={SPAN_CHOICES}
          onChange={(span) => {
            setOpen(false);
            onChange(span);
          }}
        />
        <Button
          aria-expanded={open}
          onClick={() => setOpen(!open)}
          className={own ? "border-accent" : ""}
        >
          Custom
        </Button>
      </div>
      {open && (
        <OwnRange
          between={between}
          onChange={(chosen) => {
            setOpen(false);
            onChange(chosen);
          }}
        />
      )}
    </>
  );
}

function OwnRange({
  between,
  onChange,
}: {
  between: Between;
  onChange: (chosen: Between) => void;
}) {
  const [from, setFrom] = useState(() => toLocal(between.from));
  const [to, setTo] = useState(() => toLocal(between.to));
  const [fault, setFault] = useState<string>();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = faultOf(from, to);
    setFault(found);
    if (!found) onChange({ from: fromLocal(from), to: fromLocal(to) });
  };
  return (
    <form
      noValidate
      onSubmit={submit}
      aria-label="Own range"
      className="order-last flex w-full flex-wrap items-start gap-2"
    >
      <Field
        label="From"
        type="datetime-local"
        value={from}
        onChange={({ target }) => setFrom(target.value)}
      />
      <Field
        label="To"
        type="datetime-local"
        value={to}
        error={fault}
        onChange={({ target }) => setTo(target.value)}
      />
      <Button type="submit" kind="primary" className="mt-5">
        Show
      </Button>
      <p className="mt-6.5 text-xs text-muted">
        In your time zone, {Intl.DateTimeFormat().resolvedOptions().timeZone}
      </p>
    </form>
  );
}
