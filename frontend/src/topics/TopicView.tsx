import { useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearchParams } from "react-router";
import { useFailure } from "../api/failure";
import { Badge } from "../ui/Badge";
import { asBytes } from "../ui/format";
import { Stale } from "../ui/Stale";
import { Failed } from "../ui/states";
import { asMessages, asRetention, COUNTED, KINDS } from "./describe";
import { LinkTabs } from "./LinkTabs";
import { Messages } from "./Messages";
import { Partitions } from "./Partitions";
import { topicQuery } from "./queries";
import { Readers } from "./Readers";
import { withParams } from "./search";

const PARTS = ["messages", "partitions", "groups"] as const;

/** One topic: its messages, its partitions and who reads it. */
export function TopicView({ name: given }: { name?: string }) {
  const { name = given ?? "" } = useParams();
  const [params] = useSearchParams();
  const part = PARTS.find((each) => each === params.get("tab")) ?? "messages";
  const query = useQuery(topicQuery(name));
  const failure = useFailure(query);
  const topic = query.data;
  const kind = topic && KINDS[topic.kind];
  const to = (tab: (typeof PARTS)[number]) =>
    withParams(params, { tab: tab === "messages" ? null : tab, message: null });

  return (
    <>
      <div className="flex min-h-12 shrink-0 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-surface px-4 py-2">
        <div className="flex min-w-0 items-center gap-1.5 text-sm">
          <Link to="/topics" className="rounded text-muted hover:text-ink">
            Topics
          </Link>
          <span aria-hidden="true" className="text-faint">
            /
          </span>
          <h1 className="truncate font-semibold" title={name}>
            {name}
          </h1>
        </div>
        {kind && (
          <Badge tone={kind.tone} title={kind.hint}>
            {kind.label}
          </Badge>
        )}
        {topic && (
          <p className="text-xs text-muted sm:ml-auto">
            <span title={COUNTED}>{asMessages(topic.messages)}</span>
            {topic.approximateBytes !== null && ` · ~ ${asBytes(topic.approximateBytes)}`}
            {` · kept: ${asRetention(topic)}`}
          </p>
        )}
        {name === "dead-letters" && (
          <Link to="/topics/dead-letters" className="rounded font-medium text-accent">
            As letters
          </Link>
        )}
      </div>
      {failure ? (
        <Failed error={failure} onRetry={() => void query.refetch()} />
      ) : (
        <>
          <LinkTabs
            label="Of this topic"
            tabs={[
              { to: to("messages"), label: "Messages", current: part === "messages" },
              {
                to: to("partitions"),
                label: "Partitions",
                current: part === "partitions",
                count: topic?.partitions.length,
              },
              {
                to: to("groups"),
                label: "Consumer groups",
                current: part === "groups",
                count: topic?.groups.length,
              },
            ]}
          />
          {topic && <Stale error={query.error} since={query.dataUpdatedAt} />}
          {part === "messages" ? (
            <Messages name={name} partitions={topic?.partitions.map((each) => each.partition)} />
          ) : (
            <section
              aria-label={part === "partitions" ? "Partitions" : "Consumer groups"}
              // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
              tabIndex={0}
              className="min-h-0 flex-1 -outline-offset-2 lg:overflow-y-auto"
            >
              {part === "partitions" ? <Partitions topic={topic} /> : <Readers topic={topic} />}
            </section>
          )}
        </>
      )}
    </>
  );
}
