import { Button } from "./Button";
import { Icon } from "./Icon";
import { notify } from "./notices";

/** Puts a text on the clipboard; where the browser forbids it, it is shown to be copied by hand. */
export async function copy(what: string, text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    notify({ tone: "good", title: `${what} copied` });
  } catch {
    notify({ tone: "info", title: "Copy this by hand", detail: text });
  }
}

interface Props {
  /** What is copied, as it is called after the word "Copy". */
  what: string;
  text: () => string;
}

export function CopyButton({ what, text }: Props) {
  const label = `Copy ${what}`;
  const said = what.charAt(0).toUpperCase() + what.slice(1);
  return (
    <Button
      kind="quiet"
      square
      aria-label={label}
      title={label}
      className="size-6! rounded"
      onClick={() => void copy(said, text())}
    >
      <Icon name="copy" size={13} />
    </Button>
  );
}
