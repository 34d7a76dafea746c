import { Button } from "../ui/Button";
import { Code } from "../ui/Code";
import { copyText } from "../ui/copy";
import { Icon } from "../ui/Icon";

/** The OrderReplay for kubectl, to copy. */
export function Manifest({ text }: { text: string }) {
  return (
    <section aria-label="OrderReplay as YAML" className="min-w-0">
      <div className="mb-1.5 flex items-center justify-between">
        <h3 className="text-xs font-medium text-muted">
          The same for <code className="font-mono">kubectl apply -f</code>
        </h3>
        <Button kind="quiet" onClick={() => void copyText(`${text}\n`, "YAML")}>
          <Icon name="copy" size={14} />
          Copy YAML
        </Button>
      </div>
      <Code>
        {text.split("\n").map((line, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the lines of one text never move
          <Line key={index} text={line} />
        ))}
      </Code>
    </section>
  );
}

function Line({ text }: { text: string }) {
  const [, name = "", value = ""] = /^(\s*[\w.]+:)?(.*)$/.exec(text) ?? [];
  return (
    <>
      {name}
      <span className="text-good">{value}</span>
      {"\n"}
    </>
  );
}
