import { Button } from "./Button";
import { copyText } from "./copy";
import { Icon } from "./Icon";

interface Props {
  /** What is copied, as it is called after the word "Copy". */
  what: string;
  text: () => string;
}

export function CopyButton({ what, text }: Props) {
  const label = `Copy ${what}`;
  return (
    <Button
      kind="quiet"
      square
      aria-label={label}
      title={label}
      className="size-6! rounded"
      onClick={() => void copyText(text(), what)}
    >
      <Icon name="copy" size={13} />
    </Button>
  );
}

/** Copies a link: to a path, or else to what the page shows now. */
export function CopyLink({ path }: { path?: string }) {
  const link = () => (path ? window.location.origin + path : window.location.href);
  return (
    <Button kind="quiet" onClick={() => void copyText(link(), "link")}>
      <Icon name="link" size={14} />
      Copy link
    </Button>
  );
}
